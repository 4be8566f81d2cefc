//! A denial as the error of an OAuth token endpoint (RFC 6749 section 5.2, RFC 8693 section 2.2.2).

use serde_json::json;

use super::{Answer, Denial, Ids, Reason};
use crate::request::Wire;

impl Denial {
    /// Renders the denial for a caller that asked for a token by a form.
    pub fn oauth_answer(&self, ids: Ids<'_>) -> Answer {
        // The description has a smaller alphabet than JSON.
        let allowed = |c: char| matches!(c, ' ' | '!' | '#'..='[' | ']'..='~');
        let description = self.sentence(ids).replace(['"', '\\'], "'");
        let description: String = description.chars().map(|c| if allowed(c) { c } else { '?' }).collect();
        let mut headers = self.answer_headers(Wire::Openai, ids);
        headers.push(("cache-control".to_owned(), "no-store".to_owned()));
        Answer {
            status: self.oauth_status(),
            headers,
            body: json!({ "error": self.oauth_error(), "error_description": description }).to_string(),
        }
    }

    fn oauth_error(&self) -> &'static str {
        match (self.reason, self.status()) {
            (Reason::GrantTypeUnsupported, _) => "unsupported_grant_type",
            (Reason::TokenRequestTooWide, _) => "invalid_scope",
            (Reason::TokenRequestDenied, _) => "unauthorized_client",
            (reason, 401) => reason.proof_error().unwrap_or("invalid_client"),
            (_, 429 | 502..=504) => "temporarily_unavailable",
            (_, 500..) => "server_error",
            _ => "invalid_request",
        }
    }

    /// Section 5.2 knows 400 for a request that is refused, and 401 for a client that is not known. A proof that is
    /// refused has the former (RFC 9449 sections 5 and 8).
    fn oauth_status(&self) -> u32 {
        match self.status() {
            403 => 400,
            401 if self.reason.proof_error().is_some() => 400,
            status => status,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::{Denial, Ids, Reason};

    const IDS: Ids<'_> = Ids { request: "req-1", decision: "dec-1" };

    #[test]
    fn each_kind_of_refusal_has_the_error_that_clients_know() {
        for (reason, status, error) in [
            (Reason::GrantTypeUnsupported, 400, "unsupported_grant_type"),
            (Reason::TokenRequestTooWide, 400, "invalid_scope"),
            (Reason::TokenRequestDenied, 400, "unauthorized_client"),
            (Reason::TokenRequestInvalid, 400, "invalid_request"),
            (Reason::KeyUnknown, 401, "invalid_client"),
            (Reason::DpopKeyMismatch, 401, "invalid_client"),
            (Reason::DpopProofReplayed, 400, "invalid_dpop_proof"),
            (Reason::DpopNonceRequired, 400, "use_dpop_nonce"),
            (Reason::TokensUnavailable, 503, "temporarily_unavailable"),
            (Reason::BodyTooLarge, 413, "invalid_request"),
        ] {
            let answer = Denial::new(reason).oauth_answer(IDS);
            let body: Value = serde_json::from_str(&answer.body).unwrap();
            assert_eq!((answer.status, &body["error"]), (status, &Value::from(error)), "{reason}");
            assert!(body["error_description"].as_str().unwrap().contains(reason.code()));
        }
    }

    #[test]
    fn a_description_has_only_the_characters_that_the_rfc_allows() {
        let answer = Denial::new(Reason::TokenRequestInvalid).with_detail("`ü\"\\\n`").oauth_answer(IDS);
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert!(body["error_description"].as_str().unwrap().contains("`?''?`"), "{body}");
    }
}
