//! What the errors of token endpoints mean (RFC 6749 section 5.2, and the codes of Microsoft Entra ID).
//!
//! Descriptions are not repeated: they are the provider's text, and some quote what they refuse.

use serde_json::{Map, Value};

use crate::credentials::failure::Setback;
use crate::unique_json;

/// Statuses that another try may turn into an answer. 404 and 410 are a metadata server's that is not ready yet.
const PASSING: [u32; 5] = [404, 408, 410, 425, 429];
/// The errors that say so.
const PASSING_ERRORS: [&str; 3] = ["temporarily_unavailable", "server_error", "slow_down"];
const LONGEST_NAME: usize = 64;
const ASSERTION_OUT_OF_TIME: u64 = 700_024;

/// Entra's codes (`AADSTS…`) that an operator meets, and what helps.
const ENTRA: [(u64, &str); 19] = [
    (7_000_215, "the client secret is wrong; is it the secret's value, and not its id?"),
    (7_000_222, "the client secret has expired; make a new one"),
    (7_000_218, "the application is no confidential client, or nothing has proven it"),
    (700_016, "the tenant knows no application of this `client_id`"),
    (90_002, "the tenant in `path` does not exist"),
    (70_011, "the scope is not one resource with `/.default`"),
    (500_011, "the tenant knows no resource of this scope"),
    (700_027, "the certificate does not belong to the application, or has expired"),
    (700_021, "the assertion is not one that the application trusts"),
    (ASSERTION_OUT_OF_TIME, "the assertion is not of this time"),
    (70_021, "no federated identity of the application fits the assertion's `iss`, `sub` and `aud`"),
    (700_213, "no federated identity of the application fits the assertion's `sub`"),
    (65_001, "neither the user nor an administrator has consented to what is asked for"),
    (50_013, "the caller's token is not for this application, or is signed by a key of its own"),
    (500_131, "the caller's token is for another application than `client_id`"),
    (53_003, "conditional access does not let the user in"),
    (50_076, "the user has to sign in with a second factor"),
    (50_079, "the user has to register a second factor"),
    (50_196, "the same was asked too often"),
];

/// The body of an answer that is no token.
pub(in crate::credentials) struct ErrorAnswer(Map<String, Value>);

/// What an answer that is no token means.
pub(in crate::credentials) fn setback(status: u32, body: &[u8], wish_ms: Option<u64>) -> Setback {
    let said = ErrorAnswer::read(body);
    // The file is read again for the next question, and may hold a newer one by then.
    let is_passing = PASSING.contains(&status)
        || said.codes().any(|code| code == ASSERTION_OUT_OF_TIME)
        || !(400..500).contains(&status)
        || said.error().is_some_and(|error| PASSING_ERRORS.contains(&error));
    let why = said.why(status);
    let setback = if is_passing { Setback::unavailable(why) } else { Setback::refused(why) };
    Setback { wish_ms, trace: said.trace(), ..setback }
}

impl ErrorAnswer {
    /// What is not JSON says nothing.
    pub(in crate::credentials) fn read(body: &[u8]) -> Self {
        Self(unique_json::object(body).unwrap_or_default())
    }

    pub(in crate::credentials) fn object(&self) -> &Map<String, Value> {
        &self.0
    }

    pub(in crate::credentials) fn error(&self) -> Option<&str> {
        name_in(&self.0, "error")
    }

    /// Entra's own, of which there may be several.
    pub(in crate::credentials) fn codes(&self) -> impl Iterator<Item = u64> {
        let codes = self.0.get("error_codes").and_then(Value::as_array).into_iter().flatten();
        codes.filter_map(Value::as_u64).take(3)
    }

    /// One line for the operator.
    pub(in crate::credentials) fn why(&self, status: u32) -> String {
        let mut why = format!("the endpoint answered {status}");
        if let Some(error) = self.error() {
            why.push_str(&format!(" `{error}`"));
        }
        for code in self.codes() {
            why.push_str(&format!(", AADSTS{code}"));
        }
        if let Some(meaning) = self.meaning() {
            why.push_str(&format!(": {meaning}"));
        }
        why
    }

    /// What helps.
    pub(in crate::credentials) fn meaning(&self) -> Option<&'static str> {
        let known = ENTRA.iter().find(|(known, _)| self.codes().any(|code| code == *known));
        known.map(|(_, meaning)| *meaning).or_else(|| self.error().and_then(meaning))
    }

    /// What the provider's support asks for.
    fn trace(&self) -> Option<String> {
        let id = |name: &&str| Some(format!("{name} {}", name_in(&self.0, name)?));
        let ids: Vec<String> = ["trace_id", "correlation_id"].iter().filter_map(id).collect();
        (!ids.is_empty()).then(|| ids.join(", "))
    }
}

/// What helps against an error of RFC 6749 section 5.2.
fn meaning(error: &str) -> Option<&'static str> {
    Some(match error {
        "invalid_client" => {
            "the client is not known, or its secret is wrong; Keycloak says so of an `audience` that is no client, too"
        }
        "unauthorized_client" => "the client may not use this grant",
        "invalid_scope" => "the scope is not known, or the client may not have it",
        "invalid_target" => "the audience or resource is not known",
        "invalid_grant" => "the caller's token is not accepted, or has expired",
        "access_denied" => "the caller may not have this token",
        "interaction_required" | "login_required" | "consent_required" => "the user has to sign in once more",
        "unsupported_grant_type" => "the server does not have this grant",
        "invalid_request" => "the server misses something in the question",
        _ => return None,
    })
}

/// A field that is a name, and no text of any kind.
fn name_in<'a>(answer: &'a Map<String, Value>, field: &str) -> Option<&'a str> {
    let is_name = |text: &&str| {
        (1..=LONGEST_NAME).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
    };
    answer.get(field).and_then(Value::as_str).filter(is_name)
}
