//! Bedrock's runtime operations, from
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html>, and those of its
//! other endpoints that clients ask for models and ranks.
//!
//! Left out, and so refused unless the operator lists them: agents, flows and knowledge bases, and what administers the
//! account. The OpenAI-compatible paths of Bedrock are an upstream with the dialect `openai`.

use super::row::{Row, rows};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = rows![
    POST   "/model/{arn}/converse"                    "chat"         Stateless Path Json Metered   Never;
    POST   "/model/{arn}/converse-stream"             "chat"         Stateless Path Json Metered   Always;
    POST   "/model/{arn}/invoke"                      "invoke_model" Stateless Path Json Metered   Never;
    POST   "/model/{arn}/invoke-with-response-stream" "invoke_model" Stateless Path Json Metered   Always;
    POST   "/model/{arn}/count-tokens"                "count_tokens" Stateless Path Json Unmetered Never;
    // Frames in both directions, which are not read.
    POST   "/model/{arn}/invoke-with-bidirectional-stream"   "invoke_model" Stateful  Path      Opaque Later     Always;
    // The answer goes to a bucket of the account.
    POST   "/async-invoke"                                   "invoke_model" Stateful  Body      Json   Later     Never;
    GET    "/async-invoke"                                   "invoke_model" Stateful  None      None   Unmetered Never;
    GET    "/async-invoke/{resource}"                        "invoke_model" Stateful  None      None   Unmetered Never;
    // A guardrail is made under the account; it is charged by the length of the text.
    POST   "/guardrail/{resource}/version/{id}/apply"        "guardrails"   Stateful  None      Json   Metered   Never;
    // The model is an ARN further down.
    POST   "/rerank"                                         "rerank"       Stateless Elsewhere Json   Metered   Never;
    // What models there are; inference profiles are made under the account, too.
    GET    "/foundation-models"                              "models"       Stateless None      None   Unmetered Never;
    GET    "/foundation-models/{arn}"                        "models"       Stateless Path      None   Unmetered Never;
    GET    "/foundation-model-availability/{arn}"            "models"       Stateless Path      None   Unmetered Never;
    GET    "/inference-profiles"                             "models"       Stateful  None      None   Unmetered Never;
    GET    "/inference-profiles/{resource}"                  "models"       Stateful  None      None   Unmetered Never;
];
