//! Headers that could change which operation or which model is asked for.

use super::refusal::unknown;
use crate::denial::Denial;
use crate::dialect::operation::{BodyForm, Operation};
use crate::request::RequestHead;

/// Azure OpenAI lets a header choose the deployment that makes the images of a response; the model that a rule
/// reads is then not the only one.
pub fn names_further_model(request: &RequestHead) -> bool {
    request.like("x-ms-oai-image-generation-deployment").is_some()
}

/// Google's front ends let a header replace the method that was recognised.
pub(super) fn refuse_method_override(request: &RequestHead) -> Result<(), Denial> {
    const OVERRIDES: [&str; 3] = ["x-http-method-override", "x-http-method", "x-method-override"];
    match OVERRIDES.iter().find_map(|known| request.like(known)) {
        Some(name) => Err(unknown(format!("the header `{name}` is not accepted"))),
        None => Ok(()),
    }
}

pub(super) fn refuse_upgrade(operation: &Operation, request: &RequestHead) -> Result<(), Denial> {
    if operation.profile.body != BodyForm::Upgrade {
        return match request.is_upgrade() {
            true => Err(unknown("an upgrade is not known at this path")),
            false => Ok(()),
        };
    }
    let mut upgrades = request.values("upgrade");
    match (upgrades.next(), upgrades.next()) {
        (Some(protocol), None) if protocol.eq_ignore_ascii_case(b"websocket") => Ok(()),
        _ => Err(unknown("this path is known only as a WebSocket")),
    }
}
