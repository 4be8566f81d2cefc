//! What the model of a Bedrock path says of an operation, where it is the ARN of something under the account.

use crate::dialect::operation::Operation;
use crate::request::Dialect;

/// A modelId may be the ARN of something made under the account: a stored prompt, which names its model there, or a
/// model of its own. Foundation models, AWS's own inference profiles and
/// its routers are everybody's.
pub(super) fn see_own_resource(operation: Operation) -> Operation {
    let model =
        operation.path_model().filter(|_| operation.dialect() == Dialect::Bedrock).unwrap_or_default();
    // arn:partition:service:region:account:resource, and the resource may hold colons.
    let Some(resource) = model.starts_with("arn:").then(|| model.splitn(6, ':').nth(5).unwrap_or_default())
    else {
        return operation;
    };
    match resource.split('/').next() {
        Some("foundation-model" | "inference-profile") => operation,
        // A router chooses among models.
        Some("default-prompt-router") => operation.of_unknown_model(),
        Some("prompt" | "prompt-router") => operation.made_stateful(),
        _ => operation.of_own_account(),
    }
}
