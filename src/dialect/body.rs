//! What the rules may read of a body, and the agreement between path and body.
//!
//! It does not keep messages, prompts or files; it looks through them only for what would reach beyond the
//! request: references to things kept under the provider's account, and further models.

mod content_type;
mod facts;
mod features;
mod header_value;
mod json_object;
mod kept;
mod model_name;
mod multipart;
mod reading;
pub(super) mod refusal;
mod text_volume;
mod wanted;

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::operation::{BodyForm, ModelPlace, Operation};
use crate::denial::{Denial, Reason};
use crate::request::{Dialect, RequestHead, Wire};

pub use facts::BodyFacts;
pub use features::Feature;
pub use multipart::form::Form;
pub use wanted::{Asked, Wanted};

use content_type::{MediaType, Untyped, body_type};
use kept::Kept;
use multipart::form::Decided;
use reading::Reading;
use refusal::unsupported;

/// Reads the facts of a complete body, and what else of it is wanted.
///
/// Refuses `body_unsupported` a body that is not what the operation takes, `body_malformed` one that is not
/// well-formed, `body_ambiguous` one that two readers could read differently, and `model_mismatch` where path
/// and body name different models. A body that the provider does not read, or that is passed on unread, has
/// no facts beyond the path's.
///
/// Of an accepted JSON body, Python's `json`, JavaScript's `JSON.parse` and Go's `encoding/json` see the same
/// top-level keys, and the same values at the keys that are read.
pub fn read_body(
    operation: &Operation,
    request: &RequestHead,
    body: &[u8],
    wanted: &Wanted,
) -> Result<BodyFacts, Denial> {
    let mut reading = match operation.form_of(request) {
        BodyForm::Json | BodyForm::JsonOrMultipart => match body_type(request, operation.untyped())? {
            MediaType::Json => read_json(operation, body, wanted)?,
            MediaType::Multipart { .. } => return Err(unsupported("the operation takes JSON")),
        },
        BodyForm::Multipart => multipart::read(&boundary(request)?, body)?,
        BodyForm::None | BodyForm::Upgrade | BodyForm::Opaque => Reading::new(operation.wire()),
    };
    reading.facts.size = u64::try_from(body.len()).ok();
    reconcile(operation, reading)
}

/// A JSON body; of one that is to be spoken, which is short, also the length of its text.
fn read_json(operation: &Operation, body: &[u8], wanted: &Wanted) -> Result<Reading, Denial> {
    #[derive(Deserialize)]
    struct Speech<'a> {
        #[serde(borrow)]
        input: Cow<'a, str>,
    }

    let (text, wire) = (json_object::text(body)?, operation.wire());
    let all = wanted.all();
    let kept = Kept::new(all.keep(wire), wanted.demanded.keep(wire));
    let mut reading = json_object::read(wire, text, kept)?;
    let told = match tell(operation, text, &reading.kept, &all) {
        // What would only be written down refuses nobody.
        Err(_) if !wanted.noted.is_empty() => tell(operation, text, &reading.kept, &wanted.demanded),
        told => told,
    };
    let Told { features, members } = told?;
    reading.facts.features = features;
    reading.facts.members = Some(members);
    if operation.speaks() {
        let speech = serde_json::from_slice::<Speech<'_>>(body).ok();
        let length = speech.and_then(|speech| u64::try_from(speech.input.chars().count()).ok());
        reading.facts.input_characters = length;
    }
    Ok(reading)
}

/// What was asked for of a body.
struct Told {
    features: Map<String, Value>,
    members: Map<String, Value>,
}

fn tell(operation: &Operation, text: &str, kept: &Kept, asked: &Asked) -> Result<Told, Denial> {
    let wire = operation.wire();
    let mut members = kept.read(text, &asked.keep(wire))?;
    let mut features = Map::new();
    // Of several requests in one nothing is said in one word.
    if operation.model_place() != ModelPlace::Elsewhere {
        for feature in asked.features() {
            let value = features::read(feature, wire, &members)?;
            features.extend(value.map(|value| (feature.name().to_owned(), value)));
        }
    }
    members.retain(|name, _| asked.holds(name));
    kept::require_few(features.values().chain(members.values()))?;
    Ok(Told { features, members })
}

/// The fields of a form that a decision rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fields {
    /// The model; whether to stream may still be said when the decision has been made.
    Model,
    /// The model, and whether to stream.
    All,
    /// The same, and what has not come until now must not come any more.
    AllThatCame,
}

/// Reads the facts of a form that may be too long to be held, from its beginning; `None` where not all has come that the
/// decision rests on. The rest must be given to the returned form before it goes on.
///
/// # Errors
/// As `read_body`.
pub fn read_beginning(
    operation: &Operation,
    request: &RequestHead,
    beginning: &[u8],
    fields: Fields,
) -> Result<Option<(BodyFacts, Form)>, Denial> {
    let (reading, mut form) = multipart::read_beginning(&boundary(request)?, beginning)?;
    let lacks_model = reading.facts.model.is_none() && operation.path_model().is_none();
    let lacks_stream = reading.facts.stream.is_none() && operation.path_streams().is_none();
    if lacks_model || lacks_stream && fields == Fields::All {
        return Ok(None);
    }
    form.decide(if fields == Fields::Model { Decided::Model } else { Decided::All })?;
    Ok(Some((reconcile(operation, reading)?, form)))
}

fn boundary(request: &RequestHead) -> Result<String, Denial> {
    match body_type(request, Untyped::Refused)? {
        MediaType::Multipart { boundary } => Ok(boundary),
        MediaType::Json => Err(unsupported("the operation takes a multipart form")),
    }
}

/// Brings path and body together.
fn reconcile(operation: &Operation, reading: Reading) -> Result<BodyFacts, Denial> {
    let mut facts = reading.facts;
    let in_body = facts.model.take().map(|model| canonical(operation, model));
    facts.model = match operation.path_model() {
        Some(path) => Some(agreed(operation, path, in_body)?),
        None => in_body,
    };
    facts.stream = operation.path_streams().or(facts.stream);
    for other in reading.further_models {
        let other = canonical(operation, other);
        if facts.model.as_ref() == Some(&other) {
            continue;
        }
        // Gemini repeats the path's model in each part of a request and takes no other.
        if operation.wire() == Wire::Gemini && operation.path_model().is_some() {
            return Err(Denial::from(Reason::ModelMismatch));
        }
        facts.model_elsewhere = true;
    }
    let inherits_model = facts.is_stateful && facts.model.is_none();
    // OpenAI's name of a fine-tuned model, which answers with what its tenant taught it.
    let is_fine_tuned = facts.model.as_ref().is_some_and(|model| model.starts_with("ft:"));
    facts.is_stateful |= is_fine_tuned && operation.body_may_hold_state() && operation.wire().is_openais();
    facts.model_elsewhere |= inherits_model || operation.model_place() == ModelPlace::Elsewhere;
    Ok(facts)
}

/// The path's model, if the body does not name another. Azure ignores a body's model beside a deployment.
fn agreed(operation: &Operation, path: &str, in_body: Option<String>) -> Result<String, Denial> {
    match in_body {
        Some(model) if operation.dialect() != Dialect::Azure && model != path => {
            Err(Denial::from(Reason::ModelMismatch))
        }
        _ => Ok(path.to_owned()),
    }
}

/// Google reads `models/x` and `x` as the same model.
fn canonical(operation: &Operation, model: String) -> String {
    match model.strip_prefix("models/") {
        Some(bare) if operation.dialect().is_googles() => bare.to_owned(),
        _ => model,
    }
}

#[cfg(test)]
mod tests;
