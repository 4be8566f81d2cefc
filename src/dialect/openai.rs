//! OpenAI's operations, from <https://platform.openai.com/docs/api-reference>.
//!
//! Left out, and so refused unless the operator lists them: `/v1/realtime/client_secrets` and
//! `/v1/realtime/sessions`, which mint a credential of the provider for the caller; `/v1/organization/…`, the
//! administration of the account; assistants and threads, which OpenAI has retired; containers, evals,
//! videos, skills; the WebSocket mode of `/v1/responses`, whose models are in its frames.

use super::table::{Row, rows};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = rows![
    // /chat
    POST   "/v1/chat/completions"                              "chat"                 Stateless Body      Json      Metered   BodySays;
    GET    "/v1/chat/completions"                              "chat"                 Stateful  None      None      Unmetered Never;
    GET    "/v1/chat/completions/{id}"                         "chat"                 Stateful  None      None      Unmetered Never;
    POST   "/v1/chat/completions/{id}"                         "chat"                 Stateful  None      Json      Unmetered Never;
    DELETE "/v1/chat/completions/{id}"                         "chat"                 Stateful  None      None      Unmetered Never;
    GET    "/v1/chat/completions/{id}/messages"                "chat"                 Stateful  None      None      Unmetered Never;
    // /responses; a stored response is streamed again when its query says so.
    POST   "/v1/responses"                                     "responses"            Stateless Body      Json      Metered   BodySays;
    POST   "/v1/responses/compact"                             "responses"            Stateless Body      Json      Metered   Never;
    POST   "/v1/responses/input_tokens"                        "count_tokens"         Stateless Body      Json      Unmetered Never;
    GET    "/v1/responses/{id}"                                "responses"            Stateful  None      None      Unmetered BodySays;
    DELETE "/v1/responses/{id}"                                "responses"            Stateful  None      None      Unmetered Never;
    POST   "/v1/responses/{id}/cancel"                         "responses"            Stateful  None      None      Unmetered Never;
    GET    "/v1/responses/{id}/input_items"                    "responses"            Stateful  None      None      Unmetered Never;
    // /completions, /embeddings, /moderations
    POST   "/v1/completions"                                   "text_completion"      Stateless Body      Json      Metered   BodySays;
    POST   "/v1/embeddings"                                    "embeddings"           Stateless Body      Json      Metered   Never;
    POST   "/v1/moderations"                                   "moderations"          Stateless Body      Json      Unmetered Never;
    // /images
    POST   "/v1/images/generations"                            "images"               Stateless Body      Json      Metered   BodySays;
    POST   "/v1/images/edits"                                  "images"               Stateless Multipart JsonOrMultipart Metered   BodySays;
    POST   "/v1/images/variations"                             "images"               Stateless Multipart Multipart Metered   Never;
    // /audio
    POST   "/v1/audio/speech"                                  "audio.speech"         Stateless Body      Json      Metered   BodySays;
    POST   "/v1/audio/transcriptions"                          "audio.transcriptions" Stateless Multipart Multipart Metered   BodySays;
    POST   "/v1/audio/translations"                            "audio.translations"   Stateless Multipart Multipart Metered   Never;
    // /realtime
    GET    "/v1/realtime"                                      "realtime"             Stateless Query     Upgrade   Metered   Always;
    // /models
    GET    "/v1/models"                                        "models"               Stateless None      None      Unmetered Never;
    GET    "/v1/models/{model}"                                "models"               Stateless Path      None      Unmetered Never;
    DELETE "/v1/models/{model}"                                "models"               Stateful  Path      None      Unmetered Never;
    // /files, /uploads, /batches
    GET    "/v1/files"                                         "files"                Stateful  None      None      Unmetered Never;
    POST   "/v1/files"                                         "files"                Stateful  None      Opaque    Unmetered Never;
    GET    "/v1/files/{id}"                                    "files"                Stateful  None      None      Unmetered Never;
    DELETE "/v1/files/{id}"                                    "files"                Stateful  None      None      Unmetered Never;
    GET    "/v1/files/{id}/content"                            "files"                Stateful  None      None      Unmetered Never;
    POST   "/v1/uploads"                                       "uploads"              Stateful  None      Json      Unmetered Never;
    POST   "/v1/uploads/{id}/parts"                            "uploads"              Stateful  None      Opaque    Unmetered Never;
    POST   "/v1/uploads/{id}/complete"                         "uploads"              Stateful  None      Json      Unmetered Never;
    POST   "/v1/uploads/{id}/cancel"                           "uploads"              Stateful  None      None      Unmetered Never;
    GET    "/v1/batches"                                       "batches"              Stateful  None      None      Unmetered Never;
    POST   "/v1/batches"                                       "batches"              Stateful  Elsewhere Json      Later     Never;
    GET    "/v1/batches/{id}"                                  "batches"              Stateful  None      None      Unmetered Never;
    POST   "/v1/batches/{id}/cancel"                           "batches"              Stateful  None      None      Unmetered Never;
    // /vector_stores
    GET    "/v1/vector_stores"                                 "vector_stores"        Stateful  None      None      Unmetered Never;
    POST   "/v1/vector_stores"                                 "vector_stores"        Stateful  None      Json      Unmetered Never;
    GET    "/v1/vector_stores/{id}"                            "vector_stores"        Stateful  None      None      Unmetered Never;
    POST   "/v1/vector_stores/{id}"                            "vector_stores"        Stateful  None      Json      Unmetered Never;
    DELETE "/v1/vector_stores/{id}"                            "vector_stores"        Stateful  None      None      Unmetered Never;
    POST   "/v1/vector_stores/{id}/search"                     "vector_stores"        Stateful  None      Json      Unmetered Never;
    GET    "/v1/vector_stores/{id}/files"                      "vector_stores"        Stateful  None      None      Unmetered Never;
    POST   "/v1/vector_stores/{id}/files"                      "vector_stores"        Stateful  None      Json      Unmetered Never;
    GET    "/v1/vector_stores/{id}/files/{id}"                 "vector_stores"        Stateful  None      None      Unmetered Never;
    POST   "/v1/vector_stores/{id}/files/{id}"                 "vector_stores"        Stateful  None      Json      Unmetered Never;
    DELETE "/v1/vector_stores/{id}/files/{id}"                 "vector_stores"        Stateful  None      None      Unmetered Never;
    GET    "/v1/vector_stores/{id}/files/{id}/content"         "vector_stores"        Stateful  None      None      Unmetered Never;
    POST   "/v1/vector_stores/{id}/file_batches"               "vector_stores"        Stateful  None      Json      Unmetered Never;
    GET    "/v1/vector_stores/{id}/file_batches/{id}"          "vector_stores"        Stateful  None      None      Unmetered Never;
    GET    "/v1/vector_stores/{id}/file_batches/{id}/files"    "vector_stores"        Stateful  None      None      Unmetered Never;
    POST   "/v1/vector_stores/{id}/file_batches/{id}/cancel"   "vector_stores"        Stateful  None      None      Unmetered Never;
    // /conversations
    POST   "/v1/conversations"                                 "conversations"        Stateful  None      Json      Unmetered Never;
    GET    "/v1/conversations/{id}"                            "conversations"        Stateful  None      None      Unmetered Never;
    POST   "/v1/conversations/{id}"                            "conversations"        Stateful  None      Json      Unmetered Never;
    DELETE "/v1/conversations/{id}"                            "conversations"        Stateful  None      None      Unmetered Never;
    GET    "/v1/conversations/{id}/items"                      "conversations"        Stateful  None      None      Unmetered Never;
    POST   "/v1/conversations/{id}/items"                      "conversations"        Stateful  None      Json      Unmetered Never;
    GET    "/v1/conversations/{id}/items/{id}"                 "conversations"        Stateful  None      None      Unmetered Never;
    DELETE "/v1/conversations/{id}/items/{id}"                 "conversations"        Stateful  None      None      Unmetered Never;
    // /fine-tuning
    GET    "/v1/fine_tuning/jobs"                              "fine_tuning"          Stateful  None      None      Unmetered Never;
    POST   "/v1/fine_tuning/jobs"                              "fine_tuning"          Stateful  Body      Json      Later     Never;
    GET    "/v1/fine_tuning/jobs/{id}"                         "fine_tuning"          Stateful  None      None      Unmetered Never;
    POST   "/v1/fine_tuning/jobs/{id}/cancel"                  "fine_tuning"          Stateful  None      None      Unmetered Never;
    POST   "/v1/fine_tuning/jobs/{id}/pause"                   "fine_tuning"          Stateful  None      None      Unmetered Never;
    POST   "/v1/fine_tuning/jobs/{id}/resume"                  "fine_tuning"          Stateful  Elsewhere None      Later     Never;
    GET    "/v1/fine_tuning/jobs/{id}/events"                  "fine_tuning"          Stateful  None      None      Unmetered Never;
    GET    "/v1/fine_tuning/jobs/{id}/checkpoints"             "fine_tuning"          Stateful  None      None      Unmetered Never;
];
