//! What rules see of a call, and what they must not.

use serde_json::json;

use super::{authorize, rule};
use crate::policy::fixture::{Case, key};

/// Whether `expression` holds; `None` where it errs.
fn holds(expression: &str, case: &Case) -> Option<bool> {
    let denial = match authorize(&[rule("tried.cel", expression, json!({}))], case) {
        Ok(_) => return Some(true),
        Err(denial) => denial,
    };
    denial.note().is_none().then_some(false)
}

#[test]
fn the_facts_of_an_ordinary_call() {
    let entry = json!({
        "tenant": "acme", "scopes": ["chat", "files.read"], "labels": { "team": "search" },
        "created_at": "2025-06-01T00:00:00Z",
    });
    let headers = [("x-team", "a"), ("x-team", "b")];
    let mut case = Case::sending("POST", "/v1/chat/completions?a=1&b=x%20y+z", &headers, entry)
        .with_body(&json!({ "model": "gpt-4o", "stream": true, "max_tokens": 7 }));
    case.tenant = Some("acme");
    case.metadata = [("region".to_owned(), "eu".to_owned())].into();
    for expression in [
        "request.method == 'POST' && request.path == '/v1/chat/completions' && request.host == 'ai.example'",
        "request.headers['x-team'] == 'a,b'",
        "request.query == {'a': '1', 'b': 'x y z'}",
        "request.id == 'req-1'",
        "request.time.getFullYear() == 2026 && request.time.getHours() == 12",
        "source.address == '192.0.2.7' && source.port == 40000",
        "!connection.mtls",
        "principal.kind == 'api_key' && principal.subject == 'indexer' && principal.tenant == 'acme'",
        "principal.project == 'search' && principal.service_account == 'indexer'",
        "principal.scopes == ['chat', 'files.read'] && principal.roles == [] && principal.actors == []",
        "principal.claims == {}",
        "principal.key.id == 'k1' && principal.key.labels == {'team': 'search'}",
        "principal.key.created_at < request.time && principal.key.created_at.getMonth() == 5",
        "llm.provider == 'openai' && llm.dialect == 'openai' && llm.operation == 'chat' && !llm.stateful",
        "llm.model == 'gpt-4o' && llm.stream && llm.max_tokens == 7",
        "upstream.cluster == 'openai' && upstream.tenant == 'acme' && upstream.metadata.region == 'eu'",
        "!has(principal.issuer) && !has(principal.client) && !has(principal.actor)",
    ] {
        assert_eq!(holds(expression, &case), Some(true), "{expression}");
    }
}

#[test]
fn an_absent_fact_is_an_error_and_not_an_empty_text() {
    let mut case = Case::sending("GET", "/v1/models", &[], json!({}));
    case.connection.source_address = None;
    case.connection.source_port = None;
    for fact in [
        "principal.tenant",
        "principal.client",
        "principal.issuer",
        "principal.actor",
        "principal.key.created_at",
        "source.address",
        "source.port",
        "llm.model",
        "llm.max_tokens",
        "upstream.tenant",
        "upstream.metadata.region",
        "request.query.a",
        "request.headers['x-absent']",
    ] {
        // Any two values of one type compare, so an error can only come from the absence.
        assert_eq!(holds(&format!("{fact} == {fact}"), &case), None, "{fact}");
        assert_eq!(holds(&format!("!({fact} == {fact})"), &case), None, "{fact}, the other way round");
        if !fact.contains('[') {
            assert_eq!(holds(&format!("!has({fact})"), &case), Some(true), "has({fact})");
        }
    }
}

#[test]
fn no_rule_sees_a_credential() {
    let credential = key(1);
    let protocols = format!("realtime, openai-insecure-api-key.{credential}");
    let headers = [
        ("x-api-key", credential.as_str()),
        ("x_api_key", credential.as_str()),
        ("api-key", credential.as_str()),
        ("x-goog-api-key", credential.as_str()),
        ("proxy-authorization", credential.as_str()),
        ("x-amz-security-token", credential.as_str()),
        ("x_amz_security_token", credential.as_str()),
        ("ocp-apim-subscription-key", credential.as_str()),
        ("x-other", "seen"),
        ("sec-websocket-protocol", protocols.as_str()),
        ("sec_websocket_protocol", protocols.as_str()),
    ];
    let case = Case::sending("POST", "/v1/chat/completions", &headers, json!({}));
    let leaks = format!("request.headers.exists(name, request.headers[name].contains('{credential}'))");
    assert_eq!(holds(&leaks, &case), Some(false), "a header's value holds the credential");
    assert_eq!(holds("request.headers['x-other'] == 'seen'", &case), Some(true));
    assert_eq!(holds("request.headers['sec-websocket-protocol'] == 'realtime'", &case), Some(true));
    assert_eq!(holds("request.headers.exists(name, name.startsWith(':'))", &case), Some(false));
}

#[test]
fn the_query_is_decoded_and_its_first_value_counts() {
    for (query, expression, note) in [
        ("?a=1&a=2", "request.query.a == '1'", "a name that comes twice"),
        ("?%61=1", "request.query.a == '1'", "an encoded name"),
        ("?a", "request.query.a == ''", "a name without a value"),
        ("?a=b=c", "request.query.a == 'b=c'", "an equals sign in the value"),
        ("?&&", "request.query == {}", "nothing"),
        ("", "request.query == {}", "no query"),
    ] {
        let case = Case::sending("GET", &format!("/v1/models{query}"), &[], json!({}));
        assert_eq!(holds(expression, &case), Some(true), "{note}");
    }
}
