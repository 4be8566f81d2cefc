//! Which operation a request asks for, told from its method, path and query, and from headers that could change it.
//!
//! It does not read bodies, and does not normalise: what two readers could take for two operations is refused.

mod bedrock_model;
mod ephemeral_tokens;
mod guess;
mod headers;
mod known_operations;
mod listed_operation;
mod path;
mod pattern;
mod query;
mod refusal;
mod table;

use std::borrow::Cow;
use std::rc::Rc;

use super::operation::{ModelPlace, Operation, Place};
use crate::cache::{Cache, Fingerprint};
use crate::denial::{Denial, Reason};
use crate::request::{Dialect, RequestHead, Wire};

pub use ephemeral_tokens::{TokenShape, wanted_token};
pub use guess::{guess, wire_at};
pub use headers::names_further_model;
pub use known_operations::{KnownOperation, known_operations};
pub use listed_operation::ListedOperation;

use bedrock_model::see_own_resource;
use headers::{refuse_method_override, refuse_upgrade};
use path::{Path, single_path};
use refusal::{ambiguous, unknown};
use table::Found;
use table::row::Row;

/// A longer path is recognised each time.
const LONGEST_REMEMBERED: usize = 512;

/// True where no path of the dialect names a model, so that only the body does.
pub fn model_is_only_in_body(dialect: Dialect) -> bool {
    matches!(dialect, Dialect::Openai | Dialect::Anthropic)
}

/// Recognises the operation, or refuses `path_ambiguous` or `operation_unknown`.
///
/// `prefix` is the upstream's `path_prefix`; it must match whole segments as they were sent. The rows of
/// the dialect come before those `listed` by the operator, so an operator cannot make a known operation less risky by accident.
/// An upgrade is refused except where the table expects one, because an upgraded request is complete at
/// its headers and its body would pass unread.
pub fn recognise(
    dialect: Dialect,
    request: &RequestHead,
    prefix: Option<&str>,
    listed: &[ListedOperation],
) -> Result<Operation, Denial> {
    refuse_method_override(request)?;
    let operation = recognise_path(dialect, request, prefix, listed)?;
    refuse_upgrade(&operation, request)?;
    match operation.profile.model {
        ModelPlace::Query => query::read_model(operation, request),
        _ => Ok(operation),
    }
}

/// As `recognise`, but for an operation that `seen` remembers under `name`, which stands for the upstream, the method
/// and the whole path. What other headers say is read each time.
pub fn recognise_again(
    seen: &Cache<Rc<Operation>>,
    name: Fingerprint,
    request: &RequestHead,
    anew: impl FnOnce() -> Result<Operation, Denial>,
) -> Result<Rc<Operation>, Denial> {
    let Some(operation) = seen.get(name, |_| true) else {
        let operation = Rc::new(anew()?);
        if request.path().len() <= LONGEST_REMEMBERED {
            seen.put(name, Rc::clone(&operation));
        }
        return Ok(operation);
    };
    refuse_method_override(request)?;
    single_path(request)?;
    refuse_upgrade(&operation, request)?;
    Ok(operation)
}

/// What method, path and query say.
fn recognise_path(
    dialect: Dialect,
    request: &RequestHead,
    prefix: Option<&str>,
    listed: &[ListedOperation],
) -> Result<Operation, Denial> {
    query::refuse_system_parameters(dialect, request)?;
    let whole = Path::parse(dialect, request)?;
    let path = whole.without_prefix(prefix).ok_or_else(|| unknown("the path lacks the upstream's prefix"))?;
    let operation = match table::find(dialect, request.method(), &path) {
        Found::Row { row, wire, model } => {
            let operation = named(dialect, row, wire).with_model(model);
            match operation.profile.model {
                ModelPlace::Path => see_own_resource(operation),
                _ => operation,
            }
        }
        Found::Other(_) if ephemeral_tokens::shape(dialect, request.method(), &path).is_some() => {
            return Err(Reason::ProviderTokenRefused.into());
        }
        Found::Other(methods) => {
            find_listed(dialect, request.method(), &path, listed).ok_or_else(|| unmatched(&path, &methods))?
        }
    };
    match dialect {
        Dialect::Vertex => at_its_place(operation, &path),
        _ => Ok(operation),
    }
}

/// Every operation of Vertex AI names its project; one that does not could be anywhere that the credential reaches.
fn at_its_place(operation: Operation, path: &Path<'_>) -> Result<Operation, Denial> {
    let place = Place::of(path.segments().iter().map(|segment| segment.text()));
    let place = place.ok_or_else(|| unknown("the path names no project and location"))?;
    Ok(operation.at(place))
}

fn named(dialect: Dialect, row: &Row, wire: Wire) -> Operation {
    let name = Cow::Borrowed(row.name);
    Operation { dialect, wire, name, profile: row.profile, path_model: None, place: None, usage: None }
}

fn find_listed(
    dialect: Dialect,
    method: &str,
    path: &Path<'_>,
    listed: &[ListedOperation],
) -> Option<Operation> {
    let bind = |entry: &ListedOperation| entry.bind(method, path);
    let (entry, path_model) = listed.iter().find_map(|entry| Some((entry, bind(entry)?)))?;
    let name = Cow::Owned(entry.name.clone());
    let (wire, profile, usage) = (dialect.wire(), entry.profile, entry.usage);
    Some(Operation { dialect, wire, name, profile, path_model, place: None, usage })
}

fn unmatched(path: &Path<'_>, methods: &[&str]) -> Denial {
    if path.holds_encoded_slash() {
        return ambiguous("an encoded slash stands outside an id that may hold one");
    }
    match methods {
        [] => Denial::from(Reason::OperationUnknown),
        methods => unknown(format!("the path is known with another method: {}", methods.join(", "))),
    }
}

#[cfg(test)]
mod tests;
