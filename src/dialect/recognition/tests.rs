use std::collections::BTreeSet;

use proptest::prelude::{any, prop, prop_assert_eq, proptest};
use serde_json::json;

use super::listed_operation::ListedOperation;
use super::recognise;
use super::table::row::Row;
use super::table::{Table, tables};
use crate::denial::Reason;
use crate::dialect::operation::profile::Streaming;
use crate::dialect::operation::{BodyForm, ModelPlace, Operation};
use crate::request::{Dialect, RequestHead};

fn head(method: &str, path: &str, more: &[(&str, &str)]) -> RequestHead {
    let pseudo = [(":method", method), (":path", path)];
    let headers = pseudo.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).into()));
    RequestHead::new(headers.collect())
}

fn ask(dialect: Dialect, method: &str, path: &str) -> Result<Operation, Reason> {
    recognise(dialect, &head(method, path, &[]), None, &[]).map_err(|denial| denial.reason())
}

/// A path that the row's pattern matches.
fn sample(table: &Table, row: &Row) -> String {
    let path = table.pattern(row).replace("{version}", "v1beta").replace("{id}", "id_1");
    let path = path.replace("{model}", "ft:m1").replace("{name}", "m-1").replace("{tuned}", "t-1");
    let path =
        path.replace("{slug}", "meta/m-1").replace("{resource}", "arn:aws:bedrock:r:1:guardrail%2Fid_1");
    let base = table.base;
    format!("{base}{}", path.replace("{arn}", "arn:aws:bedrock:r:1:inference-profile%2Feu.m1%3A0"))
}

#[test]
fn every_row_is_recognised_by_its_own_path_and_no_other_row_hides_it() {
    for dialect in Dialect::ALL {
        for table in tables(dialect) {
            for row in table.rows {
                let path = sample(table, row);
                let upgrade: &[_] = match row.profile.body {
                    BodyForm::Upgrade => &[("upgrade", "websocket")],
                    _ => &[],
                };
                let operation = recognise(dialect, &head(row.method, &path, upgrade), None, &[]).unwrap();
                assert_eq!(operation.name(), row.name, "{path}");
                assert_eq!(operation.profile, row.profile, "{path}");
                assert_eq!(operation.wire(), table.wire, "{path}");
                assert_eq!(operation.path_model().is_some(), row.profile.model == ModelPlace::Path, "{path}");
            }
        }
    }
}

#[test]
fn what_the_callers_ask_for_most_is_read_as_the_references_say() {
    use BodyForm::{Json, JsonOrMultipart, Multipart};
    use Dialect::{Anthropic, Azure, Bedrock, Gemini, Openai};
    use ModelPlace::{Body, Path};
    let arn = "arn:aws:bedrock:eu-west-1:1:inference-profile/eu.claude-1:0";
    let rows = [
        (Openai, "/v1/chat/completions", "chat", Body, Json, None, None),
        (Openai, "/v1/responses?x=y", "responses", Body, Json, None, None),
        (Openai, "/v1/completions", "text_completion", Body, Json, None, None),
        (Openai, "/v1/embeddings", "embeddings", Body, Json, None, Some(false)),
        (
            Openai,
            "/v1/audio/transcriptions",
            "audio.transcriptions",
            ModelPlace::Multipart,
            Multipart,
            None,
            None,
        ),
        (
            Azure,
            "/openai/deployments/d1/chat/completions?api-version=1",
            "chat",
            Path,
            Json,
            Some("d1"),
            None,
        ),
        (Azure, "/openai/deployments/d1/images/edits", "images", Path, JsonOrMultipart, Some("d1"), None),
        (Azure, "/openai/v1/chat/completions", "chat", Body, Json, None, None),
        (Azure, "/openai/responses", "responses", Body, Json, None, None),
        (Anthropic, "/v1/messages?beta=true", "chat", Body, Json, None, None),
        (
            Gemini,
            "/v1beta/models/g-2:generateContent",
            "generate_content",
            Path,
            Json,
            Some("g-2"),
            Some(false),
        ),
        (
            Gemini,
            "/v1/models/g-2:streamGenerateContent?alt=sse",
            "generate_content",
            Path,
            Json,
            Some("g-2"),
            Some(true),
        ),
        (Gemini, "/v1beta/openai/chat/completions", "chat", Body, Json, None, None),
        (Bedrock, "/model/claude-1%3A0/converse", "chat", Path, Json, Some("claude-1:0"), Some(false)),
        (Bedrock, "/model/claude-1:0/converse-stream", "chat", Path, Json, Some("claude-1:0"), Some(true)),
        (
            Bedrock,
            "/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A1%3Ainference-profile%2Feu.claude-1%3A0/invoke",
            "invoke_model",
            Path,
            Json,
            Some(arn),
            Some(false),
        ),
        (Bedrock, "/model/m/invoke-with-response-stream", "invoke_model", Path, Json, Some("m"), Some(true)),
    ];
    for (dialect, path, name, place, form, model, streams) in rows {
        let operation = ask(dialect, "POST", path).unwrap();
        assert_eq!(operation.dialect(), dialect, "{path}");
        assert_eq!(
            (operation.name(), operation.model_place(), operation.body_form()),
            (name, place, form),
            "{path}"
        );
        assert_eq!((operation.path_model(), operation.path_streams()), (model, streams), "{path}");
        assert!(operation.is_metered() && !operation.is_stateful(), "{path}");
    }
}

#[test]
fn what_reads_or_leaves_something_under_the_account_is_stateful() {
    let stateless: BTreeSet<_> = Dialect::ALL
        .into_iter()
        .flat_map(tables)
        .flat_map(|table| table.rows.iter().map(move |row| (row, sample(table, row))))
        .filter(|(row, _)| row.profile.state == crate::dialect::operation::profile::State::Stateless)
        .map(|(row, path)| format!("{} {path}", row.method))
        .collect();
    for path in &stateless {
        let kept = [
            "id_1",
            "files",
            "batches",
            "uploads",
            "vector",
            "conversations",
            "tuning/jobs",
            "cached",
            "tuned",
        ];
        assert!(!kept.iter().any(|kept| path.contains(kept)) && !path.starts_with("DELETE"), "{path}");
    }
}

#[test]
fn what_is_not_in_a_table_is_unknown() {
    let rows = [
        ("the root", Dialect::Openai, "GET", "/"),
        ("a HEAD", Dialect::Openai, "HEAD", "/v1/models"),
        ("a preflight", Dialect::Openai, "OPTIONS", "/v1/chat/completions"),
        ("a path with another method", Dialect::Openai, "PUT", "/v1/chat/completions"),
        ("a method in lower case", Dialect::Openai, "post", "/v1/chat/completions"),
        ("a path in another case", Dialect::Openai, "POST", "/V1/chat/completions"),
        ("a longer path", Dialect::Openai, "POST", "/v1/chat/completions/x/y"),
        ("a shorter path", Dialect::Openai, "POST", "/v1/chat"),
        ("administering the account", Dialect::Openai, "GET", "/v1/organization/admin_api_keys"),
        ("administering projects", Dialect::Openai, "GET", "/v1/projects/p/roles"),
        ("credentials in a vault", Dialect::Openai, "GET", "/v1/vaults/v/credentials"),
        ("the secrets of webhooks", Dialect::Openai, "POST", "/v1/webhook_endpoints/w/rotate_secret"),
        ("administering the organization", Dialect::Anthropic, "GET", "/v1/organizations/me"),
        ("a tunnel's own token", Dialect::Anthropic, "POST", "/v1/tunnels/t/reveal_token"),
        (
            "Vertex's paths that name who pays",
            Dialect::Gemini,
            "POST",
            "/v1/projects/p/locations/l/publishers/google/models/m:generateContent",
        ),
        ("Gemini's webhooks", Dialect::Gemini, "POST", "/v1beta/webhooks"),
        ("Cohere's own words", Dialect::Openai, "POST", "/v2/chat"),
        ("Ollama's own words", Dialect::Openai, "POST", "/api/chat"),
        ("a version that the provider does not have", Dialect::Openai, "POST", "/v3/chat/completions"),
        ("another dialect's path", Dialect::Openai, "POST", "/v1/messages"),
        ("OpenAI's path at Azure", Dialect::Azure, "POST", "/v1/chat/completions"),
        ("a Gemini verb that is not known", Dialect::Gemini, "POST", "/v1beta/models/m:generate"),
        ("a Gemini verb twice", Dialect::Gemini, "POST", "/v1beta/models/m:x:generateContent"),
        ("a Gemini verb without a model", Dialect::Gemini, "POST", "/v1beta/models/:generateContent"),
        ("a Gemini version that is not known", Dialect::Gemini, "POST", "/v2/models/m:generateContent"),
        ("a Gemini verb by GET", Dialect::Gemini, "GET", "/v1beta/models/m:generateContent"),
        ("Gemini by gRPC", Dialect::Gemini, "POST", "/google.ai.v1.GenerativeService/GenerateContent"),
        ("a Bedrock ARN with a raw slash", Dialect::Bedrock, "POST", "/model/arn:aws:b:profile/m/converse"),
        ("realtime without an upgrade", Dialect::Openai, "GET", "/v1/realtime?model=m"),
    ];
    for (note, dialect, method, path) in rows {
        assert_eq!(ask(dialect, method, path), Err(Reason::OperationUnknown), "{note}");
    }
}

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
fn a_method_that_a_header_replaces_is_unknown() {
    for name in ["x-http-method-override", "x-http-method", "x-method-override", "x_http_method_override"] {
        let request = head("POST", "/v1/chat/completions", &[(name, "DELETE")]);
        let denial = recognise(Dialect::Openai, &request, None, &[]).unwrap_err();
        assert_eq!(denial.reason(), Reason::OperationUnknown, "{name}");
    }
}

#[test]
fn a_model_made_under_the_account_is_stateful() {
    let arn = |resource: &str| format!("/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A1%3A{resource}/converse");
    for (path, stateful, note) in [
        ("/model/anthropic.claude-v2%3A1/converse".to_owned(), false, "a model id"),
        (arn("inference-profile%2Feu.amazon.nova-lite-v1%3A0"), false, "an inference profile of AWS"),
        (
            "/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A%3Afoundation-model%2Fx/converse".to_owned(),
            false,
            "a foundation model",
        ),
        (arn("custom-model%2Fx"), true, "a custom model"),
        (arn("imported-model%2Fx"), true, "an imported model"),
        (arn("provisioned-model%2Fx"), true, "bought throughput"),
        (arn("application-inference-profile%2Fx"), true, "a profile of the account"),
        (arn("prompt%2Fx%3A1"), true, "a stored prompt"),
        (arn("prompt-router%2Fx"), true, "a router of the account"),
        (arn("default-prompt-router%2Fx"), false, "a router of AWS"),
        ("/model/arn%3Aaws/converse".to_owned(), true, "an ARN that ends early"),
    ] {
        let operation = recognise(Dialect::Bedrock, &head("POST", &path, &[]), None, &[]).unwrap();
        assert_eq!(operation.is_stateful(), stateful, "{note}");
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

#[test]
fn a_stored_prompt_of_bedrock_hides_its_model() {
    let operation =
        ask(Dialect::Bedrock, "POST", "/model/arn:aws:bedrock:r:1:prompt%2FP1:2/converse").unwrap();
    assert!(operation.is_stateful());
    assert_eq!(operation.model_place(), ModelPlace::Elsewhere);
}

#[test]
fn the_upstreams_prefix_is_taken_off_first() {
    let rows = [
        ("with its prefix", "/openai/v1/models", None),
        ("without it", "/v1/models", Some(Reason::OperationUnknown)),
        ("with half of it", "/openaiv1/v1/models", Some(Reason::OperationUnknown)),
        ("with it twice", "/openai/openai/v1/models", Some(Reason::OperationUnknown)),
        ("with dots before it", "/x/../openai/v1/models", Some(Reason::PathAmbiguous)),
    ];
    for (note, path, expected) in rows {
        let answer = recognise(Dialect::Openai, &head("GET", path, &[]), Some("/openai"), &[]);
        assert_eq!(answer.err().map(|denial| denial.reason()), expected, "{note}");
    }
}

#[test]
fn what_sdks_ask_for_is_known_with_its_risk() {
    use Dialect::{Anthropic, Azure, Bedrock, Gemini, Openai};
    let (own, any) = (true, false);
    // The dialect, the method and path, its name, whether it is for one's own account, where its model is, and whether it
    // is done later.
    let rows = [
        (Openai, "POST /v1/videos", "videos", own, ModelPlace::Multipart, true),
        (Openai, "GET /v1/videos/v/content", "videos", own, ModelPlace::None, false),
        (Openai, "POST /v1/containers/c/files", "containers", own, ModelPlace::None, false),
        (Openai, "POST /v1/evals/e/runs", "evals", own, ModelPlace::Elsewhere, true),
        (Openai, "POST /v1/skills", "skills", own, ModelPlace::None, false),
        (Openai, "POST /v1/realtime/calls/c/accept", "realtime", own, ModelPlace::Body, true),
        (Openai, "POST /v1/assistants", "assistants", own, ModelPlace::Body, false),
        (Openai, "POST /v1/threads/t/runs", "threads", own, ModelPlace::Elsewhere, true),
        (
            Openai,
            "GET /v1/fine_tuning/checkpoints/ft:m:o:c/permissions",
            "fine_tuning",
            own,
            ModelPlace::None,
            false,
        ),
        (Openai, "POST /v1/fine_tuning/alpha/graders/run", "fine_tuning", any, ModelPlace::Elsewhere, true),
        (Openai, "POST /chat/completions", "chat", any, ModelPlace::Body, false),
        (Openai, "POST /beta/completions", "text_completion", any, ModelPlace::Body, false),
        (Openai, "POST /v1/fim/completions", "text_completion", any, ModelPlace::Body, false),
        (Openai, "POST /v1/ocr", "ocr", any, ModelPlace::Body, false),
        (Openai, "POST /v2/rerank", "rerank", any, ModelPlace::Body, false),
        (Openai, "GET /v1/models/meta-llama/Llama-3", "models", any, ModelPlace::Path, false),
        (Azure, "POST /openai/assistants", "assistants", own, ModelPlace::Body, false),
        (Azure, "POST /openai/vector_stores", "vector_stores", own, ModelPlace::None, false),
        (Azure, "POST /openai/fine_tuning/jobs", "fine_tuning", own, ModelPlace::Body, true),
        (Azure, "POST /openai/conversations", "conversations", own, ModelPlace::None, false),
        (Azure, "POST /openai/v1/video/generations/jobs", "videos", own, ModelPlace::Body, true),
        (Azure, "POST /models/chat/completions", "chat", any, ModelPlace::Body, false),
        (Azure, "POST /chat/completions", "chat", any, ModelPlace::Body, false),
        (Anthropic, "POST /v1/skills", "skills", own, ModelPlace::None, false),
        (Anthropic, "POST /v1/agents", "agents", own, ModelPlace::Elsewhere, false),
        (Anthropic, "POST /v1/sessions/s/events", "sessions", own, ModelPlace::Elsewhere, true),
        (Anthropic, "POST /v1/memory_stores/m/memories", "memory_stores", own, ModelPlace::None, false),
        (
            Gemini,
            "POST /v1alpha/models/g-3:generateContent",
            "generate_content",
            any,
            ModelPlace::Path,
            false,
        ),
        (Gemini, "POST /v1beta1/publishers/google/models/g:predict", "predict", any, ModelPlace::Path, false),
        (Gemini, "POST /v1beta/interactions", "interactions", any, ModelPlace::Body, false),
        (Gemini, "GET /v1beta/interactions/i", "interactions", own, ModelPlace::None, false),
        (Gemini, "POST /v1beta/models/e:asyncBatchEmbedContent", "batches", own, ModelPlace::Path, true),
        (
            Gemini,
            "POST /upload/v1beta/fileSearchStores/s:uploadToFileSearchStore",
            "uploads",
            own,
            ModelPlace::None,
            false,
        ),
        (Gemini, "PUT /upload/v1beta/files?upload_id=u", "uploads", own, ModelPlace::None, false),
        (Bedrock, "POST /guardrail/g/version/1/apply", "guardrails", own, ModelPlace::None, false),
        (Bedrock, "POST /async-invoke", "invoke_model", own, ModelPlace::Body, true),
        (
            Bedrock,
            "GET /async-invoke/arn%3Aaws%3Abedrock%3Ar%3A1%3Aasync-invoke%2Fi",
            "invoke_model",
            own,
            ModelPlace::None,
            false,
        ),
        (Bedrock, "GET /foundation-models", "models", any, ModelPlace::None, false),
    ];
    for (dialect, asked, name, is_stateful, model, later) in rows {
        let (method, path) = asked.split_once(' ').unwrap();
        let operation = ask(dialect, method, path).unwrap_or_else(|reason| panic!("{asked}: {reason}"));
        let read = (operation.name(), operation.is_stateful(), operation.model_place());
        assert_eq!(read, (name, is_stateful, model), "{asked}");
        assert_eq!(
            operation.profile.metering == crate::dialect::operation::profile::Metering::Later,
            later,
            "{asked}"
        );
    }
}

#[test]
fn a_websocket_whose_frames_name_everything_is_for_ones_own_account() {
    for (dialect, path) in [
        (Dialect::Openai, "/v1/responses"),
        (Dialect::Openai, "/v1/live/sessions"),
        (Dialect::Azure, "/openai/v1/responses"),
        (Dialect::Gemini, "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"),
        (
            Dialect::Gemini,
            "/ws/google.ai.generativelanguage.v1alpha.GenerativeService.BidiGenerateContentConstrained",
        ),
    ] {
        let live = recognise(dialect, &head("GET", path, &[("upgrade", "websocket")]), None, &[]).unwrap();
        assert!(live.is_stateful() && live.is_done_later(), "{path}");
        assert_eq!(live.model_place(), ModelPlace::Elsewhere, "{path}");
        assert_eq!(ask(dialect, "GET", path), Err(Reason::OperationUnknown), "{path} without an upgrade");
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

fn extra(method: &str, path: &str, stateful: bool) -> ListedOperation {
    let entry = json!({ "method": method, "path": path, "operation": "mine", "stateful": stateful });
    ListedOperation::compile(&serde_json::from_value(entry).unwrap(), "operations[0]").unwrap()
}

#[test]
fn an_operators_operation_is_metered_and_its_model_cannot_be_seen() {
    let extra = [extra("POST", "/v1/mine/*/now", true), extra("GET", "/v1/files", false)];
    let answer = |method: &str, path: &str, more: &[(&str, &str)]| {
        recognise(Dialect::Openai, &head(method, path, more), None, &extra).map_err(|denial| denial.reason())
    };
    let mine = answer("POST", "/v1/mine/a/now", &[]).unwrap();
    assert_eq!(
        (mine.name(), mine.model_place(), mine.body_form()),
        ("mine", ModelPlace::Elsewhere, BodyForm::Opaque)
    );
    assert!(mine.is_stateful() && mine.is_metered());
    assert_eq!(mine.path_streams(), None);
    let known = answer("GET", "/v1/files", &[]).unwrap();
    assert!(known.is_stateful(), "a row of the dialect comes first");
    let rows = [
        ("another method", answer("GET", "/v1/mine/a/now", &[]), Reason::OperationUnknown),
        ("two segments for one star", answer("POST", "/v1/mine/a/b/now", &[]), Reason::OperationUnknown),
        ("no segment for the star", answer("POST", "/v1/mine/now", &[]), Reason::OperationUnknown),
        ("an empty segment for the star", answer("POST", "/v1/mine//now", &[]), Reason::PathAmbiguous),
        ("dots for the star", answer("POST", "/v1/mine/../now", &[]), Reason::PathAmbiguous),
        (
            "an upgrade",
            answer("POST", "/v1/mine/a/now", &[("upgrade", "websocket")]),
            Reason::OperationUnknown,
        ),
    ];
    for (note, answer, reason) in rows {
        assert_eq!(answer, Err(reason), "{note}");
    }
}

#[test]
fn only_what_the_path_says_streams_without_the_body() {
    let always: Vec<_> = Dialect::ALL
        .into_iter()
        .flat_map(tables)
        .flat_map(|table| table.rows)
        .filter(|row| row.profile.streaming == Streaming::Always)
        .collect();
    assert!(always.iter().all(|row| {
        let upgrades = row.profile.body == BodyForm::Upgrade;
        upgrades || ["streamGenerateContent", "stream"].iter().any(|end| row.path.ends_with(end))
    }));
}

proptest! {
    #[test]
    fn no_head_panics(method in "[A-Z]{0,8}", path in prop::collection::vec(any::<u8>(), 0..80)) {
        let pseudo = vec![(":method".to_owned(), method.into_bytes()), (":path".to_owned(), path)];
        for dialect in Dialect::ALL {
            let _ = recognise(dialect, &RequestHead::new(pseudo.clone()), Some("/x"), &[extra("GET", "/*", false)]);
        }
    }

    #[test]
    fn an_encoded_letter_is_the_same_operation(at in 0_usize..20) {
        let plain = "/v1/chat/completions";
        let encode = |(position, c): (usize, char)| match position == at && c != '/' {
            true => format!("%{:02x}", u32::from(c)),
            false => c.to_string(),
        };
        let encoded: String = plain.chars().enumerate().map(encode).collect();
        prop_assert_eq!(ask(Dialect::Openai, "POST", &encoded), ask(Dialect::Openai, "POST", plain));
    }
}
