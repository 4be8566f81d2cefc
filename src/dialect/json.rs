//! One JSON object (RFC 8259), read so that no two readers disagree about its top level.
//!
//! It does not build a tree: values that are not read are passed over by `nested`.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};

use super::body::BodyFacts;
use super::class::classify;
use super::keys::{Key, Likeness, Meaning, keys, likeness};
use super::nested::{Place, Shape, Walk};
use crate::denial::{Denial, Reason};
use crate::request::Dialect;

/// The largest integer that every reader of JSON holds exactly: 2⁵³ − 1 (RFC 8259 section 6).
const MAX_EXACT_INTEGER: u64 = 9_007_199_254_740_991;

/// What has been read so far.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) wire: Dialect,
    pub(super) facts: BodyFacts,
    /// Models named further down: by tools, or by the parts of a Gemini request.
    pub(super) further_models: Vec<String>,
    /// Why reading stopped, where it was not the syntax.
    fault: Option<Denial>,
}

/// Reads the facts of a JSON body in the keys of `wire`.
pub(super) fn read(wire: Dialect, body: &[u8]) -> Result<Reading, Denial> {
    let malformed = |detail: &'static str| Denial::new(Reason::BodyMalformed).with_detail(detail);
    let text = std::str::from_utf8(body).map_err(|_| malformed("the body is not UTF-8"))?;
    let mut reading = Reading::new(wire);
    let mut json = serde_json::Deserializer::from_str(text);
    let object = Object { reading: &mut reading, keys: keys(wire), level: Level::Top };
    let read = object.deserialize(&mut json).and_then(|()| json.end());
    match read {
        Ok(()) => Ok(reading),
        Err(_) => {
            Err(reading.fault.unwrap_or_else(|| malformed("the body is not one well-formed JSON object")))
        }
    }
}

impl Reading {
    pub(super) fn new(wire: Dialect) -> Self {
        Self { wire, facts: BodyFacts::default(), further_models: Vec::new(), fault: None }
    }

    /// Stops with `body_ambiguous`.
    pub(super) fn ambiguous<E: Error>(&mut self, detail: impl Into<String>) -> E {
        self.stop(Reason::BodyAmbiguous, detail)
    }

    /// Stops with `body_malformed`.
    pub(super) fn malformed<E: Error>(&mut self, detail: impl Into<String>) -> E {
        self.stop(Reason::BodyMalformed, detail)
    }

    fn stop<E: Error>(&mut self, reason: Reason, detail: impl Into<String>) -> E {
        self.fault = Some(Denial::new(reason).with_detail(detail));
        E::custom("stopped")
    }
}

#[derive(Clone, Copy)]
enum Level {
    Top,
    /// Inside a read object, which may be `null`.
    Inner,
}

/// An object whose keys are read.
struct Object<'r> {
    reading: &'r mut Reading,
    keys: &'static [Key],
    level: Level,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        match self.level {
            Level::Top => Err(self.reading.malformed("the body is not an object")),
            Level::Inner => Ok(()),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut names: BTreeSet<Cow<'de, str>> = BTreeSet::new();
        let mut filled: BTreeSet<usize> = BTreeSet::new();
        while let Some(name) = map.next_key_seed(Name)? {
            match likeness(self.keys, &name) {
                Likeness::Same(position, meaning) => {
                    if !filled.insert(position) {
                        return Err(self.reading.ambiguous("a key that is read comes twice"));
                    }
                    read_value(self.reading, meaning, &mut map)?;
                }
                Likeness::CaseVariant => {
                    return Err(self.reading.ambiguous("a key differs from one that is read only by case"));
                }
                Likeness::Other => pass_over(self.reading, &name, &mut map)?,
            }
            if !names.insert(name) {
                return Err(self.reading.ambiguous("a key comes twice"));
            }
        }
        Ok(())
    }
}

/// Reads the value of a key that is read; `null` is the same as no key, as the providers have it.
fn read_value<'de, A: MapAccess<'de>>(
    reading: &mut Reading,
    meaning: Meaning,
    map: &mut A,
) -> Result<(), A::Error> {
    match meaning {
        Meaning::Model => {
            let model: Option<Cow<'_, str>> = map.next_value()?;
            reading.facts.model = match model {
                Some(model) if !is_model_name(&model) => {
                    return Err(reading.malformed("the model is empty or holds a control character"));
                }
                model => model.map(Cow::into_owned),
            };
        }
        Meaning::Stream => reading.facts.stream = map.next_value()?,
        Meaning::MaxTokens => {
            let limit: Option<u64> = map.next_value()?;
            if limit.is_some_and(|limit| limit > MAX_EXACT_INTEGER) {
                return Err(reading.malformed("a limit on model tokens is too large to be read exactly"));
            }
            reading.facts.max_tokens = reading.facts.max_tokens.max(limit);
        }
        Meaning::Object(keys) => map.next_value_seed(Object { reading, keys, level: Level::Inner })?,
        meaning => look_through(reading, meaning, map)?,
    }
    Ok(())
}

/// Looks through a value that is not a fact itself.
fn look_through<'de, A: MapAccess<'de>>(
    reading: &mut Reading,
    meaning: Meaning,
    map: &mut A,
) -> Result<(), A::Error> {
    let place = match meaning {
        Meaning::Tools => Place::Models,
        Meaning::Items => Place::Items,
        _ => Place::Plain,
    };
    let shape = map.next_value_seed(Walk::new(reading, place))?;
    match (meaning, shape) {
        (_, Shape::Null) => {}
        (Meaning::Refers, _) => reading.facts.is_stateful = true,
        (Meaning::Keeps, shape) => reading.facts.is_stateful |= shape != Shape::False,
        (Meaning::StoredPrompt, Shape::Object) => {
            reading.facts.is_stateful = true;
            reading.facts.model_elsewhere = true;
        }
        (Meaning::FurtherModels, _) => reading.facts.model_elsewhere = true,
        _ => {}
    }
    Ok(())
}

/// Passes over the value of a key that is not read.
fn pass_over<'de, A: MapAccess<'de>>(reading: &mut Reading, name: &str, map: &mut A) -> Result<(), A::Error> {
    let class = classify(reading.wire, name);
    // Every part of a Gemini request may repeat the model, and it must be the path's.
    let place = if reading.wire == Dialect::Gemini { Place::Models } else { Place::Plain };
    let shape = map.next_value_seed(Walk::new(reading, place.below(class)))?;
    reading.facts.is_stateful |= class.refers(shape);
    Ok(())
}

/// True for a name that is the same for readers that stop at NUL, trim, split lines, or drop a byte order mark.
pub(super) fn is_model_name(name: &str) -> bool {
    let is_odd = |c: char| c.is_control() || c == '\u{feff}';
    !name.is_empty() && name.trim() == name && !name.chars().any(is_odd)
}

/// A key, unescaped.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}
