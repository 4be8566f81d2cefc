//! How much of a body is read before the decision: all of it, or of a long form the beginning.
//!
//! Whether it is let through depends on the bytes and their announced length alone, never on how they were cut into
//! pieces on their way: a beginning is looked at where it is 64 KiB long, 128 KiB and so on, up to the limit of forms. Its
//! fields may stand behind its file; until they have come Envoy holds what comes.

use crate::denial::{Denial, Reason};
use crate::dialect::{self, BodyForm, Fields, Operation, Wanted};
use crate::gateway::call::ReadBody;
use crate::gateway::host::body;
use crate::gateway::{Body, Need};
use crate::request::RequestHead;

/// Where the beginning of a form is looked at first, in bytes; a shorter form is always read whole.
const EARLY: usize = 64 * 1024;

/// Where reading has come to.
pub(super) enum Reading {
    Done(ReadBody),
    Needs(Need),
}

/// How much may be held, in bytes.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// Of a body that is read whole.
    pub(super) body: u64,
    /// Of the beginning of a form that is longer; 0 where it must be held whole.
    pub(super) form: u64,
}

/// What a decision rests on.
#[derive(Clone, Copy)]
pub(super) struct RestsOn<'a> {
    /// Of a form.
    pub(super) fields: Fields,
    /// Of JSON.
    pub(super) wanted: &'a Wanted,
}

/// Reads what has come, as far as it is enough for what the decision rests on.
pub(super) fn read(
    operation: &Operation,
    head: &RequestHead,
    body: Body<'_>,
    (limits, RestsOn { fields, wanted }): (Limits, RestsOn<'_>),
) -> Result<Reading, Denial> {
    let is_long =
        limits.form > 0 && operation.form_of(head) == BodyForm::Multipart && may_be_longer(head, limits.body);
    let limit = if is_long { limits.form.max(limits.body) } else { limits.body };
    let cuts = || cuts(if is_long { limit } else { 0 });
    // Where no more can be held, a flag that has not come is taken for one that is not there.
    let awaited = |beginning: &[u8]| match fields {
        Fields::All if beginning.len() as u64 == limit => Fields::AllThatCame,
        fields => fields,
    };
    let (bytes, is_complete) = match body {
        Body::Coming => return Ok(Reading::Needs(Need::Body { limit, look: cuts().next() })),
        Body::Beginning(content) => (body::read(content)?, false),
        Body::Complete(content) => (body::read(content)?, true),
    };
    for (beginning, rest) in cuts().filter_map(|cut| bytes.split_at_checked(cut)) {
        if let Some((facts, mut form)) =
            dialect::read_beginning(operation, head, beginning, awaited(beginning))?
        {
            form.take(rest)?;
            if is_complete {
                form.finish()?;
            }
            return Ok(Reading::Done(match is_complete {
                true => ReadBody::whole(facts),
                false => ReadBody::beginning(facts, form, bytes.len()),
            }));
        }
    }
    match cuts().find(|cut| *cut > bytes.len()) {
        look if !is_complete && look.is_some() => Ok(Reading::Needs(Need::Body { limit, look })),
        None if is_long => Err(Denial::new(Reason::BodyTooLarge).with_detail(format!(
            "of a form {limit} bytes (`form_limit`) are read for its fields; put them before the file"
        ))),
        _ => Ok(Reading::Done(ReadBody::whole(dialect::read_body(operation, head, bytes, wanted)?))),
    }
}

/// True where the body may be longer than may be held.
fn may_be_longer(head: &RequestHead, limit: u64) -> bool {
    let length = head.text("content-length").and_then(|length| length.parse::<u64>().ok());
    length.is_none_or(|length| length > limit)
}

/// The lengths at which a beginning is looked at.
fn cuts(limit: u64) -> impl Iterator<Item = usize> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let early =
        std::iter::successors(Some(EARLY), |cut| cut.checked_mul(2)).take_while(move |cut| *cut < limit);
    early.chain((limit > 0).then_some(limit))
}
