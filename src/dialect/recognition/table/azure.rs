//! Azure OpenAI's versioned operations (`api-version` in the query), below `/openai`, from
//! <https://learn.microsoft.com/azure/ai-foundry/openai/reference>; its `/openai/v1/…` has OpenAI's rows.
//!
//! The deployment in the path decides which model answers; a `model` in the body is ignored there by Azure
//! and often names the model behind the deployment. Whatever else OpenAI has is below `/openai` with and without `/v1`.

use super::row::{Row, rows};

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
    // Sora's first operations, of Azure alone.
    POST   "/v1/video/generations/jobs"                   "videos"               Stateful  Body      Json      Later     Never;
    GET    "/v1/video/generations/jobs"                   "videos"               Stateful  None      None      Unmetered Never;
    GET    "/v1/video/generations/jobs/{id}"              "videos"               Stateful  None      None      Unmetered Never;
    DELETE "/v1/video/generations/jobs/{id}"              "videos"               Stateful  None      None      Unmetered Never;
    GET    "/v1/video/generations/{id}"                   "videos"               Stateful  None      None      Unmetered Never;
    GET    "/v1/video/generations/{id}/thumbnail"         "videos"               Stateful  None      None      Unmetered Never;
    GET    "/v1/video/generations/{id}/content/video"     "videos"               Stateful  None      None      Unmetered Never;
    GET    "/v1/video/generations/{id}/content/thumbnail" "videos"               Stateful  None      None      Unmetered Never;
];

/// Model inference at the root of an endpoint, from <https://learn.microsoft.com/rest/api/aifoundry/modelinference>; the
/// model stands in the body, and an endpoint of one model needs none.
#[rustfmt::skip]
pub(super) const ENDPOINT_ROWS: &[Row] = rows![
    POST   "/models/chat/completions"  "chat"        Stateless Body      Json Metered   BodySays;
    POST   "/models/embeddings"        "embeddings"  Stateless Body      Json Metered   Never;
    POST   "/models/images/embeddings" "embeddings"  Stateless Body      Json Metered   Never;
    GET    "/models/info"              "models"      Stateless None      None Unmetered Never;
    POST   "/chat/completions"         "chat"        Stateless Body      Json Metered   BodySays;
    POST   "/embeddings"               "embeddings"  Stateless Body      Json Metered   Never;
    POST   "/images/embeddings"        "embeddings"  Stateless Body      Json Metered   Never;
    GET    "/info"                     "models"      Stateless None      None Unmetered Never;
];
