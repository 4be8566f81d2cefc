//! Every reason there is, each from a call that meets it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::exchanging;
use super::feeding;
use super::introspecting;
use super::minting::{self, tokens};
use super::own_keys;
use super::revoking;
use super::spending;
use super::{Request, Scene, issuer, key, key_entry, rule};
use super::{possession, proofs, provider_key_feed};
use crate::denial::Reason;
use crate::ledger::MemoryStore;
use crate::request::Dialect;

pub(super) type Row = (Reason, Value, fn(&Scene) -> Request);

/// These the host finds; it tells the gateway.
const BY_THE_HOST: [Reason; 2] = [Reason::BodyTooLarge, Reason::RouteChanged];

/// These Envoy answers with by itself.
const BY_ENVOY: [Reason; 6] = [
    Reason::UpstreamUnreachable,
    Reason::UpstreamReset,
    Reason::UpstreamTimeout,
    Reason::RequestTimeout,
    Reason::Overloaded,
    Reason::ProxyRefused,
];

fn rows() -> Vec<Row> {
    use Reason as R;
    let plain = || json!({});
    let ruled = |expression: &str, reason: &str| json!({ "policies": [rule(expression, json!({ "reason": reason }))] });
    let limited =
        |limit: Value| json!({ "quotas": [{ "id": "q", "limit": limit, "window": "60s", "per": ["'a'"] }] });
    let typed = || {
        // The claims are judged before anybody asks for keys.
        let remote = json!({ "remote": { "cluster": "idp", "host": "remote.example", "path": "/jwks" } });
        let mut issuer = issuer("https://idp.example", remote);
        issuer["claim_values"] = json!({ "token_use": ["access"] });
        json!({ "issuers": [issuer] })
    };
    let model = || ruled("llm.model == 'gpt-4o'", "model_not_allowed");
    vec![
        (R::CredentialMissing, plain(), |_| Request::new("POST", "/v1/chat/completions")),
        (R::CredentialMalformed, plain(), |_| Request::bearing("cgk_short")),
        (R::CredentialInQuery, plain(), |_| Request::chat().at("POST", "/v1/chat/completions?api_key=a")),
        (R::AmbiguousCredential, plain(), |_| Request::chat().with("x-api-key", &key(2))),
        (R::KeyUnknown, plain(), |_| Request::chat().keyed(9)),
        (R::KeyExpired, plain(), |_| Request::chat().keyed(2)),
        (R::KeyNotYetValid, plain(), |_| Request::chat().keyed(3)),
        (R::CredentialRevoked, plain(), |_| Request::chat().keyed(4)),
        (R::NetworkNotAllowed, plain(), |_| Request::chat().keyed(5)),
        (R::ClientAddressUntrusted, plain(), |_| Request::chat().keyed(5).through_port(Some(0))),
        (R::ClientAddressUntrusted, ruled("source.address != 'a'", "policy_denied"), |_| {
            Request::chat().through_port(None)
        }),
        (R::TokenMalformed, plain(), |_| Request::bearing("eyJhbGciOiJFZERTQSJ9.e30")),
        (R::TokenTooLarge, plain(), |_| Request::bearing(&format!("eyJ{}", "a".repeat(17_000)))),
        (R::TokenTypeNotAllowed, plain(), |s| {
            Request::bearing(&s.token_with(r#"{"alg":"EdDSA","kid":"k","typ":"logout+jwt"}"#, json!({})))
        }),
        (R::TokenAlgorithmNotAllowed, plain(), |s| {
            Request::bearing(&s.token_with(r#"{"alg":"none","kid":"k"}"#, json!({})))
        }),
        (R::TokenHeaderNotAllowed, plain(), |s| {
            Request::bearing(&s.token_with(r#"{"alg":"EdDSA","kid":"k","crit":["b64"]}"#, json!({})))
        }),
        (R::TokenIssuerUnknown, plain(), |s| {
            Request::bearing(&s.token(json!({ "iss": "https://x.example" })))
        }),
        (R::TokenAudienceMismatch, plain(), |s| Request::bearing(&s.token(json!({ "aud": "other" })))),
        (R::TokenKeyUnknown, plain(), |s| {
            Request::bearing(&s.token_with(r#"{"alg":"EdDSA","kid":"other"}"#, json!({})))
        }),
        (R::TokenSignatureInvalid, plain(), |_| Request::bearing(&Scene::new(json!({})).token(json!({})))),
        (R::TokenInactive, introspecting::issuers(json!({})), introspecting::inactive),
        (R::TokenExpired, plain(), |s| Request::bearing(&s.token(json!({ "exp": super::NOW - 60 })))),
        (R::TokenNotYetValid, plain(), |s| Request::bearing(&s.token(json!({ "nbf": super::NOW + 60 })))),
        (R::TokenLifetimeExceeded, plain(), |s| {
            Request::bearing(&s.token(json!({ "exp": super::NOW + 7200 })))
        }),
        (R::TokenClaimMissing, plain(), |s| Request::bearing(&s.token(json!({ "sub": null })))),
        (R::TokenClaimInvalid, plain(), |s| Request::bearing(&s.token(json!({ "scope": 5 })))),
        (R::TokenClaimInvalid, plain(), |s| Request::bearing(&s.token(json!({ "org": null })))),
        (R::TokenClaimInvalid, plain(), |s| Request::bearing(&s.token(json!({ "org": "" })))),
        (R::TokenClaimMismatch, typed(), |s| Request::bearing(&s.token(json!({ "token_use": "id" })))),
        (R::IdentityUnavailable, plain(), |s| {
            Request::bearing(&s.token(json!({ "iss": "https://remote.example" }))).out_of_patience()
        }),
        (R::PathAmbiguous, plain(), |_| Request::chat().at("POST", "/v1/../v1/chat/completions")),
        (R::OperationUnknown, plain(), |_| Request::chat().at("POST", "/v1/organization/users")),
        (R::NoUpstream, plain(), |_| Request::chat().to(None)),
        (R::UpstreamNotConfigured, plain(), |_| Request::chat().to(Some("elsewhere"))),
        (R::BodyUnsupported, model(), |_| Request::chat().with("content-encoding", "gzip")),
        (R::BodyMalformed, model(), |_| Request::chat().body("[]")),
        (R::BodyAmbiguous, model(), |_| Request::chat().body(r#"{"model":"gpt-4o","Model":"o1"}"#)),
        (R::ModelMismatch, plain(), |_| {
            let request = Request::chat().at("POST", "/v1beta/models/g:countTokens").to(Some("gemini"));
            request.body(r#"{"model":"models/h"}"#)
        }),
        (R::ModelUnknowable, model(), |_| Request::chat().at("POST", "/v1/batches").body("{}")),
        (R::InsufficientScope, ruled("principal.scopes.covers('files')", "insufficient_scope"), |_| {
            Request::chat()
        }),
        (R::PolicyDenied, ruled("false", "policy_denied"), |_| Request::chat()),
        (R::ModelNotAllowed, model(), |_| Request::chat().body(r#"{"model":"o1"}"#)),
        (R::TenantMismatch, plain(), |_| Request::chat().to(Some("globex"))),
        (R::TenantMismatch, ruled("false", "tenant_mismatch"), |_| Request::chat()),
        (R::PolicyError, ruled("principal.client == 'a'", "policy_denied"), |_| Request::chat()),
        (R::StatefulOperationSharedCredential, plain(), |_| {
            Request::chat().at("GET", "/v1/files").to(Some("shared"))
        }),
        (R::QuotaExceeded, limited(json!(0)), |_| Request::chat()),
        (
            R::BudgetExhausted,
            json!({ "quotas": [{ "id": "q", "limit": 0, "window": "month", "durability": "process", "per": ["'a'"] }] }),
            |_| Request::chat(),
        ),
        (R::QuotaError, limited(json!("principal.client == 'a' ? 1 : 2")), |_| Request::chat()),
        (R::UsageHidden, plain(), |_| Request::chat().with("range", "bytes=0-9")),
        (R::UsageUnknowable, spending::tokens(json!({})), |_| {
            Request::chat().at("POST", "/v1/batches").body("{}")
        }),
        (R::ModelUnpriced, spending::money(), |_| Request::chat().body(r#"{"model":"o1"}"#)),
        (R::TenantCredentialMissing, plain(), |_| Request::chat().keyed(6)),
        (R::ParentCredentialInvalid, tokens(json!({})), |_| {
            let other = minting::scene(json!({ "keys": [key_entry(9, json!({ "tenant": "acme" }))] }));
            let wish = minting::asking(Request::chat().keyed(9), Value::Null);
            Request::bearing(&minting::token(&other, &wish))
        }),
        (R::OperationNotAllowed, tokens(json!({})), |s| {
            let wish = minting::asking(Request::chat(), json!({ "operations": ["files"] }));
            Request::bearing(&minting::token(s, &wish))
        }),
        (R::TokenBudgetExhausted, tokens(json!({})), |s| {
            let wish = minting::asking(Request::chat(), json!({ "requests": 1 }));
            let request = Request::bearing(&minting::token(s, &wish));
            assert_eq!(s.refusal(&request), None);
            request
        }),
        (R::TokenRequestInvalid, tokens(json!({})), |_| {
            minting::asking(Request::chat(), json!({ "requests": 0 }))
        }),
        (R::GrantTypeUnsupported, tokens(json!({})), |_| {
            exchanging::posting(Request::chat(), &[("grant_type", "password")])
        }),
        (R::TokenRequestTooWide, tokens(json!({})), |_| {
            minting::asking(Request::chat(), json!({ "tenant": "globex" }))
        }),
        (R::TokenRequestDenied, tokens(json!({ "allow": "false" })), |_| {
            minting::asking(Request::chat(), Value::Null)
        }),
        (R::TokensUnavailable, tokens(json!({ "signing_key": { "env": "ABSENT" } })), |_| {
            minting::asking(Request::chat(), Value::Null)
        }),
        (R::UrlLeadsPast, json!({}), |_| {
            let start = Request::chat().at("POST", "/g/upload/v1beta/files").to(Some("acme-gemini"));
            start.with("x-goog-upload-command", "start").body("{}")
        }),
        (R::ProviderTokenRefused, plain(), |_| {
            Request::chat().at("POST", "/v1/realtime/client_secrets").body("{}")
        }),
        (R::KeyFeedUnavailable, json!({ "key_feeds": [feeding::feed("one")] }), |_| Request::chat().keyed(9)),
        (R::RevocationsUnavailable, json!({ "revocations": [revoking::list()] }), |_| Request::chat()),
        (R::BodyUnexpected, plain(), |_| Request::chat().at("GET", "/v1/models").body("{}")),
        (R::ProviderCredentialMissing, plain(), |_| Request::chat().to(Some("bare"))),
        (R::IdentityIncomplete, plain(), |_| Request::chat().keyed(7).to(Some("named"))),
    ]
}

fn all_rows() -> impl Iterator<Item = Row> {
    rows()
        .into_iter()
        .chain(possession::rows())
        .chain(proofs::rows())
        .chain(own_keys::rows())
        .chain(provider_key_feed::rows())
}

#[test]
fn every_reason_comes_from_a_call_that_meets_it() {
    let mut met: BTreeSet<Reason> = BTreeSet::new();
    for (reason, change, request) in all_rows() {
        let scene = Scene::new(change);
        assert_eq!(scene.refusal(&request(&scene)), Some(reason));
        met.insert(reason);
    }
    let mut scene = Scene::new(json!({}));
    for reason in BY_THE_HOST {
        let mut call = scene.open(&Request::chat());
        scene.gateway.refuse(&mut call, reason);
        assert_eq!(call.answer().map(|answer| answer.status), Some(reason.status()));
        met.insert(reason);
    }
    scene.store = MemoryStore::new();
    assert_eq!(scene.refusal(&Request::chat()), Some(Reason::QuotaUnavailable), "an unprepared ledger");
    met.insert(Reason::QuotaUnavailable);
    // `quota` has the caller that meets it with a small table.
    met.insert(Reason::TooManyCounters);
    // Envoy's own: `denial::local_reply` has what they come from.
    met.extend(BY_ENVOY);
    // `revoking` has the call that meets it on its way.
    met.insert(Reason::RevokedInFlight);
    // `sharing` has what the rate limit service says then.
    met.insert(Reason::QuotaUnconfigured);
    // `account` has what the provider answers then.
    met.insert(Reason::UpstreamCredentialRefused);
    // `lifecycle` has what a token endpoint or a provider answers then.
    met.extend([
        Reason::UpstreamTokenUnavailable,
        Reason::UpstreamTokenRefused,
        Reason::UpstreamPoolExhausted,
    ]);
    met.extend([
        Reason::ExchangeSubjectMissing,
        Reason::ExchangeRefused,
        Reason::ExchangeInteractionRequired,
    ]);
    // `needs` has the walk that meets it, since the body must not be there.
    met.insert(Reason::HoldTimeout);
    // `lifecycle` has the panic that it tells of.
    met.insert(Reason::InternalError);
    let missing: Vec<_> = Reason::ALL.iter().filter(|reason| !met.contains(reason)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn no_answer_holds_what_the_caller_must_not_know() {
    for (reason, change, request) in all_rows() {
        let scene = Scene::new(change);
        let request = request(&scene);
        let (call, _) = scene.decide(&request);
        let answer = call.answer().unwrap();
        assert_eq!(answer.status, reason.status());
        let told = format!("{} {:?}", answer.body, answer.headers);
        let note = call.denial().and_then(|denial| denial.note()).unwrap_or("no note");
        assert!(!told.contains(note), "{reason}: the note is the operator's: {told}");
        let credential = request.headers.iter().find(|(name, _)| name == "authorization");
        if let Some((_, value)) = credential {
            assert!(
                !told.contains(value.trim_start_matches("Bearer ").trim_start_matches("DPoP ")),
                "{reason}: the credential comes back"
            );
        }
        assert!(!told.contains("sk-"), "{reason}: the provider's credential is told");
    }
}

#[test]
fn a_denial_is_in_the_words_of_the_cluster_that_envoy_selected() {
    let scene = Scene::new(json!({}));
    for (cluster, path, dialect, note) in [
        (Some("gemini"), "/v1/chat/completions", Dialect::Gemini, "the cluster's, whatever the path"),
        (Some("openai"), "/v1/messages", Dialect::Openai, "the same the other way round"),
        (
            Some("gemini"),
            "/v1beta/openai/chat/completions",
            Dialect::Openai,
            "where it speaks OpenAI's words, these",
        ),
        (None, "/v1/messages", Dialect::Anthropic, "without a cluster the path tells"),
        (Some("elsewhere"), "/model/m/converse", Dialect::Bedrock, "as it does with an unknown one"),
    ] {
        let (call, _) = scene.decide(&Request::chat().keyed(9).at("POST", path).to(cluster));
        let body: Value = serde_json::from_str(&call.answer().unwrap().body).unwrap();
        let found = match (&body["error"]["status"], &body["type"], &body["message"]) {
            (Value::String(_), ..) => Dialect::Gemini,
            (_, Value::String(_), _) => Dialect::Anthropic,
            (.., Value::String(_)) => Dialect::Bedrock,
            _ => Dialect::Openai,
        };
        assert_eq!(found, dialect, "{note}: {body}");
    }
}
