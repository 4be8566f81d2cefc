//! The tools that a request offers the model, by their names, and what it says of their use.
//!
//! It errs towards finding one: a tool that says two names has both, one that is made by the provider goes by its type as well.

use serde_json::{Map, Value};

use super::places::{Found, member, snake_case};
use crate::denial::Denial;
use crate::dialect::body::refusal::{ambiguous, malformed};
use crate::request::Wire;

/// What holds the name of a tool, beside the tool itself.
const HOLDERS: [&str; 5] = ["function", "custom", "toolSpec", "systemTool", "tool"];
/// Lists of further tools in a tool.
const NESTED: [&str; 2] = ["functionDeclarations", "tools"];
/// What a tool says of itself, where a name may stand beside it.
const DESCRIBING: [&str; 4] = ["type", "name", "description", "parameters"];
/// Types of tools that the caller himself has made, and that go by their names alone.
const OWN: [&str; 4] = ["function", "custom", "namespace", "tool"];
/// Where servers of tools are named.
const SERVERS: &str = "mcp_servers";
/// Marks in Converse's list that are no tools.
const MARK: &str = "cachePoint";
/// Tools of Google and Amazon that look on the web.
const SEARCHES: [&str; 6] = [
    "enterprise_web_search",
    "exa_ai_search",
    "google_search",
    "google_search_retrieval",
    "nova_grounding",
    "parallel_ai_search",
];

/// The names of the tools at these places, in their order.
///
/// # Errors
/// `body_malformed` where one is no tool, `body_ambiguous` where two readers could find two.
pub(super) fn names(wire: Wire, found: &[Found<'_>]) -> Result<Vec<String>, Denial> {
    let mut names = Vec::new();
    for (place, list) in found {
        match *place {
            // Items may bring tools along.
            "input" => {
                let items = list.as_array().into_iter().flatten().filter_map(Value::as_object);
                for tools in items.map(|item| member(item, wire, "tools")) {
                    tools?.into_iter().try_for_each(|tools| add_list(wire, tools, &mut names))?;
                }
            }
            SERVERS => {
                let before = names.len();
                add_list(wire, list, &mut names)?;
                names.iter_mut().skip(before).for_each(|name| name.insert_str(0, "mcp:"));
            }
            _ => add_list(wire, list, &mut names)?,
        }
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
    let said = said_names(wire, tool)?;
    let kind = text(wire, tool, "type")?.filter(|kind| !OWN.contains(kind));
    // `web_search_20250305` is the version of `web_search`.
    let is_version = |kind: &str| {
        said.iter().any(|name| {
            kind.strip_prefix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
        })
    };
    names.extend(kind.filter(|kind| !is_version(kind)).map(str::to_owned));
    names.extend(said);
    if wire == Wire::Gemini {
        names.extend(googles(tool));
    }
    let mut has_nested = false;
    for key in NESTED {
        if let Some(list) = member(tool, wire, key)? {
            has_nested = true;
            add_list(wire, list, names)?;
        }
    }
    let is_none = tool.values().all(Value::is_null) || tool.keys().eq([MARK]);
    match names.len() == before && !has_nested && !is_none {
        true => Err(nameless()),
        false => Ok(()),
    }
}

/// Gemini's own tools are keys, beside the functions and each other.
fn googles(tool: &Map<String, Value>) -> impl Iterator<Item = String> {
    let is_known = |key: &str| {
        let mut known = NESTED.iter().chain(&HOLDERS).chain(&DESCRIBING);
        known.any(|known| snake_case(known) == snake_case(key))
    };
    let own = tool.iter().filter(move |(key, value)| !is_known(key) && !value.is_null());
    own.map(|(key, _)| snake_case(key))
}

/// The names that a tool says, in itself and in what holds it.
fn said_names(wire: Wire, tool: &Map<String, Value>) -> Result<Vec<String>, Denial> {
    let mut names = Vec::new();
    names.extend(text(wire, tool, "name")?.map(str::to_owned));
    for holder in HOLDERS {
        if let Some(held) = member(tool, wire, holder)?.and_then(Value::as_object) {
            names.extend(text(wire, held, "name")?.map(str::to_owned));
        }
    }
    Ok(names)
}

fn text<'a>(
    wire: Wire,
    object: &'a Map<String, Value>,
    key: &'static str,
) -> Result<Option<&'a str>, Denial> {
    Ok(member(object, wire, key)?.and_then(Value::as_str))
}

/// True where the model may look on the web by a tool or an option.
pub(super) fn search_the_web(wire: Wire, found: &[Found<'_>]) -> Result<bool, Denial> {
    let (options, lists): (Vec<Found<'_>>, Vec<_>) =
        found.iter().partition(|(at, _)| *at == "web_search_options");
    let is_search = |name: &String| name.starts_with("web_search") || SEARCHES.contains(&name.as_str());
    Ok(!options.is_empty() || names(wire, &lists)?.iter().any(is_search))
}

/// `auto`, `none`, `required`, another word of the dialect's, or the name of the tool that must be used.
///
/// # Errors
/// A name that is one of the words, and what is no choice.
pub(super) fn choice(wire: Wire, sent: &Value) -> Result<String, Denial> {
    const WORDS: [&str; 4] = ["auto", "none", "required", "any"];
    let wrong = || malformed("the choice of a tool must be a word, or an object that says a word or a name");
    if let Some(word) = sent.as_str() {
        return Ok(in_one_word(word));
    }
    let object = sent.as_object().ok_or_else(wrong)?;
    let names = said_names(wire, object)?;
    if let [first, others @ ..] = names.as_slice() {
        let is_clear = others.iter().all(|other| other == first) && !WORDS.contains(&first.as_str());
        return if is_clear {
            Ok(first.clone())
        } else {
            Err(ambiguous("the choice of a tool can be read in two ways"))
        };
    }
    let allowed = member(object, wire, "allowed_tools")?.and_then(Value::as_object);
    for (around, key) in [(Some(object), "mode"), (allowed, "mode"), (Some(object), "type")] {
        if let Some(word) = around.map(|around| member(around, wire, key)).transpose()?.flatten() {
            return word.as_str().map(in_one_word).ok_or_else(wrong);
        }
    }
    // Converse has the word as a key; nothing is the default.
    match object.keys().collect::<Vec<_>>().as_slice() {
        [] => Ok("auto".to_owned()),
        [word] => Ok(in_one_word(word)),
        _ => Err(wrong()),
    }
}

/// Anthropic, Gemini and Converse say `any` where OpenAI says `required`.
fn in_one_word(word: &str) -> String {
    match word.to_ascii_lowercase().as_str() {
        "any" => "required".to_owned(),
        word => word.to_owned(),
    }
}
