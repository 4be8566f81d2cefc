use super::{facts, responses};

/// Whether an item under `store: false` refers to what the provider keeps.
fn refers(item: &str) -> bool {
    let read = responses(&format!(r#"{{"model":"m","store":false,"input":[{item}]}}"#)).unwrap();
    assert!(read.is_stateful || !read.names_earlier_turns, "{item}");
    read.is_stateful
}

/// As the schemas of <https://platform.openai.com/docs/api-reference/responses> have them, with their ids.
#[test]
fn an_item_that_brings_its_content_refers_to_nothing() {
    for (note, item) in [
        ("a message", r#"{"type":"message","id":"msg","role":"user","content":"x"}"#),
        ("a message without type", r#"{"id":"msg","role":"user","content":"x"}"#),
        ("a message that says nothing", r#"{"type":"message","id":"msg","role":"assistant","content":[]}"#),
        (
            "a function call",
            r#"{"type":"function_call","id":"fc","call_id":"c","name":"f","arguments":"{}"}"#,
        ),
        ("a function call without arguments", r#"{"type":"function_call","id":"fc","arguments":""}"#),
        ("a function's output", r#"{"type":"function_call_output","id":"fo","call_id":"c","output":""}"#),
        (
            "a call of a custom tool",
            r#"{"type":"custom_tool_call","id":"ct","call_id":"c","name":"t","input":"x"}"#,
        ),
        (
            "a custom tool's output",
            r#"{"type":"custom_tool_call_output","id":"co","call_id":"c","output":"x"}"#,
        ),
        ("sealed reasoning", r#"{"type":"reasoning","id":"rs","summary":[],"encrypted_content":"x"}"#),
        ("a compacted conversation", r#"{"type":"compaction","id":"cmp","encrypted_content":"x"}"#),
        (
            "a search",
            r#"{"type":"web_search_call","id":"ws","status":"completed","action":{"type":"search"}}"#,
        ),
        (
            "a click",
            r#"{"type":"computer_call","id":"cu","call_id":"c","action":{"type":"click"},"status":"completed"}"#,
        ),
        (
            "several clicks",
            r#"{"type":"computer_call","id":"cu","action":null,"actions":[{"type":"click"}]}"#,
        ),
        (
            "a picture of the screen",
            r#"{"type":"computer_call_output","id":"cuo","call_id":"c","output":{"type":"computer_screenshot","image_url":"data:image/png;base64,AA=="}}"#,
        ),
        (
            "a command",
            r#"{"type":"local_shell_call","id":"l","call_id":"c","action":{"type":"exec","command":["ls"]}}"#,
        ),
        ("what it printed", r#"{"type":"local_shell_call_output","id":"c","output":"{}"}"#),
        ("commands", r#"{"type":"shell_call","id":"sh","call_id":"c","action":{"commands":["ls"]}}"#),
        (
            "what they printed",
            r#"{"type":"shell_call_output","id":"so","call_id":"c","output":[{"stdout":"x"}]}"#,
        ),
        (
            "a patch",
            r#"{"type":"apply_patch_call","id":"ap","call_id":"c","operation":{"type":"update_file"}}"#,
        ),
        (
            "how a patch went",
            r#"{"type":"apply_patch_call_output","id":"ao","call_id":"c","status":"completed"}"#,
        ),
        ("tools of a server", r#"{"type":"mcp_list_tools","id":"ml","server_label":"s","tools":[]}"#),
        (
            "a call of a server's tool",
            r#"{"type":"mcp_call","id":"mc","name":"n","arguments":"{}","output":"o"}"#,
        ),
        ("one that failed", r#"{"type":"mcp_call","id":"mc","arguments":"{}","output":null,"error":"e"}"#),
        (
            "a question for approval",
            r#"{"type":"mcp_approval_request","id":"mr","name":"n","arguments":"{}"}"#,
        ),
        (
            "an approval",
            r#"{"type":"mcp_approval_response","id":"ma","approval_request_id":"mr","approve":false}"#,
        ),
        ("an image", r#"{"type":"image_generation_call","id":"ig","status":"completed","result":"aGk="}"#),
        ("a search for tools", r#"{"type":"tool_search_call","id":"ts","call_id":"c","arguments":{}}"#),
        ("the tools that were found", r#"{"type":"tool_search_output","id":"to","call_id":"c","tools":[]}"#),
        ("a kind of tomorrow, with content", r#"{"type":"dream_call","id":"dr","output":"x"}"#),
        ("no id", r#"{"type":"web_search_call"}"#),
        ("an id that is null", r#"{"type":"function_call","id":null,"name":"f"}"#),
        ("arguments that name a file", r#"{"type":"function_call","id":"fc","arguments":{"file_id":"f"}}"#),
    ] {
        assert!(!refers(item), "{note}");
    }
}

#[test]
fn an_item_that_lacks_its_content_refers_to_a_stored_one() {
    for (note, item) in [
        ("a reference", r#"{"type":"item_reference","id":"msg"}"#),
        ("a reference with content", r#"{"type":"item_reference","id":"msg","role":"user","content":"x"}"#),
        ("a reference in another case", r#"{"type":"Item_Reference","id":"msg","content":"x"}"#),
        ("a reference without type", r#"{"id":"msg"}"#),
        ("content without type or role", r#"{"id":"msg","content":"x"}"#),
        ("a reference with type null", r#"{"type":null,"id":"msg","content":"x"}"#),
        (
            "a reference after a type",
            r#"{"type":"message","type":"item_reference","id":"msg","role":"user"}"#,
        ),
        ("a type escaped", r#"{"type":"item\u005freference","id":"msg","role":"user","content":"x"}"#),
        ("a message without content", r#"{"type":"message","id":"msg","role":"assistant"}"#),
        (
            "a message whose content is null",
            r#"{"type":"message","id":"msg","role":"assistant","content":null}"#,
        ),
        (
            "content twice, once null",
            r#"{"type":"message","id":"m","role":"user","content":"x","content":null}"#,
        ),
        ("a function call by its id", r#"{"type":"function_call","id":"fc","call_id":"c","name":"f"}"#),
        ("an output by its id", r#"{"type":"function_call_output","id":"fo","call_id":"c"}"#),
        ("unsealed reasoning", r#"{"type":"reasoning","id":"rs","summary":[]}"#),
        (
            "a summary alone",
            r#"{"type":"reasoning","id":"rs","summary":[{"text":"x"}],"content":[{"text":"x"}]}"#,
        ),
        ("reasoning sealed with null", r#"{"type":"reasoning","id":"rs","encrypted_content":null}"#),
        ("reasoning sealed with nothing", r#"{"type":"reasoning","id":"rs","encrypted_content":""}"#),
        (
            "sealed twice",
            r#"{"type":"reasoning","id":"rs","encrypted_content":"x","encrypted_content":null}"#,
        ),
        ("a compacted conversation by its id", r#"{"type":"compaction","id":"cmp"}"#),
        ("a search by its id", r#"{"type":"web_search_call","id":"ws","status":"completed"}"#),
        ("a search of files", r#"{"type":"file_search_call","id":"fs","queries":["q"],"results":null}"#),
        (
            "what a search of files found",
            r#"{"type":"file_search_call","id":"fs","results":[{"file_id":"f"}]}"#,
        ),
        ("sealed by another spelling", r#"{"type":"reasoning","id":"rs","encryptedContent":"x"}"#),
        ("an image in another case", r#"{"type":"image_generation_call","id":"ig","Result":"x"}"#),
        ("a message by another spelling", r#"{"type":"message","id":"m","role":"user","con_tent":"x"}"#),
        ("an image by its id", r#"{"type":"image_generation_call","id":"ig"}"#),
        ("an image with its action alone", r#"{"type":"image_generation_call","id":"ig","action":"edit"}"#),
        ("an image that is null", r#"{"type":"image_generation_call","id":"ig","result":null,"action":{}}"#),
        (
            "a server's answer by its id",
            r#"{"type":"mcp_call","id":"mc","name":"n","arguments":"{}","output":null}"#,
        ),
        (
            "code that ran in a container",
            r#"{"type":"code_interpreter_call","id":"ci","code":"1","container_id":"c"}"#,
        ),
        (
            "commands in a container",
            r#"{"type":"shell_call","id":"s","action":{},"environment":{"container_id":"c"}}"#,
        ),
        (
            "a stored picture of the screen",
            r#"{"type":"computer_call_output","call_id":"c","output":{"type":"computer_screenshot","file_id":"f"}}"#,
        ),
        (
            "a stored image in an output",
            r#"{"type":"function_call_output","call_id":"c","output":[{"file_id":"f"}]}"#,
        ),
        (
            "a message with a stored image",
            r#"{"role":"user","content":[{"type":"input_image","file_id":"f"}]}"#,
        ),
        ("a kind of tomorrow, by its id", r#"{"type":"dream_call","id":"dr","status":"completed"}"#),
    ] {
        assert!(refers(item), "{note}");
    }
}

/// Only what could stand in the body itself has a way out that a caller can be told.
#[test]
fn earlier_turns_are_told_from_other_stored_things() {
    for (body, names_earlier_turns) in [
        (r#"{"model":"m","input":[{"type":"item_reference","id":"x"}]}"#, true),
        (r#"{"model":"m","input":[{"type":"reasoning","id":"x","summary":[]}]}"#, true),
        (r#"{"model":"m","previous_response_id":"x"}"#, true),
        (r#"{"model":"m","conversation":"x"}"#, true),
        (r#"{"model":"m","input":[{"role":"user","content":[{"file_id":"f"}]}]}"#, false),
        (r#"{"model":"m","store":true}"#, false),
    ] {
        let read = responses(body).unwrap();
        assert_eq!((read.is_stateful, read.names_earlier_turns), (true, names_earlier_turns), "{body}");
    }
    assert_eq!(responses(r#"{"model":"m","include":["x"]}"#), Ok(facts(Some("m"), None, None)));
}
