//! OpenAI's operations, from <https://platform.openai.com/docs/api-reference> and the paths that its SDKs ask for; also
//! without `/v1`, for providers whose base URL ends before it (`../table.rs`).
//!
//! Left out, and so refused unless the operator lists them: what administers the account (`/v1/organization/…`,
//! `/v1/projects/…`, `/v1/webhook_endpoints/…`, `/v1/safety/…`), and `/v1/vaults/…`, which keep credentials. What mints a
//! credential of the provider for the caller is in `../ephemeral_tokens.rs`.

use super::row::{Row, rows};

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
    GET    "/v1/models/{slug}"                                 "models"               Stateless Path      None      Unmetered Never;
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
    // /responses as a WebSocket: its frames name models and stored responses.
    GET    "/v1/responses"                                             "responses"            Stateful  Elsewhere Upgrade   Metered   Always;
    // /realtime/calls: the sound goes to the provider past this gateway; a call is joined by its id.
    POST   "/v1/realtime/calls"                                        "realtime"             Stateful  Elsewhere Opaque    Later     Never;
    POST   "/v1/realtime/calls/{id}/accept"                            "realtime"             Stateful  Body      Json      Later     Never;
    POST   "/v1/realtime/calls/{id}/reject"                            "realtime"             Stateful  None      Json      Unmetered Never;
    POST   "/v1/realtime/calls/{id}/refer"                             "realtime"             Stateful  None      Json      Unmetered Never;
    POST   "/v1/realtime/calls/{id}/hangup"                            "realtime"             Stateful  None      None      Unmetered Never;
    GET    "/v1/realtime/translations"                                 "realtime"             Stateless Query     Upgrade   Metered   Always;
    // /live, sessions of voice agents; the model is named in them.
    GET    "/v1/live/sessions"                                         "live"                 Stateful  Elsewhere Upgrade   Metered   Always;
    POST   "/v1/live/sessions"                                         "live"                 Stateful  Elsewhere Opaque    Later     Never;
    POST   "/v1/live/sessions/{id}/accept"                             "live"                 Stateful  Elsewhere Opaque    Later     Never;
    POST   "/v1/live/sessions/{id}/fork"                               "live"                 Stateful  Elsewhere Opaque    Later     Never;
    POST   "/v1/live/sessions/{id}/reject"                             "live"                 Stateful  None      Json      Unmetered Never;
    POST   "/v1/live/sessions/{id}/refer"                              "live"                 Stateful  None      Json      Unmetered Never;
    POST   "/v1/live/sessions/{id}/hangup"                             "live"                 Stateful  None      None      Unmetered Never;
    GET    "/v1/live/sessions/{id}/content"                            "live"                 Stateful  None      None      Unmetered Never;
    // /audio/voices, made of somebody's voice
    POST   "/v1/audio/voices"                                          "voices"               Stateful  None      Opaque    Unmetered Never;
    DELETE "/v1/audio/voices/{id}"                                     "voices"               Stateful  None      None      Unmetered Never;
    GET    "/v1/audio/voice_consents"                                  "voices"               Stateful  None      None      Unmetered Never;
    POST   "/v1/audio/voice_consents"                                  "voices"               Stateful  None      Opaque    Unmetered Never;
    GET    "/v1/audio/voice_consents/{id}"                             "voices"               Stateful  None      None      Unmetered Never;
    POST   "/v1/audio/voice_consents/{id}"                             "voices"               Stateful  None      Json      Unmetered Never;
    DELETE "/v1/audio/voice_consents/{id}"                             "voices"               Stateful  None      None      Unmetered Never;
    // /decisions, /content_provenance_checks
    POST   "/v1/decisions"                                             "decisions"            Stateless Body      Json      Metered   Never;
    POST   "/v1/content_provenance_checks"                             "moderations"          Stateful  None      Opaque    Unmetered Never;
    // /videos: made when the answer is long past.
    GET    "/v1/videos"                                                "videos"               Stateful  None      None      Unmetered Never;
    POST   "/v1/videos"                                                "videos"               Stateful  Multipart Multipart Later     Never;
    POST   "/v1/videos/edits"                                          "videos"               Stateful  Elsewhere Opaque    Later     Never;
    POST   "/v1/videos/extensions"                                     "videos"               Stateful  Elsewhere Opaque    Later     Never;
    POST   "/v1/videos/characters"                                     "videos"               Stateful  None      Opaque    Unmetered Never;
    GET    "/v1/videos/characters/{id}"                                "videos"               Stateful  None      None      Unmetered Never;
    GET    "/v1/videos/{id}"                                           "videos"               Stateful  None      None      Unmetered Never;
    DELETE "/v1/videos/{id}"                                           "videos"               Stateful  None      None      Unmetered Never;
    GET    "/v1/videos/{id}/content"                                   "videos"               Stateful  None      None      Unmetered Never;
    POST   "/v1/videos/{id}/remix"                                     "videos"               Stateful  Elsewhere Json      Later     Never;
    // /containers
    GET    "/v1/containers"                                            "containers"           Stateful  None      None      Unmetered Never;
    POST   "/v1/containers"                                            "containers"           Stateful  None      Json      Unmetered Never;
    GET    "/v1/containers/{id}"                                       "containers"           Stateful  None      None      Unmetered Never;
    DELETE "/v1/containers/{id}"                                       "containers"           Stateful  None      None      Unmetered Never;
    GET    "/v1/containers/{id}/files"                                 "containers"           Stateful  None      None      Unmetered Never;
    POST   "/v1/containers/{id}/files"                                 "containers"           Stateful  None      Opaque    Unmetered Never;
    GET    "/v1/containers/{id}/files/{id}"                            "containers"           Stateful  None      None      Unmetered Never;
    DELETE "/v1/containers/{id}/files/{id}"                            "containers"           Stateful  None      None      Unmetered Never;
    GET    "/v1/containers/{id}/files/{id}/content"                    "containers"           Stateful  None      None      Unmetered Never;
    // /evals: a run asks the models that it names further down.
    GET    "/v1/evals"                                                 "evals"                Stateful  None      None      Unmetered Never;
    POST   "/v1/evals"                                                 "evals"                Stateful  None      Json      Unmetered Never;
    GET    "/v1/evals/{id}"                                            "evals"                Stateful  None      None      Unmetered Never;
    POST   "/v1/evals/{id}"                                            "evals"                Stateful  None      Json      Unmetered Never;
    DELETE "/v1/evals/{id}"                                            "evals"                Stateful  None      None      Unmetered Never;
    GET    "/v1/evals/{id}/runs"                                       "evals"                Stateful  None      None      Unmetered Never;
    POST   "/v1/evals/{id}/runs"                                       "evals"                Stateful  Elsewhere Json      Later     Never;
    GET    "/v1/evals/{id}/runs/{id}"                                  "evals"                Stateful  None      None      Unmetered Never;
    POST   "/v1/evals/{id}/runs/{id}"                                  "evals"                Stateful  None      None      Unmetered Never;
    DELETE "/v1/evals/{id}/runs/{id}"                                  "evals"                Stateful  None      None      Unmetered Never;
    POST   "/v1/evals/{id}/runs/{id}/cancel"                           "evals"                Stateful  None      None      Unmetered Never;
    GET    "/v1/evals/{id}/runs/{id}/output_items"                     "evals"                Stateful  None      None      Unmetered Never;
    GET    "/v1/evals/{id}/runs/{id}/output_items/{id}"                "evals"                Stateful  None      None      Unmetered Never;
    // /skills
    GET    "/v1/skills"                                                "skills"               Stateful  None      None      Unmetered Never;
    POST   "/v1/skills"                                                "skills"               Stateful  None      Opaque    Unmetered Never;
    GET    "/v1/skills/{id}"                                           "skills"               Stateful  None      None      Unmetered Never;
    POST   "/v1/skills/{id}"                                           "skills"               Stateful  None      Json      Unmetered Never;
    DELETE "/v1/skills/{id}"                                           "skills"               Stateful  None      None      Unmetered Never;
    GET    "/v1/skills/{id}/content"                                   "skills"               Stateful  None      None      Unmetered Never;
    GET    "/v1/skills/{id}/versions"                                  "skills"               Stateful  None      None      Unmetered Never;
    POST   "/v1/skills/{id}/versions"                                  "skills"               Stateful  None      Opaque    Unmetered Never;
    GET    "/v1/skills/{id}/versions/{id}"                             "skills"               Stateful  None      None      Unmetered Never;
    DELETE "/v1/skills/{id}/versions/{id}"                             "skills"               Stateful  None      None      Unmetered Never;
    GET    "/v1/skills/{id}/versions/{id}/content"                     "skills"               Stateful  None      None      Unmetered Never;
    // /fine_tuning beside its jobs; a grader runs the models that it names further down.
    GET    "/v1/fine_tuning/checkpoints/{id}/permissions"              "fine_tuning"          Stateful  None      None      Unmetered Never;
    POST   "/v1/fine_tuning/checkpoints/{id}/permissions"              "fine_tuning"          Stateful  None      Json      Unmetered Never;
    DELETE "/v1/fine_tuning/checkpoints/{id}/permissions/{id}"         "fine_tuning"          Stateful  None      None      Unmetered Never;
    POST   "/v1/fine_tuning/alpha/graders/run"                         "fine_tuning"          Stateless Elsewhere Json      Later     Never;
    POST   "/v1/fine_tuning/alpha/graders/validate"                    "fine_tuning"          Stateless None      Json      Unmetered Never;
    // /assistants, /threads: a run has its assistant's model where it names none.
    GET    "/v1/assistants"                                            "assistants"           Stateful  None      None      Unmetered Never;
    POST   "/v1/assistants"                                            "assistants"           Stateful  Body      Json      Unmetered Never;
    GET    "/v1/assistants/{id}"                                       "assistants"           Stateful  None      None      Unmetered Never;
    POST   "/v1/assistants/{id}"                                       "assistants"           Stateful  Body      Json      Unmetered Never;
    DELETE "/v1/assistants/{id}"                                       "assistants"           Stateful  None      None      Unmetered Never;
    POST   "/v1/threads"                                               "threads"              Stateful  None      Json      Unmetered Never;
    POST   "/v1/threads/runs"                                          "threads"              Stateful  Elsewhere Json      Later     BodySays;
    GET    "/v1/threads/{id}"                                          "threads"              Stateful  None      None      Unmetered Never;
    POST   "/v1/threads/{id}"                                          "threads"              Stateful  None      Json      Unmetered Never;
    DELETE "/v1/threads/{id}"                                          "threads"              Stateful  None      None      Unmetered Never;
    GET    "/v1/threads/{id}/messages"                                 "threads"              Stateful  None      None      Unmetered Never;
    POST   "/v1/threads/{id}/messages"                                 "threads"              Stateful  None      Json      Unmetered Never;
    GET    "/v1/threads/{id}/messages/{id}"                            "threads"              Stateful  None      None      Unmetered Never;
    POST   "/v1/threads/{id}/messages/{id}"                            "threads"              Stateful  None      Json      Unmetered Never;
    DELETE "/v1/threads/{id}/messages/{id}"                            "threads"              Stateful  None      None      Unmetered Never;
    GET    "/v1/threads/{id}/runs"                                     "threads"              Stateful  None      None      Unmetered Never;
    POST   "/v1/threads/{id}/runs"                                     "threads"              Stateful  Elsewhere Json      Later     BodySays;
    GET    "/v1/threads/{id}/runs/{id}"                                "threads"              Stateful  None      None      Unmetered Never;
    POST   "/v1/threads/{id}/runs/{id}"                                "threads"              Stateful  None      Json      Unmetered Never;
    POST   "/v1/threads/{id}/runs/{id}/cancel"                         "threads"              Stateful  None      None      Unmetered Never;
    POST   "/v1/threads/{id}/runs/{id}/submit_tool_outputs"            "threads"              Stateful  Elsewhere Json      Later     BodySays;
    GET    "/v1/threads/{id}/runs/{id}/steps"                          "threads"              Stateful  None      None      Unmetered Never;
    GET    "/v1/threads/{id}/runs/{id}/steps/{id}"                     "threads"              Stateful  None      None      Unmetered Never;
    // /chatkit
    POST   "/v1/chatkit/sessions/{id}/cancel"                          "chatkit"              Stateful  None      None      Unmetered Never;
    GET    "/v1/chatkit/threads"                                       "chatkit"              Stateful  None      None      Unmetered Never;
    GET    "/v1/chatkit/threads/{id}"                                  "chatkit"              Stateful  None      None      Unmetered Never;
    DELETE "/v1/chatkit/threads/{id}"                                  "chatkit"              Stateful  None      None      Unmetered Never;
    GET    "/v1/chatkit/threads/{id}/items"                            "chatkit"              Stateful  None      None      Unmetered Never;
    POST   "/v1/chatkit/files"                                         "chatkit"              Stateful  None      Opaque    Unmetered Never;
    // /agents: an agent has its model, and works on when the answer is past.
    GET    "/v1/agents"                                                "agents"               Stateful  None      None      Unmetered Never;
    POST   "/v1/agents"                                                "agents"               Stateful  Elsewhere Opaque    Unmetered Never;
    GET    "/v1/agents/environments"                                   "agents"               Stateful  None      None      Unmetered Never;
    POST   "/v1/agents/environments"                                   "agents"               Stateful  None      Opaque    Unmetered Never;
    GET    "/v1/agents/environments/templates"                         "agents"               Stateful  None      None      Unmetered Never;
    POST   "/v1/agents/environments/templates"                         "agents"               Stateful  None      Opaque    Unmetered Never;
    GET    "/v1/agents/environments/templates/{id}"                    "agents"               Stateful  None      None      Unmetered Never;
    POST   "/v1/agents/environments/templates/{id}"                    "agents"               Stateful  None      Opaque    Unmetered Never;
    DELETE "/v1/agents/environments/templates/{id}"                    "agents"               Stateful  None      None      Unmetered Never;
    GET    "/v1/agents/environments/{id}"                              "agents"               Stateful  None      None      Unmetered Never;
    GET    "/v1/agents/environments/{id}/files"                        "agents"               Stateful  None      None      Unmetered Never;
    POST   "/v1/agents/environments/{id}/files"                        "agents"               Stateful  None      Opaque    Unmetered Never;
    GET    "/v1/agents/automations"                                    "agents"               Stateful  None      None      Unmetered Never;
    POST   "/v1/agents/automations"                                    "agents"               Stateful  Elsewhere Opaque    Later     Never;
    GET    "/v1/agents/automations/{id}"                               "agents"               Stateful  None      None      Unmetered Never;
    POST   "/v1/agents/automations/{id}"                               "agents"               Stateful  Elsewhere Opaque    Later     Never;
    DELETE "/v1/agents/automations/{id}"                               "agents"               Stateful  None      None      Unmetered Never;
    GET    "/v1/agents/automations/{id}/invocations"                   "agents"               Stateful  None      None      Unmetered Never;
    POST   "/v1/agents/automations/{id}/invocations"                   "agents"               Stateful  Elsewhere Opaque    Later     Never;
    GET    "/v1/agents/automations/{id}/invocations/{id}"              "agents"               Stateful  None      None      Unmetered Never;
    POST   "/v1/agents/automations/{id}/pause"                         "agents"               Stateful  None      None      Unmetered Never;
    POST   "/v1/agents/automations/{id}/resume"                        "agents"               Stateful  Elsewhere None      Later     Never;
    GET    "/v1/agents/sessions"                                       "agents"               Stateful  None      None      Unmetered Never;
    POST   "/v1/agents/sessions"                                       "agents"               Stateful  Elsewhere Opaque    Later     Never;
    GET    "/v1/agents/sessions/{id}"                                  "agents"               Stateful  None      None      Unmetered Never;
    POST   "/v1/agents/sessions/{id}"                                  "agents"               Stateful  Elsewhere Opaque    Later     Never;
    DELETE "/v1/agents/sessions/{id}"                                  "agents"               Stateful  None      None      Unmetered Never;
    GET    "/v1/agents/sessions/{id}/events"                           "agents"               Stateful  None      None      Unmetered BodySays;
    POST   "/v1/agents/sessions/{id}/events"                           "agents"               Stateful  Elsewhere Opaque    Later     Never;
    GET    "/v1/agents/sessions/{id}/items"                            "agents"               Stateful  None      None      Unmetered Never;
    GET    "/v1/agents/sessions/{id}/traces"                           "agents"               Stateful  None      None      Unmetered Never;
    GET    "/v1/agents/sessions/{id}/artifacts"                        "agents"               Stateful  None      None      Unmetered Never;
    GET    "/v1/agents/sessions/{id}/artifacts/{id}"                   "agents"               Stateful  None      None      Unmetered Never;
    DELETE "/v1/agents/sessions/{id}/artifacts/{id}"                   "agents"               Stateful  None      None      Unmetered Never;
    GET    "/v1/agents/sessions/{id}/artifacts/{id}/content"           "agents"               Stateful  None      None      Unmetered Never;
    GET    "/v1/agents/sessions/{id}/subagents"                        "agents"               Stateful  None      None      Unmetered Never;
    GET    "/v1/agents/sessions/{id}/subagents/{id}"                   "agents"               Stateful  None      None      Unmetered Never;
    GET    "/v1/agents/sessions/{id}/subagents/{id}/items"             "agents"               Stateful  None      None      Unmetered Never;
    GET    "/v1/agents/sessions/{id}/subagents/{id}/turns"             "agents"               Stateful  None      None      Unmetered Never;
    GET    "/v1/agents/sessions/{id}/subagents/{id}/turns/{id}"        "agents"               Stateful  None      None      Unmetered Never;
    GET    "/v1/agents/sessions/{id}/subagents/{id}/turns/{id}/items"  "agents"               Stateful  None      None      Unmetered Never;
    GET    "/v1/agents/sessions/{id}/turns"                            "agents"               Stateful  None      None      Unmetered Never;
    GET    "/v1/agents/sessions/{id}/turns/{id}"                       "agents"               Stateful  None      None      Unmetered Never;
    GET    "/v1/agents/sessions/{id}/turns/{id}/items"                 "agents"               Stateful  None      None      Unmetered Never;
    GET    "/v1/agents/{id}"                                           "agents"               Stateful  None      None      Unmetered Never;
    POST   "/v1/agents/{id}"                                           "agents"               Stateful  Elsewhere Opaque    Unmetered Never;
    DELETE "/v1/agents/{id}"                                           "agents"               Stateful  None      None      Unmetered Never;
];
