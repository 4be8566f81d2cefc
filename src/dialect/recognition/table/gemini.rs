//! Gemini's operations, from <https://ai.google.dev/api>, and its OpenAI-compatible ones, from
//! <https://ai.google.dev/gemini-api/docs/openai>.
//!
//! Left out, and so refused unless the operator lists them: Vertex's paths below `projects/…`, which name the account that
//! pays (`vertex.rs`), `webhooks` and `credentials`, which administer it, and the gRPC names of the same methods. What mints a
//! credential of the provider for the caller is in `../ephemeral_tokens.rs`.

use super::row::{Row, rows};

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
    // Vertex, where the account is that of the key.
    POST   "/{version}/publishers/google/models/{name}:generateContent"   "generate_content" Stateless Path      Json   Metered   Never;
    POST   "/{version}/publishers/google/models/{name}:streamGenerateContent" "generate_content" Stateless Path      Json   Metered   Always;
    POST   "/{version}/publishers/google/models/{name}:embedContent"      "embeddings"       Stateless Path      Json   Metered   Never;
    POST   "/{version}/publishers/google/models/{name}:countTokens"       "count_tokens"     Stateless Path      Json   Unmetered Never;
    POST   "/{version}/publishers/google/models/{name}:computeTokens"     "count_tokens"     Stateless Path      Json   Unmetered Never;
    POST   "/{version}/publishers/google/models/{name}:predict"           "predict"          Stateless Path      Json   Metered   Never;
    GET    "/{version}/publishers/google/models/{name}"                   "models"           Stateless Path      None   Unmetered Never;
    // More that is done when the answer is past.
    POST   "/{version}/models/{name}:asyncBatchEmbedContent"              "batches"          Stateful  Path      Json   Later     Never;
    POST   "/{version}/batches/{id}:delete"                               "batches"          Stateful  None      None   Unmetered Never;
    PATCH  "/{version}/batches/{id}:updateGenerateContentBatch"           "batches"          Stateful  None      Json   Unmetered Never;
    PATCH  "/{version}/batches/{id}:updateEmbedContentBatch"              "batches"          Stateful  None      Json   Unmetered Never;
    GET    "/{version}/operations/{id}"                                   "batches"          Stateful  None      None   Unmetered Never;
    GET    "/{version}/tunedModels"                                       "fine_tuning"      Stateful  None      None   Unmetered Never;
    POST   "/{version}/tunedModels"                                       "fine_tuning"      Stateful  Elsewhere Opaque Later     Never;
    GET    "/{version}/tunedModels/{tuned}"                               "fine_tuning"      Stateful  Path      None   Unmetered Never;
    PATCH  "/{version}/tunedModels/{tuned}"                               "fine_tuning"      Stateful  Path      Json   Unmetered Never;
    DELETE "/{version}/tunedModels/{tuned}"                               "fine_tuning"      Stateful  Path      None   Unmetered Never;
    GET    "/{version}/tunedModels/{id}/operations"                       "fine_tuning"      Stateful  None      None   Unmetered Never;
    GET    "/{version}/tunedModels/{id}/operations/{id}"                  "fine_tuning"      Stateful  None      None   Unmetered Never;
    // An interaction is kept unless its body says `store: false`; where it goes on with another, the body names that.
    POST   "/{version}/interactions"                                      "interactions"     Stateless Body      Json   Metered   BodySays;
    GET    "/{version}/interactions/{id}"                                 "interactions"     Stateful  None      None   Unmetered BodySays;
    DELETE "/{version}/interactions/{id}"                                 "interactions"     Stateful  None      None   Unmetered Never;
    POST   "/{version}/interactions/{id}/cancel"                          "interactions"     Stateful  None      None   Unmetered Never;
    POST   "/{version}/decisions"                                         "decisions"        Stateless Body      Json   Metered   Never;
    // What is kept for interactions: agents have their model, triggers work by themselves.
    GET    "/{version}/agents"                                            "agents"           Stateful  None      None   Unmetered Never;
    POST   "/{version}/agents"                                            "agents"           Stateful  Elsewhere Opaque Unmetered Never;
    GET    "/{version}/agents/{id}"                                       "agents"           Stateful  None      None   Unmetered Never;
    DELETE "/{version}/agents/{id}"                                       "agents"           Stateful  None      None   Unmetered Never;
    GET    "/{version}/environments"                                      "environments"     Stateful  None      None   Unmetered Never;
    POST   "/{version}/environments"                                      "environments"     Stateful  None      Opaque Unmetered Never;
    GET    "/{version}/environments/{id}"                                 "environments"     Stateful  None      None   Unmetered Never;
    DELETE "/{version}/environments/{id}"                                 "environments"     Stateful  None      None   Unmetered Never;
    GET    "/{version}/triggers"                                          "triggers"         Stateful  None      None   Unmetered Never;
    POST   "/{version}/triggers"                                          "triggers"         Stateful  Elsewhere Opaque Later     Never;
    GET    "/{version}/triggers/{id}"                                     "triggers"         Stateful  None      None   Unmetered Never;
    PATCH  "/{version}/triggers/{id}"                                     "triggers"         Stateful  Elsewhere Opaque Later     Never;
    DELETE "/{version}/triggers/{id}"                                     "triggers"         Stateful  None      None   Unmetered Never;
    GET    "/{version}/triggers/{id}/executions"                          "triggers"         Stateful  None      None   Unmetered Never;
    POST   "/{version}/triggers/{id}/executions"                          "triggers"         Stateful  Elsewhere Opaque Later     Never;
    GET    "/{version}/voices"                                            "voices"           Stateful  None      None   Unmetered Never;
    POST   "/{version}/voices"                                            "voices"           Stateful  None      Opaque Unmetered Never;
    GET    "/{version}/voices/{id}"                                       "voices"           Stateful  None      None   Unmetered Never;
    DELETE "/{version}/voices/{id}"                                       "voices"           Stateful  None      None   Unmetered Never;
    // A search in a file search store is a tool of `generateContent`.
    GET    "/{version}/fileSearchStores"                                  "file_search_stores" Stateful  None      None   Unmetered Never;
    POST   "/{version}/fileSearchStores"                                  "file_search_stores" Stateful  None      Json   Unmetered Never;
    GET    "/{version}/fileSearchStores/{id}"                             "file_search_stores" Stateful  None      None   Unmetered Never;
    DELETE "/{version}/fileSearchStores/{id}"                             "file_search_stores" Stateful  None      None   Unmetered Never;
    POST   "/{version}/fileSearchStores/{id}:importFile"                  "file_search_stores" Stateful  None      Json   Unmetered Never;
    POST   "/upload/{version}/fileSearchStores/{id}:uploadToFileSearchStore" "uploads"          Stateful  None      Opaque Unmetered Never;
    PUT    "/upload/{version}/fileSearchStores/{id}:uploadToFileSearchStore" "uploads"          Stateful  None      Opaque Unmetered Never;
    GET    "/{version}/fileSearchStores/{id}/documents"                   "file_search_stores" Stateful  None      None   Unmetered Never;
    GET    "/{version}/fileSearchStores/{id}/documents/{id}"              "file_search_stores" Stateful  None      None   Unmetered Never;
    DELETE "/{version}/fileSearchStores/{id}/documents/{id}"              "file_search_stores" Stateful  None      None   Unmetered Never;
    GET    "/{version}/fileSearchStores/{id}/operations/{id}"             "file_search_stores" Stateful  None      None   Unmetered Never;
    GET    "/{version}/fileSearchStores/{id}/upload/operations/{id}"      "file_search_stores" Stateful  None      None   Unmetered Never;
    // Files beside those above; what goes to an upload's URL comes by `POST` or `PUT`.
    POST   "/{version}/files"                                             "files"            Stateful  None      Json   Unmetered Never;
    POST   "/{version}/files:register"                                    "files"            Stateful  None      Json   Unmetered Never;
    GET    "/{version}/files/{id}:download"                               "files"            Stateful  None      None   Unmetered Never;
    GET    "/download/{version}/files/{id}:download"                      "files"            Stateful  None      None   Unmetered Never;
    GET    "/{version}/generatedFiles"                                    "files"            Stateful  None      None   Unmetered Never;
    GET    "/{version}/generatedFiles/{id}"                               "files"            Stateful  None      None   Unmetered Never;
    GET    "/{version}/generatedFiles/{id}:download"                      "files"            Stateful  None      None   Unmetered Never;
    PUT    "/upload/{version}/files"                                      "uploads"          Stateful  None      Opaque Unmetered Never;
    // Live: the frames name the model, and files.
    GET    "/ws/google.ai.generativelanguage.v1.GenerativeService.BidiGenerateContent"               "live" Stateful  Elsewhere Upgrade Metered   Always;
    GET    "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"           "live" Stateful  Elsewhere Upgrade Metered   Always;
    GET    "/ws/google.ai.generativelanguage.v1alpha.GenerativeService.BidiGenerateContent"          "live" Stateful  Elsewhere Upgrade Metered   Always;
    GET    "/ws/google.ai.generativelanguage.v1.GenerativeService.BidiGenerateContentConstrained"    "live" Stateful  Elsewhere Upgrade Metered   Always;
    GET    "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContentConstrained" "live" Stateful  Elsewhere Upgrade Metered   Always;
    GET    "/ws/google.ai.generativelanguage.v1alpha.GenerativeService.BidiGenerateContentConstrained" "live" Stateful  Elsewhere Upgrade Metered   Always;
    GET    "/ws/google.ai.generativelanguage.v1.GenerativeService.BidiGenerateMusic"                 "live" Stateful  Elsewhere Upgrade Metered   Always;
    GET    "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateMusic"             "live" Stateful  Elsewhere Upgrade Metered   Always;
    GET    "/ws/google.ai.generativelanguage.v1alpha.GenerativeService.BidiGenerateMusic"            "live" Stateful  Elsewhere Upgrade Metered   Always;
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
