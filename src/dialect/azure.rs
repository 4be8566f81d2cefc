//! Azure OpenAI's versioned operations (`api-version` in the query), below `/openai`, from
//! <https://learn.microsoft.com/azure/ai-foundry/openai/reference>; its `/openai/v1/…` has OpenAI's rows.
//!
//! The deployment in the path decides which model answers; a `model` in the body is ignored there by Azure
//! and often names the model behind the deployment. Left out, and so refused unless the operator lists them:
//! assistants, threads, vector stores and fine-tuning under `api-version`, which `/openai/v1` has too.

use super::table::{Row, rows};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = rows![
    POST   "/deployments/{model}/chat/completions"     "chat"                 Stateless Path  Json      Metered   BodySays;
    POST   "/deployments/{model}/completions"          "text_completion"      Stateless Path  Json      Metered   BodySays;
    POST   "/deployments/{model}/embeddings"           "embeddings"           Stateless Path  Json      Metered   Never;
    POST   "/deployments/{model}/images/generations"   "images"               Stateless Path  Json      Metered   BodySays;
    POST   "/deployments/{model}/images/edits"         "images"               Stateless Path  JsonOrMultipart Metered   BodySays;
    POST   "/deployments/{model}/audio/speech"         "audio.speech"         Stateless Path  Json      Metered   BodySays;
    POST   "/deployments/{model}/audio/transcriptions" "audio.transcriptions" Stateless Path  Multipart Metered   BodySays;
    POST   "/deployments/{model}/audio/translations"   "audio.translations"   Stateless Path  Multipart Metered   Never;
    GET    "/realtime"                                 "realtime"             Stateless Query Upgrade   Metered   Always;
    POST   "/responses"                                "responses"            Stateless Body  Json      Metered   BodySays;
    GET    "/responses/{id}"                           "responses"            Stateful  None  None      Unmetered BodySays;
    DELETE "/responses/{id}"                           "responses"            Stateful  None  None      Unmetered Never;
    POST   "/responses/{id}/cancel"                    "responses"            Stateful  None  None      Unmetered Never;
    GET    "/responses/{id}/input_items"               "responses"            Stateful  None  None      Unmetered Never;
    GET    "/models"                                   "models"               Stateless None  None      Unmetered Never;
    GET    "/models/{model}"                           "models"               Stateless Path  None      Unmetered Never;
    GET    "/files"                                    "files"                Stateful  None  None      Unmetered Never;
    POST   "/files"                                    "files"                Stateful  None  Opaque    Unmetered Never;
    GET    "/files/{id}"                               "files"                Stateful  None  None      Unmetered Never;
    DELETE "/files/{id}"                               "files"                Stateful  None  None      Unmetered Never;
    GET    "/files/{id}/content"                       "files"                Stateful  None  None      Unmetered Never;
    GET    "/batches"                                  "batches"              Stateful  None  None      Unmetered Never;
    POST   "/batches"                                  "batches"              Stateful  Elsewhere Json  Later     Never;
    GET    "/batches/{id}"                             "batches"              Stateful  None  None      Unmetered Never;
    POST   "/batches/{id}/cancel"                      "batches"              Stateful  None  None      Unmetered Never;
];
