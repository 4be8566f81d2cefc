//! A denial in the words of each provider, so that each SDK raises its own error class.
//!
//! Shapes: OpenAI and Azure OpenAI "Error codes", Anthropic "Errors", Google AIP-193 (`google.rpc.Status`
//! with `ErrorInfo`, `QuotaFailure` and `RetryInfo`), Bedrock Runtime "Common errors" (`x-amzn-ErrorType`).

use ct_codecs::{Base64, Encoder};
use serde_json::{Value, json};

use super::{Challenge, Denial, Reason, Shortage};
use crate::request::Wire;

/// OpenAI's word for what no retry helps against.
const INSUFFICIENT_QUOTA: &str = "insufficient_quota";

/// A local reply: what the caller gets instead of the provider's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u32,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    /// Hands over what nobody on the way may keep (RFC 6749 section 5.1).
    pub fn handing_over(body: &Value) -> Self {
        let headers =
            [("content-type", "application/json"), ("cache-control", "no-store"), ("pragma", "no-cache")];
        Self {
            status: 200,
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            body: body.to_string(),
        }
    }
}

/// The two ids a caller can quote to the operator.
#[derive(Clone, Copy, Debug)]
pub struct Ids<'a> {
    /// `x-request-id`, the caller's own where it sent a valid one.
    pub request: &'a str,
    /// Names this decision in the audit record.
    pub decision: &'a str,
}

impl Denial {
    /// Renders the denial for a caller that reads these words.
    pub fn answer(&self, wire: Wire, ids: Ids<'_>) -> Answer {
        let body = match wire {
            Wire::Openai | Wire::Azure => self.openai_body(ids),
            Wire::Anthropic => self.anthropic_body(ids),
            Wire::Gemini => self.gemini_body(ids),
            Wire::Bedrock => json!({ "message": self.sentence(ids) }),
        };
        Answer {
            status: self.status_in(wire),
            headers: self.answer_headers(wire, ids),
            body: body.to_string(),
        }
    }

    /// AWS SDKs retry every 429, and Bedrock has 400 for a quota that is used up.
    fn status_in(&self, wire: Wire) -> u32 {
        match wire {
            Wire::Bedrock if self.reason.is_about_a_budget() => 400,
            _ => self.status(),
        }
    }

    /// The message for people, with the id to quote.
    pub(super) fn sentence(&self, ids: Ids<'_>) -> String {
        format!("{} [{}, decision {}]", self.message(), self.reason, ids.decision)
    }

    /// What happened, the detail, and which rule.
    pub fn message(&self) -> String {
        let mut text = self.reason.message().to_owned();
        if let Some(detail) = &self.detail {
            text.push_str(": ");
            text.push_str(detail);
        }
        if !self.scopes.is_empty() {
            text.push_str(&format!("; it needs `{}`", self.scopes.join(" ")));
        }
        if let Some(rule) = &self.rule {
            text.push_str(&format!(" (rule `{rule}`)"));
        }
        text
    }

    fn openai_body(&self, ids: Ids<'_>) -> Value {
        let kind = match self.status() {
            _ if self.reason.is_about_a_budget() => INSUFFICIENT_QUOTA,
            401 => "authentication_error",
            403 => "permission_error",
            429 => "rate_limit_error",
            500.. => "server_error",
            _ => "invalid_request_error",
        };
        // OpenAI's SDKs and their users look at `code`; these are OpenAI's own.
        let code = match self.reason {
            Reason::QuotaExceeded => "rate_limit_exceeded",
            // OpenAI has it as the type too.
            reason if reason.is_about_a_budget() => INSUFFICIENT_QUOTA,
            Reason::KeyUnknown => "invalid_api_key",
            reason => reason.code(),
        };
        json!({ "error": { "message": self.sentence(ids), "type": kind, "param": null, "code": code } })
    }

    fn anthropic_body(&self, ids: Ids<'_>) -> Value {
        let kind = match self.status() {
            401 => "authentication_error",
            403 => "permission_error",
            404 => "not_found_error",
            413 => "request_too_large",
            429 => "rate_limit_error",
            504 => "timeout_error",
            500.. => "api_error",
            _ => "invalid_request_error",
        };
        let mut error = json!({ "type": kind, "message": self.sentence(ids) });
        if let (true, Some(error)) = (self.reason.is_about_a_budget(), error.as_object_mut()) {
            // Clients tell it from a rate limit by this.
            error.insert("details".to_owned(), json!({ "error_code": "enforced_spend_limit_reached" }));
        }
        json!({ "type": "error", "error": error, "request_id": ids.request })
    }

    fn gemini_body(&self, ids: Ids<'_>) -> Value {
        let status = match self.status() {
            401 => "UNAUTHENTICATED",
            403 => "PERMISSION_DENIED",
            404 => "NOT_FOUND",
            429 => "RESOURCE_EXHAUSTED",
            408 | 504 => "DEADLINE_EXCEEDED",
            502 | 503 => "UNAVAILABLE",
            500.. => "INTERNAL",
            _ => "INVALID_ARGUMENT",
        };
        let mut metadata = json!({ "requestId": ids.request, "decisionId": ids.decision });
        if let (Some(rule), Some(object)) = (&self.rule, metadata.as_object_mut()) {
            object.insert("rule".to_owned(), rule.to_string().into());
        }
        let mut details = vec![json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": self.reason.code().to_uppercase(),
            "domain": "claimgate",
            "metadata": metadata,
        })];
        details.extend(self.quota_failure());
        if let Some(seconds) = self.retry_after_seconds {
            details.push(json!({
                "@type": "type.googleapis.com/google.rpc.RetryInfo",
                "retryDelay": format!("{seconds}s"),
            }));
        }
        json!({ "error": {
            "code": self.status(), "message": self.sentence(ids), "status": status, "details": details,
        } })
    }

    fn quota_failure(&self) -> Option<Value> {
        let Shortage { unit, limit, .. } = self.shortage.as_deref()?;
        // 64 bits are texts in protobuf's JSON.
        let mut violation = json!({ "quotaMetric": unit, "quotaValue": limit.to_string() });
        if let (Some(rule), Some(violation)) = (&self.rule, violation.as_object_mut()) {
            violation.insert("quotaId".to_owned(), rule.to_string().into());
        }
        Some(json!({ "@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation] }))
    }

    pub(super) fn answer_headers(&self, wire: Wire, ids: Ids<'_>) -> Vec<(String, String)> {
        let mut headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("x-claimgate-reason".to_owned(), self.reason.code().to_owned()),
            ("x-claimgate-decision-id".to_owned(), ids.decision.to_owned()),
            // The SDKs of OpenAI and Anthropic retry by status unless this header says otherwise.
            ("x-should-retry".to_owned(), self.retry_can_help().to_string()),
        ];
        if let Some(challenge) = self.challenge() {
            headers.push(("www-authenticate".to_owned(), challenge));
        }
        if let Some(seconds) = self.retry_after_seconds {
            headers.push(("retry-after".to_owned(), seconds.to_string()));
        }
        match wire {
            Wire::Anthropic => headers.push(("request-id".to_owned(), ids.request.to_owned())),
            Wire::Bedrock => {
                headers.push(("x-amzn-errortype".to_owned(), self.bedrock_exception().to_owned()));
                headers.push(("x-amzn-requestid".to_owned(), ids.request.to_owned()));
            }
            Wire::Openai | Wire::Azure | Wire::Gemini => {}
        }
        if let Some(Shortage { rates, .. }) = self.shortage.as_deref() {
            let told = rates.headers(wire).into_iter();
            headers.extend(told.map(|(name, value)| (name.to_owned(), value)));
        }
        headers
    }

    fn bedrock_exception(&self) -> &'static str {
        match self.status() {
            _ if self.reason.is_about_a_budget() => "ServiceQuotaExceededException",
            401 => "UnrecognizedClientException",
            403 => "AccessDeniedException",
            404 => "ResourceNotFoundException",
            429 => "ThrottlingException",
            408 => "ModelTimeoutException",
            502..=504 => "ServiceUnavailableException",
            500.. => "InternalServerException",
            _ => "ValidationException",
        }
    }

    /// A retry helps where the denial passes by itself, and soon.
    fn retry_can_help(&self) -> bool {
        const PATIENCE_OF_AN_SDK: u64 = 60;
        let is_soon = self.retry_after_seconds.is_some_and(|seconds| seconds <= PATIENCE_OF_AN_SDK);
        match self.status() {
            _ if self.reason.is_about_a_budget() => false,
            429 | 502 => is_soon,
            503 if self.reason == Reason::UpstreamPoolExhausted => is_soon,
            408 | 504 => true,
            503 => !matches!(
                self.reason,
                Reason::ProviderCredentialMissing | Reason::UpstreamTokenRefused | Reason::QuotaUnconfigured
            ),
            _ => false,
        }
    }

    /// RFC 6750 section 3: no error code where no credential was sent. RFC 9449 section 7.1 where a key must be proven.
    fn challenge(&self) -> Option<String> {
        if let Some(Challenge { authorization_uri, claims }) = self.challenge.as_deref() {
            let claims = Base64::encode_to_string(claims).ok()?;
            let who = format!("Bearer realm=\"\", authorization_uri=\"{authorization_uri}\"");
            return Some(format!("{who}, error=\"insufficient_claims\", claims=\"{claims}\""));
        }
        let scheme = if self.reason.is_about_a_proof() { "DPoP" } else { "Bearer" };
        let scheme = format!("{scheme} realm=\"claimgate\"");
        let error = match self.reason {
            Reason::CredentialMissing => return Some(scheme),
            reason
                if reason.status() == 401
                    && let Some(error) = reason.proof_error() =>
            {
                error
            }
            Reason::CredentialInQuery | Reason::AmbiguousCredential => "invalid_request",
            Reason::InsufficientScope => "insufficient_scope",
            reason if reason.status() == 401 => "invalid_token",
            _ => return None,
        };
        let mut challenge = format!(
            "{scheme}, error=\"{error}\", error_description=\"{}\"",
            self.reason.message().replace('"', "'")
        );
        if !self.scopes.is_empty() {
            challenge.push_str(&format!(", scope=\"{}\"", self.scopes.join(" ")));
        }
        Some(challenge)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{Denial, Ids, Shortage};
    use crate::denial::{Counted, Rate, Rates, Reason};
    use crate::request::Wire;

    const IDS: Ids<'_> = Ids { request: "req-1", decision: "dec-1" };

    fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
        headers.iter().find(|(candidate, _)| candidate == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn every_reason_has_a_body_in_every_dialect() {
        for wire in Wire::ALL {
            for reason in Reason::ALL {
                let answer = Denial::new(*reason).by_rule("a-rule").answer(wire, IDS);
                let body: Value = serde_json::from_str(&answer.body).unwrap();
                let message = match wire {
                    Wire::Bedrock => &body["message"],
                    _ => &body["error"]["message"],
                };
                let message = message.as_str().unwrap();
                assert!(message.contains(reason.code()) && message.contains("dec-1"), "{wire:?}: {message}");
                assert_eq!(header(&answer.headers, "x-claimgate-reason"), Some(reason.code()));
                let is_bedrocks_own = wire == Wire::Bedrock && reason.is_about_a_budget();
                assert_eq!(answer.status, if is_bedrocks_own { 400 } else { reason.status() });
                if reason.status() == 401 {
                    let scheme = if reason.is_about_a_proof() { "DPoP " } else { "Bearer " };
                    assert!(header(&answer.headers, "www-authenticate").unwrap().starts_with(scheme));
                }
            }
        }
    }

    #[test]
    fn a_missing_credential_gets_a_bare_challenge() {
        let answer = Denial::new(Reason::CredentialMissing).answer(Wire::Openai, IDS);
        assert_eq!(header(&answer.headers, "www-authenticate"), Some("Bearer realm=\"claimgate\""));
    }

    #[test]
    fn insufficient_scope_names_the_scopes() {
        let denial =
            Denial::new(Reason::InsufficientScope).wanting_scopes(vec!["chat".into(), "files".into()]);
        let answer = denial.answer(Wire::Anthropic, IDS);
        assert!(header(&answer.headers, "www-authenticate").unwrap().ends_with("scope=\"chat files\""));
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(body["error"]["type"], "permission_error");
        assert_eq!(body["request_id"], "req-1");
    }

    #[test]
    fn what_is_no_scope_token_stays_out_of_the_challenge() {
        let scopes = ["chat", "a\"b", "a\\b", "a b", "a\r\nx: y", "", "model:ü"].map(str::to_owned);
        let denial = Denial::new(Reason::InsufficientScope).wanting_scopes(scopes.to_vec());
        let answer = denial.answer(Wire::Openai, IDS);
        assert!(header(&answer.headers, "www-authenticate").unwrap().ends_with(", scope=\"chat\""));
    }

    #[test]
    fn a_quota_says_when_to_come_back() {
        for (seconds, retry) in [(30, "true"), (3600, "false")] {
            let answer = Denial::new(Reason::QuotaExceeded).retry_after(seconds).answer(Wire::Gemini, IDS);
            assert_eq!(header(&answer.headers, "retry-after"), Some(seconds.to_string().as_str()));
            assert_eq!(header(&answer.headers, "x-should-retry"), Some(retry));
            let body: Value = serde_json::from_str(&answer.body).unwrap();
            assert_eq!(body["error"]["details"][1]["retryDelay"], format!("{seconds}s"));
        }
    }

    #[test]
    fn a_budget_is_told_apart_from_a_rate_limit_in_every_dialect() {
        let told = |reason: Reason, wire: Wire| {
            let mut rates = Rates::at(1_767_268_800_000);
            rates.note(Counted::Tokens, Rate { limit: 100, remaining: 3, reset_ms: 30_000 });
            let shortage = Shortage { unit: "tokens", limit: 100, rates };
            let denial = Denial::new(reason).by_rule("a-quota").short_of(shortage).retry_after(30);
            let answer = denial.answer(wire, IDS);
            let body: Value = serde_json::from_str(&answer.body).unwrap();
            (answer, body)
        };
        let (limit, budget) = (Reason::QuotaExceeded, Reason::BudgetExhausted);
        for wire in Wire::ALL {
            for (reason, retry) in
                [(limit, "true"), (budget, "false"), (Reason::TokenBudgetExhausted, "false")]
            {
                let (answer, _) = told(reason, wire);
                assert_eq!(header(&answer.headers, "x-should-retry"), Some(retry), "{wire:?} {reason}");
                assert_eq!(header(&answer.headers, "retry-after"), Some("30"), "{wire:?} {reason}");
                let name = match wire {
                    Wire::Anthropic => "anthropic-ratelimit-tokens-remaining",
                    _ => "x-ratelimit-remaining-tokens",
                };
                assert_eq!(header(&answer.headers, name), Some("3"), "{wire:?} {reason}");
            }
        }
        for wire in [Wire::Openai, Wire::Azure] {
            let error = |reason| told(reason, wire).1["error"].clone();
            assert_eq!(
                (&error(limit)["type"], &error(limit)["code"]),
                (&"rate_limit_error".into(), &"rate_limit_exceeded".into())
            );
            let quota = Value::from("insufficient_quota");
            assert_eq!((&error(budget)["type"], &error(budget)["code"]), (&quota, &quota));
        }
        let error = |reason| told(reason, Wire::Anthropic).1["error"].clone();
        assert_eq!((&error(limit)["type"], error(limit).get("details")), (&"rate_limit_error".into(), None));
        assert_eq!(error(budget)["type"], "rate_limit_error");
        assert_eq!(error(budget)["details"]["error_code"], "enforced_spend_limit_reached");
        let (_, body) = told(budget, Wire::Gemini);
        let [_, failure, wait] = &body["error"]["details"].as_array().unwrap()[..] else { panic!("{body}") };
        let violation = &failure["violations"][0];
        assert_eq!(
            (&violation["quotaMetric"], &violation["quotaId"], &violation["quotaValue"]),
            (&"tokens".into(), &"a-quota".into(), &"100".into())
        );
        assert_eq!(
            (&body["error"]["status"], &wait["retryDelay"]),
            (&"RESOURCE_EXHAUSTED".into(), &"30s".into())
        );
        for (reason, status, exception) in
            [(limit, 429, "ThrottlingException"), (budget, 400, "ServiceQuotaExceededException")]
        {
            let (answer, _) = told(reason, Wire::Bedrock);
            assert_eq!(
                (answer.status, header(&answer.headers, "x-amzn-errortype")),
                (status, Some(exception))
            );
        }
    }
}
