//! What a request asks for, in one word for all dialects: how many answers, which tools, what media it brings, how hard to think.
//!
//! Each is read only where an expression names it, from the members of the body that it may stand in. Where a body says it in
//! two places, the larger number counts, and two words that differ are refused. What a provider would not take for such a value
//! is refused, too.

mod feature;
mod media;
mod places;
mod tools;

use serde_json::{Map, Number, Value};

use super::json_object::protobuf_number::whole_number;
use super::kept::Keep;
use super::refusal::{ambiguous, malformed};
use crate::denial::Denial;
use crate::request::Wire;

pub use feature::Feature;

use media::Media;
use places::{Found, Places};

/// Adds to what is kept of a body what the feature is read of.
pub(super) fn keep(feature: Feature, wire: Wire, keep: &mut Keep) {
    match Places::of(feature) {
        Some(places) => keep.names.extend(places.members(wire)),
        None => keep.all = true,
    }
}

/// The feature as the body has it; `None` where it says nothing of it.
///
/// # Errors
/// `body_malformed` and `body_ambiguous`, where it is no such value, or two.
pub(super) fn read(feature: Feature, wire: Wire, body: &Map<String, Value>) -> Result<Option<Value>, Denial> {
    let places = Places::of(feature);
    let found = places.map(|places| places.values(wire, body)).transpose()?.unwrap_or_default();
    match feature {
        Feature::Images => Ok(Some(Media::of(wire, body).images().into())),
        Feature::Modalities => Ok(Some(Media::of(wire, body).modalities().into())),
        Feature::Messages => Ok(found.iter().map(|(_, value)| entries(value)).max().map(Value::from)),
        Feature::Tools => Ok(Some(tools::names(wire, &found)?.into())),
        Feature::WebSearch => Ok(Some(tools::search_the_web(wire, &found)?.into())),
        Feature::ToolChoice => {
            let choices = found.iter().map(|(at, value)| Ok((*at, tools::choice(wire, value)?)));
            one(choices.collect::<Result<Vec<_>, Denial>>()?.into_iter())
        }
        Feature::N => largest(&found, "a whole number", |value| whole_number(value).map(Value::from)),
        Feature::Temperature => {
            largest(&found, "a number", |value| Number::from_f64(places::double(value)?).map(Value::from))
        }
        Feature::User => one(texts(&found)?.into_iter()),
        Feature::ResponseFormat => {
            let is_described = places::gemini_schema(wire, body)?;
            one(texts(&found)?.into_iter().map(|(at, format)| (at, response_format(&format, is_described))))
        }
        Feature::ServiceTier | Feature::ReasoningEffort => {
            one(texts(&found)?.into_iter().map(|(at, word)| (at, word.to_ascii_lowercase())))
        }
    }
}

/// How many a list has; anything else is one.
fn entries(value: &Value) -> u64 {
    value.as_array().map_or(1, |list| u64::try_from(list.len()).unwrap_or(u64::MAX))
}

fn wrong(at: &str, what: &str) -> Denial {
    malformed(format!("the key `{at}` must be {what}"))
}

fn texts(found: &[Found<'_>]) -> Result<Vec<(&'static str, String)>, Denial> {
    let text = |(at, value): &Found<'_>| {
        let text = value.as_str().ok_or_else(|| wrong(at, "a text"))?;
        Ok((*at, text.to_owned()))
    };
    found.iter().map(text).collect()
}

/// The value that all places agree on.
fn one(mut found: impl Iterator<Item = (&'static str, String)>) -> Result<Option<Value>, Denial> {
    let Some((first, value)) = found.next() else { return Ok(None) };
    match found.find(|(_, other)| *other != value) {
        Some((other, _)) => Err(ambiguous(format!("`{first}` and `{other}` say two things"))),
        None => Ok(Some(value.into())),
    }
}

fn largest(
    found: &[Found<'_>],
    what: &str,
    read: impl Fn(&Value) -> Option<Value>,
) -> Result<Option<Value>, Denial> {
    let mut largest: Option<Value> = None;
    for (at, value) in found {
        let value = read(value).ok_or_else(|| wrong(at, what))?;
        if largest.as_ref().is_none_or(|known| known.as_f64() < value.as_f64()) {
            largest = Some(value);
        }
    }
    Ok(largest)
}

/// Gemini names a media type, and says by a schema beside it what the JSON is to be.
fn response_format(sent: &str, is_described: bool) -> String {
    match (sent, is_described) {
        ("application/json", true) => "json_schema".to_owned(),
        ("application/json", false) => "json_object".to_owned(),
        ("text/plain", _) => "text".to_owned(),
        (format, _) => format.to_ascii_lowercase(),
    }
}
