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

/// A modelId may be the ARN of a stored prompt, which names its model under the account.
pub(super) fn see_stored_prompt(operation: Operation) -> Operation {
    let stored = operation.path_model().is_some_and(|model| model.contains(":prompt/"));
    if operation.dialect() == Dialect::Bedrock && stored { operation.made_stateful() } else { operation }
}
