//! A value as it is shown to people, and to programs.

use cel_interpreter::Value;
use cel_interpreter::objects::Key;
use chrono::{SecondsFormat, TimeDelta};
use ct_codecs::{Base64, Encoder};
use serde_json::json;

use super::literal;

/// A value outside of the engine.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// As CEL writes it: `"acme"`, `[1, 2]`, `duration("60s")`.
    pub text: String,
    /// As JSON has it; a timestamp, a duration, bytes and the doubles that JSON lacks are texts.
    pub json: serde_json::Value,
    /// CEL's name of its type.
    pub kind: String,
}

impl Shown {
    pub(in crate::expression) fn of(value: &Value) -> Self {
        let kind = match value {
            Value::Float(_) => "double".to_owned(),
            Value::Null => "null_type".to_owned(),
            other => other.type_of().to_string(),
        };
        Self { text: text(value), json: json(value), kind }
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Int(number) => number.to_string(),
        Value::UInt(number) => format!("{number}u"),
        Value::Float(number) => literal::double(*number),
        Value::String(value) => literal::text(value, '"'),
        Value::Bytes(bytes) => literal::bytes(bytes, '"'),
        Value::Null => "null".to_owned(),
        Value::Duration(span) => format!("duration(\"{}\")", seconds(*span)),
        Value::Timestamp(time) => {
            format!("timestamp(\"{}\")", time.to_rfc3339_opts(SecondsFormat::AutoSi, true))
        }
        Value::List(items) => format!("[{}]", items.iter().map(text).collect::<Vec<_>>().join(", ")),
        Value::Map(map) => {
            let entries = map.map.iter().map(|(name, value)| format!("{}: {}", key(name), text(value)));
            let mut entries: Vec<String> = entries.collect();
            entries.sort();
            format!("{{{}}}", entries.join(", "))
        }
        Value::Function(..) | Value::Opaque(_) | Value::Struct(_) => format!("<{}>", value.type_of()),
    }
}

fn key(key: &Key) -> String {
    match key {
        Key::Int(number) => number.to_string(),
        Key::Uint(number) => format!("{number}u"),
        Key::Bool(value) => value.to_string(),
        Key::String(name) => literal::text(name, '"'),
    }
}

fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Bool(value) => json!(value),
        Value::Int(number) => json!(number),
        Value::UInt(number) => json!(number),
        Value::Float(number) if number.is_finite() => json!(number),
        Value::Float(number) if number.is_nan() => json!("NaN"),
        Value::Float(number) => json!(if *number > 0.0 { "Infinity" } else { "-Infinity" }),
        Value::String(value) => json!(value.as_str()),
        Value::Bytes(bytes) => json!(Base64::encode_to_string(bytes.as_slice()).unwrap_or_default()),
        Value::Null => serde_json::Value::Null,
        Value::Duration(span) => json!(seconds(*span)),
        Value::Timestamp(time) => json!(time.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
        Value::List(items) => items.iter().map(json).collect(),
        Value::Map(map) => map
            .map
            .iter()
            .map(|(name, value)| {
                let name = match name {
                    Key::String(name) => name.to_string(),
                    other => key(other),
                };
                (name, json(value))
            })
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Function(..) | Value::Opaque(_) | Value::Struct(_) => json!(text(value)),
    }
}

/// `90s`, `-0.5s`: seconds, as protobuf's JSON has them.
fn seconds(span: TimeDelta) -> String {
    let sign = if span < TimeDelta::zero() { "-" } else { "" };
    let (whole, part) = (span.num_seconds().unsigned_abs(), span.subsec_nanos().unsigned_abs());
    let part = format!("{part:09}");
    match part.trim_end_matches('0') {
        "" => format!("{sign}{whole}s"),
        part => format!("{sign}{whole}.{part}s"),
    }
}
