//! The tree of an expression as text for a terminal, and as JSON.

use serde_json::{Map, Value, json};

use crate::expression::{CameTo, Explained, Shown};

/// What is longer is cut on a line of the tree; JSON has all of it.
const WIDEST: usize = 90;

/// One line per part, each below what it is a part of.
pub(super) fn tree(explained: &Explained) -> String {
    let mut text = String::new();
    write_part(&mut text, explained, 0);
    text
}

fn write_part(text: &mut String, explained: &Explained, depth: usize) {
    let entry = explained.entry.as_ref().map(|(name, item)| format!("{name} = {}: ", cut(&item.text)));
    let came_to = match &explained.came_to {
        CameTo::Value(shown) => format!("= {}", cut(&shown.text)),
        CameTo::Error(why) => format!("! {why}"),
        CameTo::Skipped(why) => format!("- not evaluated: {why}"),
    };
    let note = explained.note.as_ref().map(|note| format!("  ({note})"));
    text.push_str(&"  ".repeat(depth));
    text.push_str(&format!("{}{}  {came_to}", entry.unwrap_or_default(), cut(&explained.text)));
    text.push_str(&note.unwrap_or_default());
    text.push('\n');
    explained.children.iter().for_each(|child| write_part(text, child, depth.saturating_add(1)));
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(WIDEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// All of it as one document.
pub(super) fn document(
    expression: &str,
    value: &Result<Shown, String>,
    explained: Option<&Explained>,
) -> Value {
    let mut document = Map::new();
    document.insert("expression".to_owned(), json!(expression));
    match value {
        Ok(shown) => insert(&mut document, shown),
        Err(why) => drop(document.insert("error".to_owned(), json!(why))),
    }
    document.extend(explained.map(|explained| ("tree".to_owned(), part(explained))));
    document.into()
}

fn part(explained: &Explained) -> Value {
    let mut told = Map::new();
    told.insert("text".to_owned(), json!(explained.text));
    if let Some((name, item)) = &explained.entry {
        told.insert("entry".to_owned(), json!({ "variable": name, "value": item.json }));
    }
    match &explained.came_to {
        CameTo::Value(shown) => insert(&mut told, shown),
        CameTo::Error(why) => drop(told.insert("error".to_owned(), json!(why))),
        CameTo::Skipped(why) => drop(told.insert("skipped".to_owned(), json!(why))),
    }
    told.extend(explained.note.as_ref().map(|note| ("note".to_owned(), json!(note))));
    told.insert("children".to_owned(), explained.children.iter().map(part).collect());
    told.into()
}

fn insert(told: &mut Map<String, Value>, shown: &Shown) {
    told.insert("value".to_owned(), shown.json.clone());
    told.insert("type".to_owned(), json!(shown.kind));
}
