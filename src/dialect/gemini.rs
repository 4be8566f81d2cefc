//! Gemini's operations, from <https://ai.google.dev/api>, and its OpenAI-compatible ones, from
//! <https://ai.google.dev/gemini-api/docs/openai>.
//!
//! Left out, and so refused unless the operator lists them: live sessions and `authTokens`, file search
//! stores, interactions, and the gRPC names of the same methods.

use super::table::{Row, rows};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = rows![
    POST   "/{version}/models/{name}:generateContent"            "generate_content" Stateless Path Json   Metered   Never;
    POST   "/{version}/models/{name}:streamGenerateContent"      "generate_content" Stateless Path Json   Metered   Always;
    POST   "/{version}/models/{name}:embedContent"               "embeddings"       Stateless Path Json   Metered   Never;
    POST   "/{version}/models/{name}:batchEmbedContents"         "embeddings"       Stateless Path Json   Metered   Never;
    POST   "/{version}/models/{name}:countTokens"                "count_tokens"     Stateless Path Json   Unmetered Never;
    POST   "/{version}/models/{name}:predict"                    "predict"          Stateless Path Json   Metered   Never;
    // Long-running: the answer stays under the account.
    POST   "/{version}/models/{name}:predictLongRunning"         "predict"          Stateful  Path Json   Later     Never;
    GET    "/{version}/models/{name}/operations/{id}"            "predict"          Stateful  Path None   Unmetered Never;
    POST   "/{version}/models/{name}:batchGenerateContent"       "batches"          Stateful  Path Json   Later     Never;
    GET    "/{version}/batches"                                  "batches"          Stateful  None None   Unmetered Never;
    GET    "/{version}/batches/{id}"                             "batches"          Stateful  None None   Unmetered Never;
    DELETE "/{version}/batches/{id}"                             "batches"          Stateful  None None   Unmetered Never;
    POST   "/{version}/batches/{id}:cancel"                      "batches"          Stateful  None None   Unmetered Never;
    GET    "/{version}/models"                                   "models"           Stateless None None   Unmetered Never;
    GET    "/{version}/models/{name}"                            "models"           Stateless Path None   Unmetered Never;
    // A tuned model belongs to the account.
    POST   "/{version}/tunedModels/{tuned}:generateContent"       "generate_content" Stateful Path Json   Metered   Never;
    POST   "/{version}/tunedModels/{tuned}:streamGenerateContent" "generate_content" Stateful Path Json   Metered   Always;
    GET    "/{version}/files"                                    "files"            Stateful  None None   Unmetered Never;
    GET    "/{version}/files/{id}"                               "files"            Stateful  None None   Unmetered Never;
    DELETE "/{version}/files/{id}"                               "files"            Stateful  None None   Unmetered Never;
    POST   "/upload/{version}/files"                             "uploads"          Stateful  None Opaque Unmetered Never;
    GET    "/{version}/cachedContents"                           "cached_contents"  Stateful  None None   Unmetered Never;
    POST   "/{version}/cachedContents"                           "cached_contents"  Stateful  Body Json   Metered   Never;
    GET    "/{version}/cachedContents/{id}"                      "cached_contents"  Stateful  None None   Unmetered Never;
    PATCH  "/{version}/cachedContents/{id}"                      "cached_contents"  Stateful  None Json   Unmetered Never;
    DELETE "/{version}/cachedContents/{id}"                      "cached_contents"  Stateful  None None   Unmetered Never;
];

/// Below `/v1beta/openai`; the bodies are OpenAI's.
#[rustfmt::skip]
pub(super) const OPENAI_ROWS: &[Row] = rows![
    POST   "/chat/completions"   "chat"       Stateless Body Json Metered   BodySays;
    POST   "/embeddings"         "embeddings" Stateless Body Json Metered   Never;
    POST   "/images/generations" "images"     Stateless Body Json Metered   BodySays;
    GET    "/models"             "models"     Stateless None None Unmetered Never;
    GET    "/models/{name}"      "models"     Stateless Path None Unmetered Never;
];
