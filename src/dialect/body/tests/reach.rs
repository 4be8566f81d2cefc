use super::read;
use crate::request::Dialect;

/// (is_stateful, model_elsewhere)
fn reach(dialect: Dialect, path: &str, body: &str) -> (bool, bool) {
    let facts = read(dialect, path, body).unwrap();
    (facts.is_stateful, facts.model_elsewhere)
}

#[test]
fn a_body_that_reaches_beyond_the_request_says_so() {
    use Dialect::{Anthropic, Azure, Bedrock, Gemini, Openai};
    let (chat, responses, messages) = ("/v1/chat/completions", "/v1/responses", "/v1/messages");
    let (verb, converse) = ("/v1beta/models/m:generateContent", "/model/m/converse");
    let rows = [
        (
            "a previous response",
            Openai,
            responses,
            r#"{"model":"m","previous_response_id":"r"}"#,
            (true, false),
        ),
        ("a previous response's model", Openai, responses, r#"{"previous_response_id":"r"}"#, (true, true)),
        ("a conversation", Openai, responses, r#"{"model":"m","conversation":{"id":"c"}}"#, (true, false)),
        ("a stored prompt", Openai, responses, r#"{"model":"m","prompt":{"id":"p"}}"#, (true, true)),
        ("to be stored", Openai, chat, r#"{"model":"m","store":true}"#, (true, false)),
        ("in the background", Openai, responses, r#"{"model":"m","background":true}"#, (true, false)),
        (
            "a file",
            Openai,
            chat,
            r#"{"model":"m","messages":[{"content":[{"file":{"file_id":"f"}}]}]}"#,
            (true, false),
        ),
        (
            "a file in another case",
            Openai,
            chat,
            r#"{"model":"m","messages":[{"fileId":"f"}]}"#,
            (true, false),
        ),
        (
            "a spoken answer",
            Openai,
            chat,
            r#"{"model":"m","messages":[{"audio":{"id":"a"}}]}"#,
            (true, false),
        ),
        (
            "a vector store",
            Openai,
            responses,
            r#"{"model":"m","tools":[{"vector_store_ids":["v"]}]}"#,
            (true, false),
        ),
        ("a container", Openai, responses, r#"{"model":"m","tools":[{"container":"c"}]}"#, (true, false)),
        ("a tool's own model", Openai, responses, r#"{"model":"m","tools":[{"model":"x"}]}"#, (false, true)),
        ("models to fall back on", Openai, chat, r#"{"model":"m","models":["x"]}"#, (false, true)),
        (
            "Azure's data",
            Azure,
            "/openai/deployments/d/chat/completions",
            r#"{"data_sources":[{}]}"#,
            (true, false),
        ),
        (
            "Azure's data as older versions spell it",
            Azure,
            "/openai/deployments/d/chat/completions",
            r#"{"dataSources":[{}]}"#,
            (true, false),
        ),
        ("a fine-tuned model", Openai, chat, r#"{"model":"ft:gpt-4o:acme::1"}"#, (true, false)),
        (
            "Anthropic's file",
            Anthropic,
            messages,
            r#"{"model":"m","messages":[{"content":[{"source":{"file_id":"f"}}]}]}"#,
            (true, false),
        ),
        ("Anthropic's container", Anthropic, messages, r#"{"model":"m","container":"c"}"#, (true, false)),
        (
            "Anthropic's tool with a model",
            Anthropic,
            messages,
            r#"{"model":"m","tools":[{"model":"x"}]}"#,
            (false, true),
        ),
        ("Gemini's cache", Gemini, verb, r#"{"cachedContent":"cachedContents/c"}"#, (true, false)),
        ("Gemini's cache by its other name", Gemini, verb, r#"{"cached_content":"c"}"#, (true, false)),
        (
            "Gemini's file",
            Gemini,
            verb,
            r#"{"contents":[{"parts":[{"file_data":{"file_uri":"f"}}]}]}"#,
            (true, false),
        ),
        (
            "Gemini's file by its address",
            Gemini,
            verb,
            r#"{"contents":[{"parts":[{"fileData":{"fileUri":"https://generativelanguage.googleapis.com/v1beta/files/f"}}]}]}"#,
            (true, false),
        ),
        (
            "a bucket that the account reaches",
            Gemini,
            verb,
            r#"{"contents":[{"parts":[{"fileData":{"fileUri":"gs:\/\/b\/a.mp4"}}]}]}"#,
            (true, false),
        ),
        (
            "one stored file beside a public one",
            Gemini,
            verb,
            r#"{"contents":[{"parts":[{"fileData":{"fileUri":"https://youtu.be/x"}},{"fileData":{"fileUri":"files/f"}}]}]}"#,
            (true, false),
        ),
        (
            "addresses as a list",
            Gemini,
            verb,
            r#"{"contents":[{"parts":[{"fileData":{"fileUri":["https://youtu.be/x"]}}]}]}"#,
            (true, false),
        ),
        (
            "a public address in another dialect",
            Openai,
            chat,
            r#"{"model":"m","messages":[{"fileUri":"https://youtu.be/x"}]}"#,
            (true, false),
        ),
        ("an earlier interaction", Gemini, verb, r#"{"previous_interaction_id":"v1_x"}"#, (true, false)),
        (
            "a tunnel to somebody's server",
            Openai,
            responses,
            r#"{"model":"m","tools":[{"type":"mcp","server_label":"s","tunnel_id":"tunnel_1"}]}"#,
            (true, false),
        ),
        (
            "a file that a container was given",
            Anthropic,
            messages,
            r#"{"model":"m","messages":[{"content":[{"type":"container_upload","file_id":"f"}]}]}"#,
            (true, false),
        ),
        (
            "a file that code has made",
            Anthropic,
            messages,
            r#"{"model":"m","messages":[{"content":[{"type":"code_execution_tool_result","content":{"content":[{"type":"code_execution_output","file_id":"f"}]}}]}]}"#,
            (true, false),
        ),
        (
            "a file in what looks like examples outside of tools",
            Openai,
            chat,
            r#"{"model":"m","examples":[{"content":[{"file_id":"f"}]}]}"#,
            (true, false),
        ),
        (
            "Bedrock's bucket",
            Bedrock,
            converse,
            r#"{"messages":[{"content":[{"image":{"source":{"s3Location":{"uri":"s3://b"}}}}]}]}"#,
            (true, false),
        ),
    ];
    for (note, dialect, path, body, expected) in rows {
        assert_eq!(reach(dialect, path, body), expected, "{note}");
    }
}

#[test]
fn a_body_that_stays_within_the_request_says_so() {
    use Dialect::{Anthropic, Bedrock, Gemini, Openai};
    let (chat, responses, messages) = ("/v1/chat/completions", "/v1/responses", "/v1/messages");
    let (verb, converse) = ("/v1beta/models/m:generateContent", "/model/m/converse");
    let rows = [
        ("not to be stored", Openai, responses, r#"{"model":"m","store":false,"background":null}"#),
        ("stored by default", Openai, responses, r#"{"model":"m","input":"x"}"#),
        ("no previous response", Openai, responses, r#"{"model":"m","previous_response_id":null}"#),
        ("a prompt of text", Openai, "/v1/completions", r#"{"model":"m","prompt":["x"]}"#),
        ("a voice's name", Openai, chat, r#"{"model":"m","audio":{"voice":"alloy","format":"wav"}}"#),
        (
            "a schema about files",
            Openai,
            chat,
            r#"{"model":"m","tools":[{"function":{"parameters":{"file_id":"x","model":"y"}}}]}"#,
        ),
        ("metadata about files", Openai, chat, r#"{"model":"m","metadata":{"file_id":"x"}}"#),
        (
            "an automatic container",
            Openai,
            responses,
            r#"{"model":"m","tools":[{"container":{"type":"auto","file_ids":[]}}]}"#,
        ),
        ("a tool with the same model", Openai, responses, r#"{"model":"m","tools":[{"model":"m"}]}"#),
        (
            "a tool call's arguments",
            Anthropic,
            messages,
            r#"{"model":"m","messages":[{"content":[{"type":"tool_use","id":"t","input":{"file_id":"x"}}]}]}"#,
        ),
        (
            "Gemini's call arguments",
            Gemini,
            "/v1/models/m:generateContent",
            r#"{"contents":[{"parts":[{"functionCall":{"args":{"fileUri":"x"}}}]}]}"#,
        ),
        ("no spoken answer", Openai, chat, r#"{"model":"m","messages":[{"audio":{"id":null}}]}"#),
        (
            "the environment of a command",
            Openai,
            responses,
            r#"{"model":"m","input":[{"type":"local_shell_call","id":"l","action":{"env":{"container":"x"}}}]}"#,
        ),
        (
            "headers for a server of tools",
            Openai,
            responses,
            r#"{"model":"m","tools":[{"type":"mcp","server_url":"https://x","headers":{"Container":"x"}}]}"#,
        ),
        (
            "what a function answers",
            Openai,
            responses,
            r#"{"model":"m","tools":[{"type":"function","output_schema":{"properties":{"file_id":{}},"container":"x"}}]}"#,
        ),
        (
            "examples of a tool with a model",
            Anthropic,
            messages,
            r#"{"model":"m","tools":[{"input_schema":{},"input_examples":[{"model":"x","file_id":"f"}]}]}"#,
        ),
        (
            "examples of a tool with a container",
            Anthropic,
            messages,
            r#"{"model":"m","tools":[{"inputExamples":[{"container":"MSKU1"},{"source":{"file_id":"f"}}]}]}"#,
        ),
        (
            "examples by their short name",
            Anthropic,
            messages,
            r#"{"model":"m","tools":[{"examples":[{"model":"x","container":"c"}]}]}"#,
        ),
        (
            "examples through Bedrock",
            Bedrock,
            "/model/m/invoke",
            r#"{"tools":[{"input_examples":[{"model":"x","container":"c"}]}]}"#,
        ),
        (
            "Anthropic's search and its results",
            Anthropic,
            messages,
            r#"{"model":"m","messages":[{"content":[
                {"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"container":"x"}},
                {"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[{"encrypted_content":"E","url":"https://x"}]},
                {"type":"mcp_tool_use","id":"mcptoolu_1","server_name":"s","input":{"file_id":"x"}},
                {"type":"mcp_tool_result","tool_use_id":"mcptoolu_1","content":[{"type":"text","text":"t"}]}]}]}"#,
        ),
        (
            "Anthropic's document by its address",
            Anthropic,
            messages,
            r#"{"model":"m","messages":[{"content":[{"type":"document","source":{"type":"url","url":"https://x/files/1"}}]}]}"#,
        ),
        (
            "Anthropic's output of code without files",
            Anthropic,
            messages,
            r#"{"model":"m","messages":[{"content":[{"type":"code_execution_tool_result","content":{"stdout":"1","content":[]}}]}]}"#,
        ),
        (
            "a video on YouTube",
            Gemini,
            verb,
            r#"{"contents":[{"parts":[{"fileData":{"fileUri":"https://www.youtube.com/watch?v=x"}}]}]}"#,
        ),
        (
            "a document that everybody can read",
            Gemini,
            verb,
            r#"{"contents":[{"parts":[{"file_data":{"mime_type":"application/pdf","file_uri":"https:\/\/example.com\/a.pdf"}}]}]}"#,
        ),
        (
            "Gemini's own parts, as they came",
            Gemini,
            verb,
            r#"{"contents":[{"parts":[{"executableCode":{"language":"PYTHON","code":"1"}},
                {"codeExecutionResult":{"outcome":"OUTCOME_OK","output":"1"}},
                {"functionCall":{"id":"c","name":"f","args":{"container":"x"}},"thoughtSignature":"T"},
                {"functionResponse":{"id":"c","name":"f","response":{"fileUri":"files/x"}}}]}],
                "toolConfig":{"functionCallingConfig":{"mode":"ANY"}}}"#,
        ),
        (
            "Bedrock's own names",
            Bedrock,
            converse,
            r#"{"messages":[],"requestMetadata":{"container":"x","fileId":"y"}}"#,
        ),
        (
            "Bedrock's use of a tool",
            Bedrock,
            converse,
            r#"{"messages":[{"content":[{"toolUse":{"toolUseId":"t","input":{"s3Location":"x"}}},{"toolResult":{"content":[{"json":{"fileId":"x"}}]}}]}]}"#,
        ),
    ];
    for (note, dialect, path, body) in rows {
        assert_eq!(reach(dialect, path, body), (false, false), "{note}");
    }
}

#[test]
fn what_vertex_reads_for_the_caller_with_the_projects_own_access_says_so() {
    const GENERATE: &str = "/v1/projects/p/locations/l/publishers/google/models/m:generateContent";
    const PREDICT: &str = "/v1/projects/p/locations/l/publishers/google/models/m:predict";
    for (path, body, is_stateful, note) in [
        (
            GENERATE,
            r#"{"cachedContent":"projects/other/locations/l/cachedContents/c"}"#,
            true,
            "a cache, be it another project's",
        ),
        (
            GENERATE,
            r#"{"tools":[{"retrieval":{"vertexAiSearch":{"datastore":"projects/other/d"}}}]}"#,
            true,
            "a store of documents",
        ),
        (
            GENERATE,
            r#"{"tools":[{"retrieval":{"vertexAiSearch":{"engine":"e"}}}]}"#,
            true,
            "an engine that searches",
        ),
        (
            GENERATE,
            r#"{"tools":[{"retrieval":{"vertexRagStore":{"ragResources":[{"rag_corpus":"c"}]}}}]}"#,
            true,
            "a corpus, by its other name",
        ),
        (
            GENERATE,
            r#"{"tools":[{"retrieval":{"externalApi":{"endpoint":"https://evil.example","apiAuth":{"apiKeyConfig":{"apiKeySecretVersion":"projects/p/secrets/s/versions/1"}}}}}]}"#,
            true,
            "a secret that is sent where the caller says",
        ),
        (
            GENERATE,
            r#"{"tools":[{"googleMaps":{"authConfig":{"oauthConfig":{"serviceAccount":"a@p.iam"}}}}]}"#,
            true,
            "an account",
        ),
        (PREDICT, r#"{"instances":[{"image":{"gcsUri":"gs://b/a.png"}}]}"#, true, "a bucket"),
        (
            PREDICT,
            r#"{"instances":[{"prompt":"x"}],"parameters":{"storageUri":"gs://b/"}}"#,
            true,
            "a bucket for the answer",
        ),
        (PREDICT, r#"{"instances":[{"prompt":"x"}],"parameters":{"sampleCount":1}}"#, false, "neither"),
        (
            GENERATE,
            r#"{"tools":[{"functionDeclarations":[{"parameters":{"properties":{"engine":{},"storageUri":{}}}}]}]}"#,
            false,
            "a function's schema",
        ),
        (
            GENERATE,
            r#"{"contents":[{"parts":[{"text":"x"}]}],"labels":{"team":"a"}}"#,
            false,
            "a question with labels",
        ),
    ] {
        assert_eq!(reach(Dialect::Vertex, path, body), (is_stateful, false), "{note}");
    }
}
