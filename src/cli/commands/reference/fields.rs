//! The fields of gateway.yaml, written from the types: as tables of Markdown for docs/reference.md, as JSON Schema for editors.

use std::iter;

use serde_json::{Map, Value};

use crate::config::Config;

/// The JSON Schema of `gateway.yaml`.
pub(super) fn schema() -> Value {
    schemars::schema_for!(Config).to_value()
}

/// One table per section, in the order in which a reader meets them.
pub(super) fn markdown() -> String {
    let schema = schema();
    let empty = Map::new();
    let definitions = schema.get("$defs").and_then(Value::as_object).unwrap_or(&empty);
    let mut page = String::new();
    let mut pending = vec![("gateway.yaml".to_owned(), &schema)];
    let mut seen: Vec<String> = Vec::new();
    while let Some((heading, object)) = pending.pop() {
        page.push_str(&table(&heading, object));
        // The stack takes the last first.
        for (field, target) in references(object).into_iter().rev() {
            let Some(definition) = definitions.get(&target).filter(|definition| has_fields(definition))
            else {
                continue;
            };
            if !seen.contains(&target) {
                seen.push(target);
                let heading = if heading == "gateway.yaml" { field } else { format!("{heading}.{field}") };
                pending.push((heading, definition));
            }
        }
    }
    page
}

fn table(heading: &str, object: &Value) -> String {
    let required = object.get("required").and_then(Value::as_array);
    let mut rows = String::new();
    for (name, field) in fields(object) {
        let is_required = required.is_some_and(|names| names.iter().any(|other| other == name.as_str()));
        let default = match (is_required, field.get("default")) {
            (true, _) => "required".to_owned(),
            (false, None | Some(Value::Null)) => "none".to_owned(),
            (false, Some(Value::String(text))) => format!("`{text}`"),
            (false, Some(value)) => format!("`{value}`"),
        };
        let meaning = Some(description(field)).filter(|text| !text.is_empty());
        let meaning = meaning.unwrap_or_else(|| variant_description(object, name));
        rows.push_str(&format!("| `{name}` | {} | {default} | {meaning} |\n", kind(field)));
    }
    format!(
        "### {heading}\n\n{}\n\n| field | value | default | |\n| --- | --- | --- | --- |\n{rows}\n",
        description(object)
    )
}

/// The fields of a struct, or of an enum's variants that carry something.
fn fields(object: &Value) -> Vec<(&String, &Value)> {
    let owners = iter::once(object).chain(variants(object));
    owners.filter_map(|owner| owner.get("properties").and_then(Value::as_object)).flatten().collect()
}

fn variants(object: &Value) -> impl Iterator<Item = &Value> {
    object.get("oneOf").and_then(Value::as_array).into_iter().flatten()
}

/// What an enum's variant is for, by the field that carries it.
fn variant_description(object: &Value, field: &str) -> String {
    let carries =
        |variant: &&Value| variant.get("properties").is_some_and(|fields| fields.get(field).is_some());
    variants(object).find(carries).map(description).unwrap_or_default()
}

fn has_fields(definition: &Value) -> bool {
    !fields(definition).is_empty()
}

/// Which definition each field refers to.
fn references(object: &Value) -> Vec<(String, String)> {
    let target = |field: &Value| find_reference(field).map(str::to_owned);
    fields(object).into_iter().filter_map(|(name, field)| Some((name.clone(), target(field)?))).collect()
}

fn find_reference(value: &Value) -> Option<&str> {
    if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
        return reference.rsplit('/').next();
    }
    let nested = ["items", "additionalProperties"].into_iter().filter_map(|key| value.get(key));
    let options = value.get("anyOf").and_then(Value::as_array).into_iter().flatten();
    nested.chain(options).find_map(find_reference)
}

fn kind(field: &Value) -> String {
    if let Some(title) = field.get("title").and_then(Value::as_str) {
        return title.to_owned();
    }
    if let Some(items) = field.get("items") {
        return format!("list: {}", kind(items));
    }
    if let Some(reference) = find_reference(field) {
        return choices(reference).unwrap_or_else(|| "see its table".to_owned());
    }
    match field.get("type") {
        Some(Value::String(name)) => plain(name).to_owned(),
        Some(Value::Array(names)) => names
            .iter()
            .filter_map(Value::as_str)
            .find(|name| *name != "null")
            .map_or("any", plain)
            .to_owned(),
        _ => "any".to_owned(),
    }
}

fn plain(name: &str) -> &str {
    match name {
        "string" => "text",
        "integer" => "whole number",
        "boolean" => "`true` or `false`",
        "object" => "map of texts",
        other => other,
    }
}

/// `a`, `b` or `c`, where the definition is a choice of names.
fn choices(reference: &str) -> Option<String> {
    let schema = schema();
    let definition = schema.get("$defs")?.get(reference)?;
    let listed = definition.get("enum").and_then(Value::as_array).into_iter().flatten();
    let described = definition.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    let described = described.flat_map(|option| {
        let several = option.get("enum").and_then(Value::as_array).into_iter().flatten();
        option.get("const").into_iter().chain(several)
    });
    let names: Vec<String> =
        listed.chain(described).filter_map(Value::as_str).map(|name| format!("`{name}`")).collect();
    match (names.is_empty(), has_fields(definition)) {
        (true, _) => None,
        (false, true) => Some(format!("{}, or see its table", names.join(", "))),
        (false, false) => Some(names.join(", ")),
    }
}

/// On one line, with nothing that would end a cell.
fn description(value: &Value) -> String {
    let text = value.get("description").and_then(Value::as_str).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
