//! The fields `model` and `stream` of a multipart form (RFC 7578).
//!
//! It refuses what parsers of forms are known to read differently: bytes before the first delimiter, a boundary
//! inside a part, bare line feeds, folded headers, transfer encodings, a charset field.

mod field;
pub(super) mod form;

use super::reading::Reading;
use crate::denial::Denial;
use crate::request::Wire;

use form::Form;

/// Reads the facts of a complete form.
pub(super) fn read(boundary: &str, body: &[u8]) -> Result<Reading, Denial> {
    let mut form = Form::new(boundary);
    form.take(body)?;
    form.finish()?;
    Ok(reading(&form))
}

/// Reads the facts of a form from its beginning; the form goes on to watch the rest.
pub(super) fn read_beginning(boundary: &str, beginning: &[u8]) -> Result<(Reading, Form), Denial> {
    let mut form = Form::new(boundary);
    form.take(beginning)?;
    Ok((reading(&form), form))
}

fn reading(form: &Form) -> Reading {
    let mut reading = Reading::new(Wire::Openai);
    reading.facts.model = form.facts().model.clone();
    reading.facts.stream = form.facts().stream;
    reading
}
