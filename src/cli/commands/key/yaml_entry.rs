//! The entry by which gateway.yaml knows a key, as YAML.

use std::iter;

use serde_json::{Value, json};

/// The entry as an item of a YAML list. JSON's texts are YAML's double-quoted ones.
pub(super) fn yaml_entry(entry: &Value) -> String {
    const FIRST: [&str; 5] = ["id", "hash", "project", "service_account", "tenant"];
    let mut fields: Vec<(&String, &Value)> = entry.as_object().into_iter().flatten().collect();
    // The others follow by name.
    fields.sort_by_key(|(name, _)| FIRST.iter().position(|first| first == name).unwrap_or(FIRST.len()));
    let mut lines = String::new();
    for ((name, value), start) in fields.into_iter().zip(iter::once("  - ").chain(iter::repeat("    "))) {
        let value = match value {
            Value::Array(items) => format!("[{}]", items.iter().map(scalar).collect::<Vec<_>>().join(", ")),
            Value::Object(entries) => {
                let pairs = entries
                    .iter()
                    .map(|(name, value)| format!("{}: {}", scalar(&json!(name)), scalar(value)));
                format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
            }
            value => scalar(value),
        };
        lines.push_str(&format!("{start}{name}: {value}\n"));
    }
    lines
}

/// A scalar, in quotes unless it is a plain word that YAML can only read as text.
fn scalar(value: &Value) -> String {
    const PLAIN: &str = "-_./:";
    const WORDS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let is_plain = |text: &str| {
        text.starts_with(|first: char| first.is_ascii_alphabetic())
            && !text.ends_with(':')
            && text.chars().all(|character| character.is_ascii_alphanumeric() || PLAIN.contains(character))
            && !WORDS.contains(&text.to_ascii_lowercase().as_str())
    };
    match value {
        Value::String(text) if is_plain(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::{scalar, yaml_entry};
    use crate::cli::document::Node;

    #[test]
    fn the_entry_reads_back_as_it_was() {
        let entry = serde_json::json!({
            "id": "search-prod",
            "scopes": ["chat", "model:gpt-4o*", "a, b"],
            "labels": {"plan": "pro", "on": "no", "n": "12", "e": "", "q": "say \"hi\""},
            "created_at": "2026-01-05T12:00:00Z",
            "tenant": "x: y",
        });
        let read = Node::parse(&yaml_entry(&entry)).unwrap().to_json();
        assert_eq!(read, serde_json::json!([entry]));
    }

    #[test]
    fn only_plain_words_go_without_quotes() {
        for (text, written) in [
            ("acme", "acme"),
            ("https://login.acme.example/", "https://login.acme.example/"),
            ("yes", "\"yes\""),
            ("12", "\"12\""),
            ("*", "\"*\""),
            ("a b", "\"a b\""),
        ] {
            assert_eq!(scalar(&text.into()), written);
        }
    }
}
