//! One JSON object (RFC 8259), read so that no two readers disagree about its top level.
//!
//! It does not build a tree: values that are not read are passed over by `nested_values`.

mod file_uri;
mod input_item;
mod item_members;
pub(super) mod nested_keys;
mod nested_values;
pub(super) mod protobuf_number;
mod read_error;
mod top_level_keys;
mod value_shape;

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::kept::Kept;
use super::model_name::is_model_name;
use super::reading::Reading;
use super::refusal::{ambiguous, malformed};
use super::text_volume::CountedAs;
use crate::denial::Denial;
use crate::dialect::json::scanner::{Scanner, Value};
use crate::dialect::json::syntax_error::{Close, SyntaxError};
use crate::request::Wire;

use nested_keys::{NestedKey, nested_key};
use nested_values::{Place, Walk};
use read_error::ReadError;
use top_level_keys::{Key, KeyMatch, Meaning, find_key, keys};
use value_shape::Shape;

/// The largest integer that every reader of JSON holds exactly: 2⁵³ − 1 (RFC 8259 section 6).
const MAX_EXACT_INTEGER: u64 = 9_007_199_254_740_991;

const WHOLE: &str = "a whole number from 0 to 9007199254740991";

/// Reads the facts of a JSON body in the keys of `wire`, and finds the members that are to be kept.
pub(super) fn read(wire: Wire, text: &str, kept: Kept) -> Result<Reading, Denial> {
    let mut json = Scanner::new(text);
    let mut reading = Reading { kept, ..Reading::new(wire) };
    match read_whole(&mut reading, &mut json) {
        Ok(()) => {
            reading.facts.text_bytes = reading.volume.text();
            Ok(reading)
        }
        Err(error) => Err(error.in_body(text, json.rest())),
    }
}

/// The text of a JSON body.
pub(super) fn text(body: &[u8]) -> Result<&str, Denial> {
    simdutf8::basic::from_utf8(body).map_err(|_| read_error::not_utf8(body))
}

fn read_whole(reading: &mut Reading, json: &mut Scanner<'_>) -> Result<(), ReadError> {
    let length = json.rest().len();
    if json.rest().starts_with('\u{feff}') {
        return Err(malformed("the body begins with a byte order mark; send it without one").into());
    }
    json.skip_blanks();
    if json.rest().is_empty() {
        return Err(malformed("the body is empty; it must be one JSON object").into());
    }
    let keys = keys(reading.wire);
    match json.value()? {
        Value::Object => read_object(reading, (keys, Level::Top(length)), json)?,
        _ => return Err(malformed("the body is JSON, but no object").into()),
    }
    Ok(json.end()?)
}

/// Which object is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    /// The body itself, which is so long.
    Top(usize),
    Below,
}

/// An object whose keys are read; its bracket is open.
fn read_object(
    reading: &mut Reading,
    (keys, level): (&[Key], Level),
    json: &mut Scanner<'_>,
) -> Result<(), ReadError> {
    let (mut names, mut filled) = (BTreeSet::new(), BTreeSet::new());
    let mut goes_on = json.opens(Close::Object)?;
    while goes_on {
        let name = json.key()?.unescaped()?;
        let found = match find_key(keys, &name) {
            KeyMatch::Unknown if level != Level::Below && reading.kept.is_alike(&name) => {
                KeyMatch::CaseVariant
            }
            found => found,
        };
        let value = match found {
            KeyMatch::Known(position, meaning) => {
                if !filled.insert(position) {
                    return Err(twice(&name, keys.get(position)).into());
                }
                json.colon()?;
                let value = json.rest();
                read_value(reading, (meaning, &name), json)?;
                value
            }
            KeyMatch::CaseVariant => {
                let what = format!("{} differs from one that is read only by case", read_error::key(&name));
                return Err(ambiguous(what).into());
            }
            KeyMatch::Unknown => {
                json.colon()?;
                let value = json.rest();
                pass_over(reading, &name, json)?;
                value
            }
        };
        if let Level::Top(length) = level {
            let place = length.saturating_sub(value.len())..length.saturating_sub(json.rest().len());
            reading.kept.see(&name, place);
        }
        if names.contains(&name) {
            return Err(twice(&name, None).into());
        }
        names.insert(name);
        goes_on = json.goes_on(Close::Object)?;
    }
    Ok(())
}

/// A key that two readers would take different values of.
fn twice(name: &str, known: Option<&Key>) -> Denial {
    match known.map(|known| known.names) {
        Some([first, second]) => {
            ambiguous(format!("`{first}` and `{second}` are the same key, which comes twice"))
        }
        _ => ambiguous(format!("{} comes twice", read_error::key(name))),
    }
}

/// Reads the value of a key that is read; `null` is the same as no key, as the providers have it.
fn read_value(
    reading: &mut Reading,
    (meaning, name): (Meaning, &str),
    json: &mut Scanner<'_>,
) -> Result<(), ReadError> {
    let wrong = |what: &str| malformed(format!("{} must be {what}", read_error::key(name)));
    match meaning {
        Meaning::Model => {
            let model: Option<String> = scalar(json, || wrong("a text"))?;
            if model.as_ref().is_some_and(|model| !is_model_name(model)) {
                return Err(
                    wrong("a name that is not empty, not padded, and without control characters").into()
                );
            }
            reading.facts.model = model;
        }
        Meaning::Stream => reading.facts.stream = scalar(json, || wrong("`true` or `false`"))?,
        Meaning::MaxTokens => {
            let limit: Option<u64> = scalar(json, || wrong(WHOLE))?;
            reading.facts.max_tokens =
                reading.facts.max_tokens.max(exact(limit).ok_or_else(|| wrong(WHOLE))?);
        }
        Meaning::ProtobufMaxTokens => {
            let sent: Option<Json> = scalar(json, || wrong(WHOLE))?;
            let limit = sent
                .map(|sent| protobuf_number::whole_number(&sent).ok_or_else(|| wrong(WHOLE)))
                .transpose()?;
            reading.facts.max_tokens =
                reading.facts.max_tokens.max(exact(limit).ok_or_else(|| wrong(WHOLE))?);
        }
        Meaning::Object(keys) => {
            json.skip_blanks();
            match json.value()? {
                Value::Object => read_object(reading, (keys, Level::Below), json)?,
                Value::Null => {}
                _ => return Err(wrong("an object").into()),
            }
        }
        meaning => look_through(reading, meaning, json)?,
    }
    Ok(())
}

/// The next value, which may be `null`; where it is of another kind, what `wrong` says.
fn scalar<T: DeserializeOwned>(
    json: &mut Scanner<'_>,
    wrong: impl Fn() -> Denial,
) -> Result<Option<T>, ReadError> {
    json.scalar().map_err(|error| match error {
        SyntaxError::Kind => wrong().into(),
        error => error.into(),
    })
}

/// The limit, if every reader holds it exactly.
fn exact(limit: Option<u64>) -> Option<Option<u64>> {
    limit.is_none_or(|limit| limit <= MAX_EXACT_INTEGER).then_some(limit)
}

/// Looks through a value that is not a fact itself.
fn look_through(reading: &mut Reading, meaning: Meaning, json: &mut Scanner<'_>) -> Result<(), ReadError> {
    let place = match meaning {
        Meaning::Tools => Place::Models,
        Meaning::Items => Place::Items,
        _ => Place::Plain,
    };
    let shape = Walk::new(reading, place, CountedAs::Text).over(json)?;
    match (meaning, shape) {
        (_, Shape::Null) => {}
        (Meaning::Refers, _) => reading.facts.is_stateful = true,
        (Meaning::Continues, _) => {
            reading.facts.is_stateful = true;
            reading.facts.names_earlier_turns = true;
        }
        (Meaning::Keeps, shape) => reading.facts.is_stateful |= shape != Shape::False,
        (Meaning::Defers, shape) => {
            reading.facts.is_stateful |= shape != Shape::False;
            reading.facts.is_done_later |= shape != Shape::False;
        }
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
fn pass_over(reading: &mut Reading, name: &str, json: &mut Scanner<'_>) -> Result<(), ReadError> {
    let key = nested_key(reading.wire, name);
    let counted_as = if key == NestedKey::Data { CountedAs::Text } else { key.counted_as() };
    // Every part of a Gemini request may repeat the model, and it must be the path's.
    let place = if reading.wire == Wire::Gemini { Place::Models } else { Place::Plain };
    let shape = Walk::new(reading, place.below(key), counted_as).over(json)?;
    reading.facts.is_stateful |= key.refers(shape);
    Ok(())
}
