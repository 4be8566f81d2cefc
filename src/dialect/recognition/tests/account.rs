//! What an operation reads or leaves under the provider's account.

use std::collections::BTreeSet;

use super::{ask, head, sample};
use crate::denial::Reason;
use crate::dialect::operation::ModelPlace;
use crate::dialect::operation::profile::{Metering, State};
use crate::dialect::recognition::recognise;
use crate::dialect::recognition::table::tables;
use crate::request::Dialect;

#[test]
fn what_reads_or_leaves_something_under_the_account_is_stateful() {
    let stateless: BTreeSet<_> = Dialect::ALL
        .into_iter()
        .flat_map(tables)
        .flat_map(|table| table.rows.iter().map(move |row| (row, sample(table, row))))
        .filter(|(row, _)| row.profile.state == State::Stateless)
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
fn a_stored_prompt_of_bedrock_hides_its_model() {
    let operation =
        ask(Dialect::Bedrock, "POST", "/model/arn:aws:bedrock:r:1:prompt%2FP1:2/converse").unwrap();
    assert!(operation.is_stateful());
    assert_eq!(operation.model_place(), ModelPlace::Elsewhere);
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
        assert_eq!(operation.profile.metering == Metering::Later, later, "{asked}");
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
