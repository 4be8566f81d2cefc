//! Bedrock's runtime operations, from
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html>.
//!
//! Left out, and so refused unless the operator lists them: asynchronous and bidirectional invocation, and
//! `/guardrail/…`. The OpenAI-compatible paths of Bedrock are an upstream with the dialect `openai`.

use super::Operation;
use super::table::{Row, rows};
use crate::request::Dialect;

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = rows![
    POST   "/model/{arn}/converse"                    "chat"         Stateless Path Json Metered   Never;
    POST   "/model/{arn}/converse-stream"             "chat"         Stateless Path Json Metered   Always;
    POST   "/model/{arn}/invoke"                      "invoke_model" Stateless Path Json Metered   Never;
    POST   "/model/{arn}/invoke-with-response-stream" "invoke_model" Stateless Path Json Metered   Always;
    POST   "/model/{arn}/count-tokens"                "count_tokens" Stateless Path Json Unmetered Never;
];

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
