//! Vertex AI's paths: three providers' words, and who pays.

use serde_json::json;

use super::{ask, head};
use crate::denial::Reason;
use crate::dialect::operation::{ModelPlace, Place};
use crate::dialect::recognition::listed_operation::ListedOperation;
use crate::dialect::recognition::recognise;
use crate::request::{Dialect, Wire};

const BELOW: &str = "/v1/projects/acme-prod/locations/us-east5";

#[test]
fn each_publisher_has_the_words_of_its_own_house() {
    use ModelPlace::{Body, Path};
    for (path, name, wire, place, model, streams) in [
        (
            "publishers/google/models/gemini-2.5-pro:generateContent",
            "generate_content",
            Wire::Gemini,
            Path,
            Some("gemini-2.5-pro"),
            Some(false),
        ),
        (
            "publishers/google/models/gemini-2.5-pro:streamGenerateContent?alt=sse",
            "generate_content",
            Wire::Gemini,
            Path,
            Some("gemini-2.5-pro"),
            Some(true),
        ),
        (
            "publishers/google/models/gemini-embedding-001:predict",
            "predict",
            Wire::Gemini,
            Path,
            Some("gemini-embedding-001"),
            Some(false),
        ),
        (
            "publishers/anthropic/models/count-tokens:rawPredict",
            "count_tokens",
            Wire::Anthropic,
            Body,
            None,
            Some(false),
        ),
        (
            "publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict",
            "chat",
            Wire::Anthropic,
            Path,
            Some("claude-sonnet-4-5@20250929"),
            None,
        ),
        (
            "publishers/anthropic/models/claude-sonnet-4-5%4020250929:streamRawPredict",
            "chat",
            Wire::Anthropic,
            Path,
            Some("claude-sonnet-4-5@20250929"),
            Some(true),
        ),
        ("endpoints/openapi/chat/completions", "chat", Wire::Openai, Body, None, None),
    ] {
        let operation = ask(Dialect::Vertex, "POST", &format!("{BELOW}/{path}")).unwrap();
        assert_eq!(
            (operation.dialect(), operation.name(), operation.wire()),
            (Dialect::Vertex, name, wire),
            "{path}"
        );
        assert_eq!((operation.model_place(), operation.path_model()), (place, model), "{path}");
        assert_eq!(operation.path_streams(), streams, "{path}");
        assert_eq!(operation.tells_stream_usage_if_asked(), wire == Wire::Openai, "{path}");
        assert!(!operation.is_stateful(), "{path}");
        let place = Place { project: "acme-prod".to_owned(), location: "us-east5".to_owned() };
        assert_eq!(operation.place(), Some(&place), "{path}");
    }
}

#[test]
fn what_is_not_listed_is_unknown() {
    for path in [
        "/v1/publishers/google/models/m:generateContent",
        "/v1beta/models/m:generateContent",
        "/v1beta/openai/chat/completions",
        "/v1/messages",
        "/v1/projects/p/publishers/google/models/m:generateContent",
        "/v1/locations/l/projects/p/publishers/google/models/m:generateContent",
        "/v2/projects/p/locations/l/publishers/google/models/m:generateContent",
        "/v1/Projects/p/locations/l/publishers/google/models/m:generateContent",
        "/v1/projects/p/locations/l/publishers/google/models/m:predictLongRunning",
        "/v1/projects/p/locations/l/publishers/google/models/m:rawPredict",
        "/v1/projects/p/locations/l/publishers/anthropic/models/m:predict",
        "/v1/projects/p/locations/l/publishers/mistralai/models/m:rawPredict",
        "/v1/projects/p/locations/l/endpoints/7:predict",
        "/v1/projects/p/locations/l/endpoints/7/chat/completions",
        "/v1/projects/p/locations/l/cachedContents",
        "/v1/projects/p/locations/l/batchPredictionJobs",
        "/ws/google.cloud.aiplatform.v1.LlmBidiService/BidiGenerateContent",
    ] {
        assert_eq!(ask(Dialect::Vertex, "POST", path), Err(Reason::OperationUnknown), "{path}");
    }
}

#[test]
fn a_place_is_read_as_google_reads_it_or_not_at_all() {
    for (note, project) in [
        ("a dot segment", "acme-prod/locations/x/../../../projects/other"),
        ("an encoded one", "%2e%2e/projects/other"),
        ("a doubled slash", "/acme-prod"),
        ("an encoded slash", "acme-prod%2Fother"),
        ("an escape of an escape", "acme%252Dprod"),
        ("parameters", "acme-prod;other"),
        ("an encoded colon", "acme-prod%3Aother"),
        ("a line break", "acme-prod%0a"),
    ] {
        let path = format!("/v1/projects/{project}/locations/l/publishers/google/models/m:generateContent");
        assert_eq!(ask(Dialect::Vertex, "POST", &path), Err(Reason::PathAmbiguous), "{note}");
    }
    let path = "/v1/projects/%61cme%2Dprod/locations/l/publishers/google/models/m:generateContent";
    let place = ask(Dialect::Vertex, "POST", path).unwrap().place().cloned().unwrap();
    assert_eq!(place.project, "acme-prod", "a letter may be encoded, and is decoded once");
}

#[test]
fn an_operators_own_operation_has_its_place_too() {
    let entry = json!({
        "method": "POST", "operation": "mine", "path": "/v1/projects/*/locations/*/endpoints/*", "model": "unseen"
    });
    let listed =
        [ListedOperation::compile(&serde_json::from_value(entry).unwrap(), "operations[0]").unwrap()];
    let ask = |path: &str| recognise(Dialect::Vertex, &head("POST", path, &[]), None, &listed).unwrap();
    let operation = ask("/v1/projects/acme-prod/locations/us-east5/endpoints/7:rawPredict");
    let place = operation.place().unwrap();
    assert_eq!(
        (operation.name(), place.project.as_str(), place.location.as_str()),
        ("mine", "acme-prod", "us-east5")
    );
}

#[test]
fn googles_parameters_for_another_method_are_ambiguous_here_too() {
    let path = format!("{BELOW}/publishers/anthropic/models/m:rawPredict?$httpMethod=DELETE");
    assert_eq!(ask(Dialect::Vertex, "POST", &path), Err(Reason::PathAmbiguous));
}
