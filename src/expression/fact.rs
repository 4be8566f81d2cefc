//! Values from the rooms below, and how they become CEL values.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use cel_interpreter::Value;
use cel_interpreter::objects::Key;

use super::{Members, Reads};

/// A value an expression may read.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// Not there: reading it is an error, `has()` of it is `false`.
    Absent,
    Bool(bool),
    Number(i64),
    Double(f64),
    Text(String),
    /// Milliseconds since the Unix epoch; becomes a CEL timestamp in UTC.
    Time(u64),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
    Json(serde_json::Value),
}

/// Where expressions get their facts: asked only for what they read.
pub trait Facts {
    /// The value of `variable.field`, or of the whole `variable` where the vocabulary gives it no fields.
    fn fact(&self, variable: &str, field: Option<&str>) -> Fact;

    /// The same of which no other members are read; it may hold those that are not.
    fn members(&self, variable: &str, field: Option<&str>, _members: &Members) -> Fact {
        self.fact(variable, field)
    }
}

impl Fact {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub fn texts<'a>(texts: impl IntoIterator<Item = &'a String>) -> Self {
        Self::List(texts.into_iter().map(|text| Self::Text(text.clone())).collect())
    }

    /// [`Fact::Absent`] for `None`.
    pub fn optional_text(text: Option<&str>) -> Self {
        text.map_or(Self::Absent, Self::text)
    }

    /// The members of an object that are read.
    pub fn object(object: &serde_json::Map<String, serde_json::Value>, members: &Members) -> Self {
        let read = object.iter().filter(|(name, _)| members.hold(name));
        let read: serde_json::Map<_, _> = read.map(|(name, value)| (name.clone(), value.clone())).collect();
        Self::Json(read.into())
    }

    fn into_value(self) -> Option<Value> {
        Some(match self {
            Self::Absent => return None,
            Self::Bool(value) => Value::Bool(value),
            Self::Number(number) => Value::Int(number),
            Self::Double(number) => Value::Float(number),
            Self::Text(text) => Value::String(Arc::new(text)),
            Self::Time(unix_ms) => {
                let milliseconds = i64::try_from(unix_ms).ok()?;
                Value::Timestamp(chrono::DateTime::from_timestamp_millis(milliseconds)?.fixed_offset())
            }
            Self::List(items) => {
                Value::List(Arc::new(items.into_iter().filter_map(Self::into_value).collect()))
            }
            Self::Map(entries) => {
                map(entries.into_iter().filter_map(|(name, fact)| Some((name, fact.into_value()?))).collect())
            }
            Self::Json(json) => from_json(json),
        })
    }
}

/// The variables of a scope: each holds the fields that are read and present.
pub(super) fn bind(reads: &Reads, facts: &dyn Facts) -> Vec<(&'static str, Value)> {
    let mut objects: BTreeMap<&'static str, HashMap<Key, Value>> = BTreeMap::new();
    let mut bound = Vec::new();
    for (variable, field, members) in reads.with_members() {
        let value = facts.members(variable, field, members).into_value();
        match field {
            None => bound.extend(value.map(|value| (variable, value))),
            Some(field) => {
                let object = objects.entry(variable).or_default();
                object.extend(value.map(|value| (Key::from(field), value)));
            }
        }
    }
    bound.extend(objects.into_iter().map(|(variable, object)| (variable, map(object_entries(object)))));
    bound
}

fn object_entries(object: HashMap<Key, Value>) -> Vec<(Key, Value)> {
    object.into_iter().collect()
}

pub(super) fn map<K: Into<Key>>(entries: Vec<(K, Value)>) -> Value {
    let map: HashMap<Key, Value> = entries.into_iter().map(|(key, value)| (key.into(), value)).collect();
    Value::Map(map.into())
}

fn from_json(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(value),
        serde_json::Value::Number(number) => {
            if let Some(whole) = number.as_i64() {
                Value::Int(whole)
            } else if let Some(whole) = number.as_u64() {
                Value::UInt(whole)
            } else {
                number.as_f64().map_or(Value::Null, Value::Float)
            }
        }
        serde_json::Value::String(text) => Value::String(Arc::new(text)),
        serde_json::Value::Array(items) => Value::List(Arc::new(items.into_iter().map(from_json).collect())),
        serde_json::Value::Object(object) => {
            map(object.into_iter().map(|(name, value)| (name, from_json(value))).collect())
        }
    }
}
