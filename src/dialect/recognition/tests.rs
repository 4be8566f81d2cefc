mod account;
mod ambiguity;
mod vertex;

use proptest::prelude::{any, prop, prop_assert_eq, proptest};
use serde_json::json;

use super::listed_operation::ListedOperation;
use super::table::row::Row;
use super::table::{Table, tables};
use super::{recognise, wire_at};
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
    let path = format!("{}{}", table.base, table.pattern(row));
    let path = path.replace("{version}", "v1beta1").replace("{id}", "id_1");
    let path = path.replace("{project}", "p-1").replace("{location}", "l-1");
    let path = path.replace("{model}", "ft:m1").replace("{name}", "m-1").replace("{tuned}", "t-1");
    let path =
        path.replace("{slug}", "meta/m-1").replace("{resource}", "arn:aws:bedrock:r:1:guardrail%2Fid_1");
    path.replace("{arn}", "arn:aws:bedrock:r:1:inference-profile%2Feu.m1%3A0")
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
                assert_eq!(wire_at(dialect, &head(row.method, &path, &[])), table.wire, "{path}");
                assert_eq!(operation.place().is_some(), dialect == Dialect::Vertex, "{path}");
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
        upgrades
            || ["streamGenerateContent", "streamRawPredict", "stream"]
                .iter()
                .any(|end| row.path.ends_with(end))
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
