//! The model in the query of a realtime request, from
//! <https://platform.openai.com/docs/guides/realtime-websocket>; on Azure also as `deployment`. And Google's system
//! parameters, from <https://cloud.google.com/apis/docs/system-parameters>.
//!
//! It does not read other parameters.

use percent_encoding::percent_decode_str;

use super::refusal::ambiguous;
use crate::denial::Denial;
use crate::dialect::operation::Operation;
use crate::request::{Dialect, RequestHead};

/// The operation with its model; refuses `path_ambiguous` a query with two readings.
pub(super) fn read_model(operation: Operation, request: &RequestHead) -> Result<Operation, Denial> {
    let accepted: &[&str] = match operation.dialect() {
        Dialect::Azure => &["model", "deployment"],
        _ => &["model"],
    };
    let mut model = None;
    let mut joins_a_call = false;
    let query = request.query().unwrap_or_default();
    if query.contains(';') {
        return Err(ambiguous("the query holds `;`, which separates parameters for some readers"));
    }
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name)?;
        if name.eq_ignore_ascii_case("call_id") {
            joins_a_call = true;
        }
        if !accepted.iter().any(|accepted| name.eq_ignore_ascii_case(accepted)) {
            continue;
        }
        let value = decode(value)?;
        if model.is_some() || value.is_empty() || !accepted.contains(&name.as_str()) {
            return Err(ambiguous(
                "the query names the model more than once, in another case, or not at all",
            ));
        }
        model = Some(value);
    }
    let operation = operation.with_model(model);
    Ok(if joins_a_call { operation.made_stateful() } else { operation })
}

/// Of Google's parameters that begin with `$`, those that only shape the answer pass here (`requested_form` looks at them where that is
/// metered): some front ends read the method and headers of another request from such ones.
pub(super) fn refuse_system_parameters(dialect: Dialect, request: &RequestHead) -> Result<(), Denial> {
    const HARMLESS: [&str; 3] = ["$alt", "$fields", "$prettyprint"];
    if !dialect.is_googles() {
        return Ok(());
    }
    for pair in request.query().unwrap_or_default().split(['&', ';']) {
        let name = pair.split('=').next().unwrap_or_default();
        let name = percent_decode_str(name).decode_utf8_lossy().to_ascii_lowercase();
        if name.starts_with('$') && !HARMLESS.contains(&name.as_str()) {
            return Err(ambiguous("a parameter that begins with `$` can stand for a method or a header"));
        }
    }
    Ok(())
}

fn decode(text: &str) -> Result<String, Denial> {
    let flaw = || ambiguous("a parameter of the query can be read in more than one way");
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| flaw())?;
    match decoded.contains([';', '+', '%']) || decoded.chars().any(char::is_control) {
        true => Err(flaw()),
        false => Ok(decoded.into_owned()),
    }
}
