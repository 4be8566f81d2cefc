//! The tools that a request offers the model, by their names, and what it says of their use.
//!
//! It errs towards finding one: a tool that says two names has both, and one of an unknown kind goes by its kind.

use serde_json::{Map, Value};

use super::places::{Found, snake_case};
use crate::denial::Denial;
use crate::dialect::body::refusal::malformed;
use crate::request::Wire;

/// What holds the name of a tool, beside the tool itself.
const HOLDERS: [&str; 5] = ["function", "custom", "toolSpec", "systemTool", "tool"];
/// Lists of further tools in a tool.
const NESTED: [&str; 3] = ["functionDeclarations", "function_declarations", "tools"];
/// What a tool says of itself, where a name may stand beside it.
const DESCRIBING: [&str; 4] = ["type", "name", "description", "parameters"];
/// Tools of Gemini and Amazon that look on the web.
const SEARCHES: [&str; 4] =
    ["google_search", "google_search_retrieval", "enterprise_web_search", "nova_grounding"];

/// The names in these lists of tools, in their order.
///
/// # Errors
/// `body_malformed` where one is no tool.
pub(super) fn names<'a>(wire: Wire, lists: impl Iterator<Item = &'a Value>) -> Result<Vec<String>, Denial> {
    let mut names = Vec::new();
    for list in lists {
        add_list(wire, list, &mut names)?;
    }
    Ok(names)
}

fn add_list(wire: Wire, list: &Value, names: &mut Vec<String>) -> Result<(), Denial> {
    match list {
        Value::Null => Ok(()),
        Value::Array(tools) => tools.iter().try_for_each(|tool| add(wire, tool, names)),
        tool => add(wire, tool, names),
    }
}

fn add(wire: Wire, tool: &Value, names: &mut Vec<String>) -> Result<(), Denial> {
    let nameless = || malformed("a tool has no name by which a rule could know it");
    let tool = tool.as_object().ok_or_else(nameless)?;
    let before = names.len();
    names.extend(said_names(tool));
    if wire == Wire::Gemini {
        names.extend(googles(tool));
    }
    if names.len() == before {
        names.extend(tool.get("type").and_then(Value::as_str).map(str::to_owned));
    }
    let mut nested = NESTED.iter().filter_map(|key| tool.get(*key)).peekable();
    if names.len() == before && nested.peek().is_none() {
        return Err(nameless());
    }
    nested.try_for_each(|list| add_list(wire, list, names))
}

/// Gemini's own tools are keys, beside the functions and each other.
fn googles(tool: &Map<String, Value>) -> impl Iterator<Item = String> {
    let is_own = |key: &str| !NESTED.contains(&key) && !HOLDERS.contains(&key) && !DESCRIBING.contains(&key);
    let own = tool.iter().filter(move |(key, value)| is_own(key) && !value.is_null());
    own.map(|(key, _)| snake_case(key))
}

/// The names that a tool says, in itself or in what holds it.
fn said_names(tool: &Map<String, Value>) -> impl Iterator<Item = String> {
    let held = HOLDERS.iter().filter_map(|holder| tool.get(*holder)?.get("name"));
    let said = tool.get("name").into_iter().chain(held);
    said.filter_map(Value::as_str).map(str::to_owned)
}

/// True where the model may look on the web.
pub(super) fn search_the_web(wire: Wire, found: &[Found<'_>]) -> Result<bool, Denial> {
    let (options, lists): (Vec<&Found<'_>>, Vec<_>) =
        found.iter().partition(|(at, _)| *at == "web_search_options");
    let names = names(wire, lists.iter().map(|(_, list)| *list))?;
    let kinds = lists.iter().filter_map(|(_, list)| list.as_array()).flatten();
    let kinds = kinds.filter_map(|tool| tool.get("type").and_then(Value::as_str));
    let is_search = |name: &str| name.starts_with("web_search") || SEARCHES.contains(&name);
    Ok(!options.is_empty() || kinds.chain(names.iter().map(String::as_str)).any(is_search))
}

/// `auto`, `none`, `required`, another word of the dialect's, or the name of the tool that must be used.
pub(super) fn choice(sent: &Value) -> Option<String> {
    if let Some(word) = sent.as_str() {
        return Some(in_one_word(word));
    }
    let object = sent.as_object()?;
    if let Some(name) = said_names(object).next() {
        return Some(name);
    }
    let mode = object.get("mode").or_else(|| object.get("allowed_tools")?.get("mode"));
    let word = mode.or_else(|| object.get("type")).and_then(Value::as_str);
    // Converse has the word as a key.
    let word = word.or_else(|| object.keys().next().filter(|_| object.len() == 1).map(String::as_str));
    Some(word.map_or_else(|| "auto".to_owned(), in_one_word))
}

/// Anthropic, Gemini and Converse say `any` where OpenAI says `required`.
fn in_one_word(word: &str) -> String {
    match word.to_ascii_lowercase().as_str() {
        "any" => "required".to_owned(),
        word => word.to_owned(),
    }
}
