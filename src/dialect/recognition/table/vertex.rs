//! Vertex AI's operations, from <https://cloud.google.com/vertex-ai/docs/reference/rest>, Anthropic's there, from
//! <https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude>, and those in OpenAI's words,
//! from <https://cloud.google.com/vertex-ai/generative-ai/docs/start/openai>.
//!
//! All of them name the project that pays. Left out, and so refused unless the operator lists them: other publishers,
//! endpoints of one's own, batch jobs, `cachedContents`, `predictLongRunning`, and what has no project in its path, such
//! as the Live API.

use super::row::{Row, rows};

pub(super) const GOOGLE: &str = "/{version}/projects/{project}/locations/{location}/publishers/google";
pub(super) const ANTHROPIC: &str = "/{version}/projects/{project}/locations/{location}/publishers/anthropic";
pub(super) const OPENAPI: &str = "/{version}/projects/{project}/locations/{location}/endpoints/openapi";

#[rustfmt::skip]
pub(super) const GOOGLE_ROWS: &[Row] = rows![
    POST   "/models/{name}:generateContent"       "generate_content" Stateless Path Json Metered   Never;
    POST   "/models/{name}:streamGenerateContent" "generate_content" Stateless Path Json Metered   Always;
    POST   "/models/{name}:embedContent"          "embeddings"       Stateless Path Json Metered   Never;
    POST   "/models/{name}:countTokens"           "count_tokens"     Stateless Path Json Unmetered Never;
    POST   "/models/{name}:predict"               "predict"          Stateless Path Json Metered   Never;
];

/// The bodies are those of `/v1/messages`, with `anthropic_version` in the place of `model`.
#[rustfmt::skip]
pub(super) const ANTHROPIC_ROWS: &[Row] = rows![
    // No model has this name; the body names the one whose tokens are counted.
    POST   "/models/count-tokens:rawPredict"      "count_tokens"     Stateless Body Json Unmetered Never;
    POST   "/models/{name}:rawPredict"            "chat"             Stateless Path Json Metered   BodySays;
    POST   "/models/{name}:streamRawPredict"      "chat"             Stateless Path Json Metered   Always;
];

#[rustfmt::skip]
pub(super) const OPENAPI_ROWS: &[Row] = rows![
    POST   "/chat/completions"                    "chat"             Stateless Body Json Metered   BodySays;
];
