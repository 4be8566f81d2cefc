//! Operations that providers of OpenAI's kind have beside its own: Mistral, DeepSeek, and whoever ranks texts.
//!
//! From <https://docs.mistral.ai/api>, <https://api-docs.deepseek.com>, <https://docs.cohere.com/reference/rerank> and
//! <https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html>. Left out, and so refused unless the operator
//! lists them: what Cohere (`/v2/chat`) and Ollama (`/api/…`) have in words of their own.

use super::row::{Row, rows};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = rows![
    // Mistral: fill in the middle, agents kept under the account, documents, classes
    POST   "/v1/fim/completions"       "text_completion"      Stateless Body      Json      Metered   BodySays;
    POST   "/v1/agents/completions"    "chat"                 Stateful  Elsewhere Json      Metered   BodySays;
    POST   "/v1/ocr"                   "ocr"                  Stateless Body      Json      Metered   Never;
    POST   "/v1/chat/moderations"      "moderations"          Stateless Body      Json      Unmetered Never;
    POST   "/v1/classifications"       "moderations"          Stateless Body      Json      Metered   Never;
    POST   "/v1/chat/classifications"  "moderations"          Stateless Body      Json      Metered   Never;
    // DeepSeek: a prefix of the answer, fill in the middle
    POST   "/beta/chat/completions"    "chat"                 Stateless Body      Json      Metered   BodySays;
    POST   "/beta/completions"         "text_completion"      Stateless Body      Json      Metered   BodySays;
    // Ranks, as Cohere, Jina, Voyage, Together and vLLM have them
    POST   "/v1/rerank"                "rerank"               Stateless Body      Json      Metered   Never;
    POST   "/v1/reranking"             "rerank"               Stateless Body      Json      Metered   Never;
    POST   "/v2/rerank"                "rerank"               Stateless Body      Json      Metered   Never;
    POST   "/v1/score"                 "rerank"               Stateless Body      Json      Metered   Never;
    POST   "/score"                    "rerank"               Stateless Body      Json      Metered   Never;
];
