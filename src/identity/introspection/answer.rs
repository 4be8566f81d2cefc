//! What an issuer's answer means (RFC 7662 section 2.2).
//!
//! What is not an answer proves nothing and refuses nothing: the caller cannot be told then.

use std::rc::Rc;

use serde_json::Value;

use crate::denial::{Denial, Reason};
use crate::identity::principal::Principal;
use crate::unique_json;

/// The longest answer that is read, in bytes.
pub const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// What an issuer said of a token.
#[derive(Clone, Debug)]
pub struct Introspected {
    pub(in crate::identity) principal: Result<Rc<Principal>, Denial>,
    /// SHA-256 of the whole answer, for the name of what is found out by it.
    pub(in crate::identity) answer: [u8; 32],
    /// Unix milliseconds; before it, where a clock was set back, the token may not be valid yet.
    pub(in crate::identity) asked_ms: u64,
    /// Unix milliseconds from which on the issuer must be asked again.
    pub(in crate::identity) until_ms: u64,
}

impl Introspected {
    /// True where nobody is proven by it.
    pub fn is_refusal(&self) -> bool {
        self.principal.is_err()
    }

    /// True where it may be relied on.
    pub(in crate::identity) fn holds(&self, now_ms: u64) -> bool {
        (self.asked_ms..self.until_ms).contains(&now_ms)
    }
}

/// The claims of a token that is active; the denial of one that is not.
///
/// # Errors
/// One line for the operator where this is no answer.
pub(in crate::identity) fn read(
    answer: &[u8],
) -> Result<Result<serde_json::Map<String, Value>, Denial>, String> {
    let answer = unique_json::object(answer).ok_or("the answer is not one JSON object")?;
    match answer.get("active") {
        Some(Value::Bool(true)) => Ok(Ok(answer)),
        Some(Value::Bool(false)) => Ok(Err(Reason::TokenInactive.into())),
        _ => Err("the answer does not say by `active` whether the token is".to_owned()),
    }
}
