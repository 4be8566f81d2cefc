//! One JSON object (RFC 8259), read so that no two readers disagree about its top level.
//!
//! It does not build a tree: values that are not read are passed over by `nested`.

use std::collections::BTreeSet;

use super::body::BodyFacts;
use super::class::classify;
use super::keys::{Key, Likeness, Meaning, keys, likeness};
use super::nested::{Place, Shape, Walk};
use super::scanner::{Close, Malformed, Scanner, Value};
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
}

/// Reads the facts of a JSON body in the keys of `wire`.
pub(super) fn read(wire: Dialect, body: &[u8]) -> Result<Reading, Denial> {
    let text = simdutf8::basic::from_utf8(body).map_err(|_| malformed("the body is not UTF-8"))?;
    let mut json = Scanner::new(text);
    let mut reading = Reading::new(wire);
    match json.value()? {
        Value::Object => read_object(&mut reading, keys(wire), &mut json)?,
        Value::Null => return Err(malformed("the body is not an object")),
        _ => return Err(Malformed.into()),
    }
    json.end()?;
    Ok(reading)
}

impl Reading {
    pub(super) fn new(wire: Dialect) -> Self {
        Self { wire, facts: BodyFacts::default(), further_models: Vec::new() }
    }
}

impl From<Malformed> for Denial {
    fn from(_: Malformed) -> Self {
        malformed("the body is not one well-formed JSON object")
    }
}

pub(super) fn ambiguous(detail: &'static str) -> Denial {
    Denial::new(Reason::BodyAmbiguous).with_detail(detail)
}

fn malformed(detail: &'static str) -> Denial {
    Denial::new(Reason::BodyMalformed).with_detail(detail)
}

/// An object whose keys are read; its bracket is open.
fn read_object(reading: &mut Reading, keys: &[Key], json: &mut Scanner<'_>) -> Result<(), Denial> {
    let (mut names, mut filled) = (BTreeSet::new(), BTreeSet::new());
    let mut goes_on = json.opens(Close::Object)?;
    while goes_on {
        let name = json.key()?.unescaped()?;
        match likeness(keys, &name) {
            Likeness::Same(position, meaning) => {
                if !filled.insert(position) {
                    return Err(ambiguous("a key that is read comes twice"));
                }
                json.colon()?;
                read_value(reading, meaning, json)?;
            }
            Likeness::CaseVariant => {
                return Err(ambiguous("a key differs from one that is read only by case"));
            }
            Likeness::Other => {
                json.colon()?;
                pass_over(reading, &name, json)?;
            }
        }
        if !names.insert(name) {
            return Err(ambiguous("a key comes twice"));
        }
        goes_on = json.goes_on(Close::Object)?;
    }
    Ok(())
}

/// Reads the value of a key that is read; `null` is the same as no key, as the providers have it.
fn read_value(reading: &mut Reading, meaning: Meaning, json: &mut Scanner<'_>) -> Result<(), Denial> {
    match meaning {
        Meaning::Model => {
            let model: Option<String> = json.scalar()?;
            if model.as_ref().is_some_and(|model| !is_model_name(model)) {
                return Err(malformed("the model is empty or holds a control character"));
            }
            reading.facts.model = model;
        }
        Meaning::Stream => reading.facts.stream = json.scalar()?,
        Meaning::MaxTokens => {
            let limit: Option<u64> = json.scalar()?;
            if limit.is_some_and(|limit| limit > MAX_EXACT_INTEGER) {
                return Err(malformed("a limit on model tokens is too large to be read exactly"));
            }
            reading.facts.max_tokens = reading.facts.max_tokens.max(limit);
        }
        Meaning::Object(keys) => match json.value()? {
            Value::Object => read_object(reading, keys, json)?,
            Value::Null => {}
            _ => return Err(Malformed.into()),
        },
        meaning => look_through(reading, meaning, json)?,
    }
    Ok(())
}

/// Looks through a value that is not a fact itself.
fn look_through(reading: &mut Reading, meaning: Meaning, json: &mut Scanner<'_>) -> Result<(), Denial> {
    let place = match meaning {
        Meaning::Tools => Place::Models,
        Meaning::Items => Place::Items,
        _ => Place::Plain,
    };
    let shape = Walk::new(reading, place).over(json)?;
    match (meaning, shape) {
        (_, Shape::Null) => {}
        (Meaning::Refers, _) => reading.facts.is_stateful = true,
        (Meaning::Continues, _) => {
            reading.facts.is_stateful = true;
            reading.facts.names_earlier_turns = true;
        }
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
fn pass_over(reading: &mut Reading, name: &str, json: &mut Scanner<'_>) -> Result<(), Denial> {
    let class = classify(reading.wire, name);
    // Every part of a Gemini request may repeat the model, and it must be the path's.
    let place = if reading.wire == Dialect::Gemini { Place::Models } else { Place::Plain };
    let shape = Walk::new(reading, place.below(class)).over(json)?;
    reading.facts.is_stateful |= class.refers(shape);
    Ok(())
}

/// True for a name that is the same for readers that stop at NUL, trim, split lines, or drop a byte order mark.
pub(super) fn is_model_name(name: &str) -> bool {
    let is_odd = |c: char| c.is_control() || c == '\u{feff}';
    !name.is_empty() && name.trim() == name && !name.chars().any(is_odd)
}
