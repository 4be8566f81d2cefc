//! Anthropic's operations, from <https://docs.claude.com/en/api/overview>.
//!
//! Left out, and so refused unless the operator lists them: `/v1/organizations/…`, the administration of the
//! account, and skills.

use super::table::{Row, rows};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = rows![
    POST   "/v1/messages"                      "chat"            Stateless Body      Json   Metered   BodySays;
    POST   "/v1/messages/count_tokens"         "count_tokens"    Stateless Body      Json   Unmetered Never;
    POST   "/v1/messages/batches"              "batches"         Stateful  Elsewhere Json   Later     Never;
    GET    "/v1/messages/batches"              "batches"         Stateful  None      None   Unmetered Never;
    GET    "/v1/messages/batches/{id}"         "batches"         Stateful  None      None   Unmetered Never;
    DELETE "/v1/messages/batches/{id}"         "batches"         Stateful  None      None   Unmetered Never;
    POST   "/v1/messages/batches/{id}/cancel"  "batches"         Stateful  None      None   Unmetered Never;
    GET    "/v1/messages/batches/{id}/results" "batches"         Stateful  None      None   Unmetered Never;
    POST   "/v1/complete"                      "text_completion" Stateless Body      Json   Metered   BodySays;
    GET    "/v1/models"                        "models"          Stateless None      None   Unmetered Never;
    GET    "/v1/models/{model}"                "models"          Stateless Path      None   Unmetered Never;
    GET    "/v1/files"                         "files"           Stateful  None      None   Unmetered Never;
    POST   "/v1/files"                         "files"           Stateful  None      Opaque Unmetered Never;
    GET    "/v1/files/{id}"                    "files"           Stateful  None      None   Unmetered Never;
    DELETE "/v1/files/{id}"                    "files"           Stateful  None      None   Unmetered Never;
    GET    "/v1/files/{id}/content"            "files"           Stateful  None      None   Unmetered Never;
];
