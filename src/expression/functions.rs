//! The functions policy authors have beside CEL's standard ones.
//!
//! - `scopes.covers('chat.write')`: a granted scope covers itself, everything below it (`chat` covers
//!   `chat.write`; levels are separated by `.`, `:` or `/`), and what a trailing `*` level stands for.
//! - `address.in_cidr('10.0.0.0/8')`, also with a list of networks.
//! - `text.glob('gpt-4o*')`, also with a list of patterns; `*` stands for any text, nothing else is special. Of a model it
//!   asks for the model (`models.rs`).

use std::net::IpAddr;
use std::sync::Arc;

use cel_interpreter::context::Context;
use cel_interpreter::extractors::This;
use cel_interpreter::{DeclarationError, ExecutionError, Value};
use ipnet::IpNet;

use super::models;

/// CEL's standard functions and ours; operators and macros have names that no text can call.
const FUNCTIONS: [&str; 32] = [
    "covers",
    "in_cidr",
    "glob",
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "string",
    "int",
    "uint",
    "double",
    "bool",
    "bytes",
    "timestamp",
    "duration",
    "type",
    "dyn",
    "getFullYear",
    "getMonth",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getHours",
    "getMinutes",
    "getSeconds",
    "getMilliseconds",
    "min",
    "max",
    "has",
    "in",
];

const TYPE_NAMES: [&str; 11] =
    ["bool", "int", "uint", "double", "string", "bytes", "list", "map", "null_type", "timestamp", "duration"];

/// The function that asks for a scope.
pub(super) const COVERS: &str = "covers";
/// The function that compares with patterns.
pub(super) const GLOB: &str = "glob";

pub(super) fn declare(root: &mut Context<'_, '_>) -> Result<(), DeclarationError> {
    root.add_function(COVERS, covers)?;
    root.add_function("in_cidr", in_cidr)?;
    root.add_function(GLOB, glob)?;
    root.add_function(models::MODEL_GLOB, models::model_glob)
}

/// # Errors
/// A name that is no function, with the nearest one that is.
pub(super) fn known(name: &str) -> Result<(), String> {
    let is_operator = name.starts_with(['_', '!', '-', '@']) || name.contains('_') && name.ends_with('_');
    if is_operator || FUNCTIONS.contains(&name) {
        return Ok(());
    }
    let nearest = FUNCTIONS.iter().min_by_key(|candidate| strsim::levenshtein(candidate, name));
    Err(format!("there is no function `{name}`; did you mean `{}`?", nearest.unwrap_or(&"size")))
}

/// True for the functions that policy authors have beside CEL's own.
pub(super) fn is_own(name: &str) -> bool {
    [COVERS, "in_cidr", GLOB].contains(&name)
}

pub(super) fn is_type_name(name: &str) -> bool {
    TYPE_NAMES.contains(&name)
}

fn covers(This(scopes): This<Arc<Vec<Value>>>, wanted: Arc<String>) -> Result<bool, ExecutionError> {
    for scope in scopes.iter() {
        let Value::String(granted) = scope else {
            return Err(ExecutionError::function_error(COVERS, "the scopes must be a list of texts"));
        };
        if scope_covers(granted, &wanted) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// True where whoever was granted the scope `granted` has `wanted` by it.
pub fn scope_covers(granted: &str, wanted: &str) -> bool {
    const SEPARATORS: [char; 3] = ['.', ':', '/'];
    if granted == "*" {
        return true;
    }
    let stem = match granted.strip_suffix('*') {
        Some(stem) if stem.ends_with(SEPARATORS) => stem.trim_end_matches(SEPARATORS),
        Some(_) => return false,
        None => granted,
    };
    match wanted.strip_prefix(stem) {
        Some("") => granted == stem,
        Some(below) => !stem.is_empty() && below.starts_with(SEPARATORS),
        None => false,
    }
}

fn in_cidr(This(address): This<Arc<String>>, networks: Value) -> Result<bool, ExecutionError> {
    let address: IpAddr = address
        .parse()
        .map_err(|_| ExecutionError::function_error("in_cidr", "the address is not an IP address"))?;
    any_text("in_cidr", &networks, |network| {
        let network: IpNet = network.parse().map_err(|_| {
            ExecutionError::function_error(
                "in_cidr",
                format!("`{network}` is not a network; write it such as `10.0.0.0/8`"),
            )
        })?;
        Ok(network.contains(&address.to_canonical()))
    })
}

fn glob(This(text): This<Arc<String>>, patterns: Value) -> Result<bool, ExecutionError> {
    any_text(GLOB, &patterns, |pattern| Ok(matches_glob(pattern, &text)))
}

/// True where `text` matches `pattern`. `*` stands for any text: the first part must start it, the last must end it, the others follow in order.
pub fn matches_glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// True where `holds` for the text, or for one text of the list.
pub(super) fn any_text(
    function: &str,
    value: &Value,
    holds: impl Fn(&str) -> Result<bool, ExecutionError>,
) -> Result<bool, ExecutionError> {
    match value {
        Value::String(text) => holds(text),
        Value::List(items) => {
            for item in items.iter() {
                let Value::String(text) = item else {
                    return Err(ExecutionError::function_error(function, "the list must hold texts"));
                };
                if holds(text)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        _ => Err(ExecutionError::function_error(function, "wants a text or a list of texts")),
    }
}

#[cfg(test)]
mod tests {
    use super::{matches_glob, scope_covers};

    #[test]
    fn scopes_know_hierarchy_and_wildcards() {
        for (granted, wanted, covered, note) in [
            ("chat", "chat", true, "a scope covers itself"),
            ("chat", "chat.write", true, "and everything below it"),
            ("chat", "chat:write", true, "whatever separates the levels"),
            ("chat", "chats", false, "but not a longer word"),
            ("chat.write", "chat", false, "nor what is above it"),
            ("chat.*", "chat.write", true, "a wildcard level covers what is below"),
            ("chat.*", "chat", false, "but not the level itself"),
            ("ch*", "chat", false, "a wildcard stands for a whole level"),
            ("*", "chat.write", true, "the lone wildcard covers all"),
            ("", "chat", false, "an empty scope covers nothing"),
            (".*", "chat", false, "nor does a wildcard without a level"),
            ("chat", "", false, "nothing covers the empty scope but the wildcard"),
        ] {
            assert_eq!(scope_covers(granted, wanted), covered, "{note}");
        }
    }

    #[test]
    fn globs() {
        for (pattern, text, matched, note) in [
            ("gpt-4o", "gpt-4o", true, "no star: the whole text"),
            ("gpt-4o", "gpt-4o-mini", false, "no star: nothing longer"),
            ("gpt-4o*", "gpt-4o-mini", true, "a prefix"),
            ("*-mini", "gpt-4o-mini", true, "a suffix"),
            ("gpt-*-mini", "gpt-4o-mini", true, "a middle"),
            ("a*b*c", "axxbyyc", true, "several parts in order"),
            ("a*b*c", "axxcyyb", false, "not in another order"),
            ("ab*ba", "aba", false, "parts do not overlap"),
            ("*", "", true, "a star also stands for nothing"),
            ("gpt-4.1", "gpt-4x1", false, "a point is a point"),
        ] {
            assert_eq!(matches_glob(pattern, text), matched, "{note}");
        }
    }
}
