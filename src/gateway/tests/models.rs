//! Which model is judged: that of the body too, whoever owns the account, and under whichever name.

use serde_json::{Value, json};

use super::{Request, Scene, rule};
use crate::denial::Reason;

const AZURE: &str = "/openai/deployments/gpt-4o/chat/completions";
const GEMINI: &str = "/v1beta/models/gemini-2.5-pro:generateContent";

/// Accounts of the tenant's own, in dialects whose paths name the model.
fn own_accounts(change: Value) -> Value {
    let own = json!({ "per_tenant": { "tenants": { "acme": "ACME" } } });
    let upstream = |dialect: &str| json!({ "cluster": dialect, "dialect": dialect, "credential": own });
    let mut document = json!({ "upstreams": [upstream("azure"), upstream("gemini"), upstream("bedrock"), upstream("anthropic")] });
    document.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    document
}

fn asks(cluster: &'static str, path: &str, body: &Value) -> Request {
    Request::chat().at("POST", path).to(Some(cluster)).body(&body.to_string())
}

#[test]
fn a_path_that_names_the_model_does_not_hide_what_the_body_says_of_it() {
    let allowed =
        || json!({ "policies": [rule("llm.model.glob('gpt-4o*') || llm.model.glob('gemini*')", json!({}))] });
    let off = json!({ "revocations": [{ "id": "off", "revoked": [{ "model": "o1*" }] }] });
    let per_model = json!({ "quotas": [{ "id": "q", "limit": 5, "window": "60s", "per": ["llm.model"] }] });
    let priced =
        json!({ "prices": { "version": "v", "models": [{ "model": "*", "input": 1, "output": 1 }] } });
    let plain = json!({ "messages": [] });
    let further = json!({ "messages": [], "models": ["o1"] });
    let tool = json!({ "messages": [], "tools": [{ "type": "image_generation", "model": "gpt-image-1" }] });
    let other = json!({ "contents": [], "model": "models/gemini-2.5-flash" });
    for (change, request, want, note) in [
        (allowed(), asks("azure", AZURE, &plain), None, "the path's alone"),
        (allowed(), asks("azure", AZURE, &further), Some(Reason::ModelUnknowable), "further models"),
        (allowed(), asks("azure", AZURE, &tool), Some(Reason::ModelUnknowable), "a tool's model"),
        (allowed(), asks("gemini", GEMINI, &other), Some(Reason::ModelMismatch), "another model"),
        (
            off.clone(),
            asks("azure", AZURE, &further),
            Some(Reason::ModelUnknowable),
            "where one is switched off",
        ),
        (off, asks("azure", AZURE, &plain), None, "and the path's is not"),
        (
            per_model.clone(),
            asks("azure", AZURE, &further),
            Some(Reason::ModelUnknowable),
            "a quota for each model",
        ),
        (per_model, asks("gemini", GEMINI, &other), Some(Reason::ModelMismatch), "and its counter"),
        (priced, asks("gemini", GEMINI, &other), Some(Reason::ModelMismatch), "a price"),
        (json!({}), asks("azure", AZURE, &further), None, "nobody minds"),
    ] {
        assert_eq!(Scene::new(own_accounts(change)).refusal(&request), want, "{note}");
    }
}

#[test]
fn a_model_is_switched_off_under_each_of_its_names() {
    let claude = "/model/us.anthropic.claude-opus-4-1-20250805-v1:0/converse";
    let arn = "/model/arn:aws:bedrock:us-east-1:123456789012:inference-profile%2Feu.anthropic.claude-opus-4-1-20250805-v1:0/converse";
    let converse = json!({ "messages": [] });
    let chat = |model: &str| Request::chat().body(&json!({ "model": model, "messages": [] }).to_string());
    let off = Some(Reason::ModelNotAllowed);
    for (pattern, request, want, note) in [
        ("gpt-4o", chat("GPT-4o"), off, "another case"),
        ("GPT-4o", chat("gpt-4o"), off, "the list in another case"),
        ("gpt-4o", chat("openai/gpt-4o"), off, "behind the provider"),
        ("gpt-4o", chat("someone/gpt-4o"), off, "behind anybody"),
        ("openai/gpt-4o", chat("gpt-4o"), off, "the list with the provider"),
        ("gpt-4o", chat("gpt-4o-mini"), None, "another model"),
        ("claude-opus-4-1*", asks("bedrock", claude, &converse), off, "an inference profile"),
        ("anthropic.claude-opus-4-1*", asks("bedrock", claude, &converse), off, "by Bedrock's name"),
        ("eu.anthropic.claude-opus-4-1*", asks("bedrock", claude, &converse), off, "by another region's"),
        ("claude-opus-4-1*", asks("bedrock", arn, &converse), off, "an ARN"),
        ("claude-sonnet*", asks("bedrock", arn, &converse), None, "of another model"),
    ] {
        let list = json!({ "revocations": [{ "id": "off", "revoked": [{ "model": pattern }] }] });
        let change =
            if request.connection.cluster.as_deref() == Some("bedrock") { own_accounts(list) } else { list };
        assert_eq!(Scene::new(change).refusal(&request), want, "{pattern}: {note}");
    }
}

#[test]
fn counters_can_be_kept_by_the_bare_name() {
    let quota = json!({ "quotas": [{ "id": "q", "limit": 1, "window": "60s", "per": ["llm.model_name"] }] });
    let scene = Scene::new(quota);
    let chat = |model: &str| Request::chat().body(&json!({ "model": model, "messages": [] }).to_string());
    let got: Vec<_> =
        ["gpt-4o", "GPT-4O", "openai/gpt-4o", "gpt-4.1"].map(|model| scene.refusal(&chat(model))).to_vec();
    assert_eq!(got, [None, Some(Reason::QuotaExceeded), Some(Reason::QuotaExceeded), None]);
}
