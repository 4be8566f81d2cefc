//! How much of a body is read before the decision: all of it, or of a long form the beginning.
//!
//! Whether it is let through depends on the bytes and their announced length alone, never on how they were cut into
//! pieces on their way: a beginning is looked at where it is 64 KiB long, 128 KiB and so on, up to the limit.

use super::{Body, Need, body};
use crate::denial::{Denial, Reason};
use crate::dialect::{self, BodyFacts, BodyForm, Form, Operation};
use crate::request::RequestHead;

/// Where the beginning of a form is looked at first, in bytes; a shorter form is always read whole.
const EARLY: usize = 64 * 1024;

/// Where reading has come to.
pub(super) enum Reading {
    /// What was read; with the form where that goes on.
    Done(BodyFacts, Option<Box<Form>>),
    Needs(Need),
}

/// Reads what has come, as far as it is enough.
pub(super) fn read(
    operation: &Operation,
    head: &RequestHead,
    body: Body<'_>,
    limit: u64,
) -> Result<Reading, Denial> {
    let is_long = operation.body_form() == BodyForm::Multipart && may_be_longer(head, limit);
    let cuts = || cuts(if is_long { limit } else { 0 });
    let (bytes, is_complete) = match body {
        Body::Coming => return Ok(Reading::Needs(Need::Body { limit, look: cuts().next() })),
        Body::Beginning(content) => (body::read(content)?, false),
        Body::Complete(content) => (body::read(content)?, true),
    };
    for (beginning, rest) in cuts().filter_map(|cut| bytes.split_at_checked(cut)) {
        if let Some((facts, mut form)) = dialect::read_beginning(operation, head, beginning)? {
            form.take(rest)?;
            if is_complete {
                form.finish()?;
            }
            return Ok(Reading::Done(facts, (!is_complete).then(|| Box::new(form))));
        }
    }
    match cuts().find(|cut| *cut > bytes.len()) {
        look if !is_complete && look.is_some() => Ok(Reading::Needs(Need::Body { limit, look })),
        None if is_long => Err(Denial::new(Reason::BodyTooLarge).with_detail(format!(
            "a form of more than {limit} bytes (`form_limit`) must have the field `model` before the file"
        ))),
        _ => Ok(Reading::Done(dialect::read_body(operation, head, bytes)?, None)),
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
