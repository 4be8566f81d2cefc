//! Who pays at Vertex AI: the project in the path, which must be one of the entry's.

use serde_json::{Value, json};

use super::{Request, Scene};
use crate::denial::Reason;

#[test]
fn another_project_is_refused_in_the_words_of_the_path_and_costs_nothing() {
    let vertex = json!({
        "cluster": "vertex", "dialect": "vertex", "credential": { "env": "KEY" },
        "projects": ["acme-prod"], "locations": ["global"],
    });
    let quota = json!({ "id": "q", "limit": 1, "window": "60s", "per": ["principal.subject"] });
    let scene = Scene::new(json!({ "upstreams": [vertex], "quotas": [quota] }));
    let ask = |project: &str, location: &str, below: &str| {
        let path = format!("/v1/projects/{project}/locations/{location}/{below}");
        scene.decide(&Request::chat().at("POST", &path).to(Some("vertex")).body(r#"{"contents":[]}"#)).0
    };
    const CLAUDE: &str = "publishers/anthropic/models/claude-haiku-4-5@20251001:rawPredict";
    const GEMINI: &str = "publishers/google/models/gemini-2.5-pro:generateContent";
    for (project, location, below, is_anthropics) in [
        ("globex-prod", "global", CLAUDE, true),
        ("acme-prod", "us-east5", CLAUDE, true),
        ("globex-prod", "global", GEMINI, false),
        ("%67lobex-prod", "global", "endpoints/openapi/chat/completions", false),
    ] {
        let call = ask(project, location, below);
        assert_eq!(call.denial().map(|denial| denial.reason()), Some(Reason::TenantMismatch), "{below}");
        let told: Value = serde_json::from_str(&call.answer().unwrap().body).unwrap();
        assert_eq!(told["type"] == "error", is_anthropics, "{told}");
    }
    let openapi = |model: &str, url: &str| {
        let path = "/v1/projects/acme-prod/locations/global/endpoints/openapi/chat/completions";
        let part = json!({ "type": "image_url", "image_url": { "url": url } });
        let body = json!({ "model": model, "messages": [{ "role": "user", "content": [part] }] });
        let request = Request::chat().at("POST", path).to(Some("vertex")).body(&body.to_string());
        scene.decide(&request).0.denial().map(|denial| denial.reason())
    };
    let (model, public) = ("google/gemini-2.5-pro", "https://pictures.example/cat.png");
    for (model, url, refused, note) in [
        (
            "projects/globex-prod/locations/global/publishers/google/models/gemini-2.5-pro",
            public,
            Reason::TenantMismatch,
            "another project in the model's name",
        ),
        ("/Projects/globex-prod/models/m", public, Reason::TenantMismatch, "and in another spelling"),
        (model, "gs://globex/secret.png", Reason::StatefulOperationSharedCredential, "another's bucket"),
        (model, "GS://globex/secret.png", Reason::StatefulOperationSharedCredential, "in capitals"),
    ] {
        assert_eq!(openapi(model, url), Some(refused), "{note}");
    }
    assert!(ask("acme-prod", "global", GEMINI).is_let_through(), "the refused ones have taken nothing");
    let spent = ask("acme-prod", "global", GEMINI);
    assert_eq!(spent.denial().map(|denial| denial.reason()), Some(Reason::QuotaExceeded));
}
