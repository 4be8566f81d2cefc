//! What one reader could take for another operation, or for another model.

use super::{ask, head};
use crate::denial::Reason;
use crate::dialect::recognition::recognise;
use crate::request::Dialect;

#[test]
fn a_colon_or_slash_that_is_encoded_does_not_make_another_operation() {
    let rows = [
        ("Gemini's verb behind an encoded colon", Dialect::Gemini, "/v1beta/models/m%3AgenerateContent"),
        ("an encoded colon before Gemini's verb", Dialect::Gemini, "/v1beta/models/m%3Ax:generateContent"),
        ("an ARN where no modelId stands", Dialect::Bedrock, "/arn:aws:x%2Fy/m/converse"),
        ("dot segments to another row", Dialect::Openai, "/v1/files/../chat/completions"),
    ];
    for (note, dialect, path) in rows {
        assert_eq!(ask(dialect, "POST", path), Err(Reason::PathAmbiguous), "{note}");
    }
}

#[test]
fn a_models_own_slash_may_be_encoded() {
    for path in
        ["/v1/models/meta-llama/Llama-3", "/v1/models/meta-llama%2FLlama-3", "/models/meta-llama/Llama-3"]
    {
        let operation = ask(Dialect::Openai, "GET", path).unwrap();
        assert_eq!(operation.path_model(), Some("meta-llama/Llama-3"), "{path}");
    }
    for path in ["/v1/models/a%2F..", "/v1/models/a%2F%2Fb", "/v1/files/a%2Fb", "/v1%2Fmodels/a"] {
        assert_eq!(ask(Dialect::Openai, "GET", path), Err(Reason::PathAmbiguous), "{path}");
    }
    assert_eq!(
        ask(Dialect::Openai, "DELETE", "/v1/models/a%2Fb"),
        Err(Reason::PathAmbiguous),
        "a model of one's own"
    );
}

#[test]
fn a_method_that_a_header_replaces_is_unknown() {
    for name in ["x-http-method-override", "x-http-method", "x-method-override", "x_http_method_override"] {
        let request = head("POST", "/v1/chat/completions", &[(name, "DELETE")]);
        let denial = recognise(Dialect::Openai, &request, None, &[]).unwrap_err();
        assert_eq!(denial.reason(), Reason::OperationUnknown, "{name}");
    }
}

#[test]
fn googles_parameters_for_another_method_are_ambiguous() {
    for (query, refused) in [
        ("$httpMethod=DELETE", true),
        ("%24httpHeaders=x-goog-api-key%3Aa", true),
        ("alt=sse&$req=x", true),
        ("a=b;$ct=x", true),
        ("$alt=json&$fields=a&$prettyPrint=false", false),
        ("alt=sse&price=$5", false),
    ] {
        let request = head("GET", &format!("/v1beta/models?{query}"), &[]);
        let reason = recognise(Dialect::Gemini, &request, None, &[]).err().map(|denial| denial.reason());
        assert_eq!(reason, refused.then_some(Reason::PathAmbiguous), "{query}");
        assert!(
            recognise(Dialect::Openai, &head("GET", &format!("/v1/models?{query}"), &[]), None, &[]).is_ok()
        );
    }
}

#[test]
fn an_upgrade_is_only_for_realtime() {
    let websocket = ("upgrade", "websocket");
    let rows = [
        ("realtime", "GET", "/v1/realtime?model=m", vec![websocket], None),
        ("realtime, upgraded twice", "GET", "/v1/realtime?model=m", vec![websocket, websocket], Some(())),
        ("realtime, another protocol", "GET", "/v1/realtime?model=m", vec![("upgrade", "h2c")], Some(())),
        ("a chat whose body would pass unread", "POST", "/v1/chat/completions", vec![websocket], Some(())),
        ("responses over a WebSocket", "GET", "/v1/responses/r", vec![websocket], Some(())),
        ("a tunnel", "CONNECT", "/v1/realtime?model=m", vec![], Some(())),
    ];
    for (note, method, path, headers, refused) in rows {
        let answer = recognise(Dialect::Openai, &head(method, path, &headers), None, &[]);
        let reason = answer.err().map(|denial| denial.reason());
        assert_eq!(reason, refused.map(|()| Reason::OperationUnknown), "{note}");
    }
}

#[test]
fn the_realtime_model_is_read_once_from_the_query() {
    use Dialect::{Azure, Openai};
    let model = |name: &str| Ok((Some(name.to_owned()), false));
    let rows = [
        ("OpenAI", Openai, "/v1/realtime?model=gpt-realtime&x=1", model("gpt-realtime")),
        ("encoded", Openai, "/v1/realtime?%6dodel=gpt%2Drealtime", model("gpt-realtime")),
        ("none", Openai, "/v1/realtime?intent=transcription", Ok((None, false))),
        ("no query", Openai, "/v1/realtime", Ok((None, false))),
        (
            "a call of another request",
            Openai,
            "/v1/realtime?model=m&call_id=c",
            Ok((Some("m".to_owned()), true)),
        ),
        ("Azure's deployment", Azure, "/openai/realtime?api-version=1&deployment=d1", model("d1")),
        ("Azure's v1", Azure, "/openai/v1/realtime?model=d1", model("d1")),
        ("twice", Openai, "/v1/realtime?model=a&model=a", Err(Reason::PathAmbiguous)),
        ("twice, once encoded", Openai, "/v1/realtime?model=a&mode%6c=b", Err(Reason::PathAmbiguous)),
        ("two names", Azure, "/openai/realtime?model=a&deployment=b", Err(Reason::PathAmbiguous)),
        ("another case", Openai, "/v1/realtime?Model=a", Err(Reason::PathAmbiguous)),
        ("empty", Openai, "/v1/realtime?model=", Err(Reason::PathAmbiguous)),
        ("a plus", Openai, "/v1/realtime?model=a+b", Err(Reason::PathAmbiguous)),
        ("a semicolon", Openai, "/v1/realtime?x=1;model=b&model=a", Err(Reason::PathAmbiguous)),
        ("a semicolon in a name", Openai, "/v1/realtime?x;model=b&model=a", Err(Reason::PathAmbiguous)),
        ("a malformed escape", Openai, "/v1/realtime?model=a%2", Err(Reason::PathAmbiguous)),
        ("not UTF-8", Openai, "/v1/realtime?model=%ff", Err(Reason::PathAmbiguous)),
        ("a line break", Openai, "/v1/realtime?model=a%0a", Err(Reason::PathAmbiguous)),
    ];
    for (note, dialect, path, expected) in rows {
        let answer = recognise(dialect, &head("GET", path, &[("upgrade", "WebSocket")]), None, &[]);
        let read = answer
            .map(|operation| (operation.path_model().map(str::to_owned), operation.is_stateful()))
            .map_err(|denial| denial.reason());
        assert_eq!(read, expected, "{note}");
    }
}
