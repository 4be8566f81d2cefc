//! Who acts on a subject's behalf: the claim `act` (RFC 8693 section 4.1).

use serde_json::{Map, Value};

use crate::denial::Denial;
use crate::identity::claim::invalid;

/// Deeper delegation chains are refused.
pub const MAX_ACTORS: usize = 8;

/// The `sub` of each nested `act` (RFC 8693 section 4.1), the current actor first.
pub(in crate::identity) fn actors(claims: &Map<String, Value>) -> Result<Vec<String>, Denial> {
    let mut actors = Vec::new();
    let mut next = claims.get("act");
    while let Some(act) = next {
        let subject = act.get("sub").and_then(Value::as_str).filter(|subject| !subject.is_empty());
        let subject = subject.ok_or_else(|| invalid("act", "does not name its actor by `sub`"))?;
        if actors.len() >= MAX_ACTORS {
            return Err(invalid("act", "is nested too deeply"));
        }
        actors.push(subject.to_owned());
        next = act.get("act");
    }
    Ok(actors)
}
