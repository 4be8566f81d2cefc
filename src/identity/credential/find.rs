//! Finds the one credential of a request.
//!
//! It does not judge it. It reads the full list of headers, because a proxy that joins or drops a second
//! value would make two readers see two callers; what can be read in more than one way is refused.

use super::carrier::{Carrier, KEY_PROTOCOL, PROTOCOLS};
use super::presented::{AUTH_TOKENS, Presented};
use super::query::credential_in_query;
use super::scheme::Scheme;
use crate::denial::{Denial, Reason};
use crate::request::RequestHead;

/// What a caller is told who signs as AWS's own services want it.
const NO_SIGNATURES: &str = "AWS signatures are not read; send this gateway's credential as a bearer token, as the SDKs do with `AWS_BEARER_TOKEN_BEDROCK`";

/// Finds the credential. The same one in two headers, as some SDKs send it, counts once. A header or parameter without a
/// value, as SDKs send for a variable that is empty, holds none.
///
/// # Errors
/// Refuses a request with none, with two, with one in the query string, or with one that cannot be read.
pub fn find(request: &RequestHead) -> Result<Presented, Denial> {
    if let Some(name) = request.query().and_then(credential_in_query) {
        let denial = Denial::new(Reason::CredentialInQuery);
        return Err(match name.starts_with("xamz") {
            true => denial.with_detail(NO_SIGNATURES),
            false => denial,
        });
    }
    let mut found: Option<Presented> = None;
    for carrier in Carrier::HEADERS {
        let values = request.values(carrier.name()).filter(|value| !carrier.is_empty(value));
        let Some(value) = single(values)? else { continue };
        found = Some(agree(found, credential(carrier, value)?)?);
    }
    if request.is_upgrade() {
        let keys = protocols(request).filter_map(|protocol| protocol.strip_prefix(KEY_PROTOCOL.as_bytes()));
        let keys = keys.filter(|key| !key.is_empty());
        if let Some(value) = single(keys)? {
            found = Some(agree(found, Presented::read(Carrier::WebSocketProtocol, value)?)?);
        }
    }
    found.ok_or_else(|| Reason::CredentialMissing.into())
}

/// The credential in a parameter of a form.
///
/// # Errors
/// Refuses what cannot be one.
pub fn in_body(parameter: &'static str, value: &str) -> Result<Presented, Denial> {
    Presented::read(Carrier::Form(parameter), value.as_bytes())
}

/// The only value; a second one is refused even where it is equal.
fn single<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> Result<Option<&'a [u8]>, Denial> {
    let first = values.next();
    match values.next() {
        Some(_) => Err(Reason::AmbiguousCredential.into()),
        None => Ok(first),
    }
}

fn protocols(request: &RequestHead) -> impl Iterator<Item = &[u8]> {
    request.values(PROTOCOLS).flat_map(|value| value.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii)
}

fn agree(found: Option<Presented>, next: Presented) -> Result<Presented, Denial> {
    match found {
        Some(first) if first.secret != next.secret => Err(Reason::AmbiguousCredential.into()),
        Some(first) => Ok(first),
        None => Ok(next),
    }
}

fn credential(carrier: Carrier, value: &[u8]) -> Result<Presented, Denial> {
    match carrier {
        Carrier::Authorization => {
            let (scheme, value) = authorization(value)?;
            Ok(Presented { scheme, ..Presented::read(carrier, value)? })
        }
        _ => Presented::read(carrier, value),
    }
}

/// What follows the scheme and its spaces (RFC 6750 section 2.1, RFC 9449 section 7.1).
fn authorization(value: &[u8]) -> Result<(Scheme, &[u8]), Denial> {
    let scheme: &[u8] = value.split(|byte| *byte == b' ').next().unwrap_or_default();
    // Before the commas are looked at, because a SigV4 value is full of them.
    if scheme.get(..5).is_some_and(|begin| begin.eq_ignore_ascii_case(b"AWS4-")) {
        return Err(Denial::new(Reason::CredentialMalformed).with_detail(NO_SIGNATURES));
    }
    if value.contains(&b',') {
        return Err(Reason::AmbiguousCredential.into());
    }
    let rest = trim_spaces(value.strip_prefix(scheme).unwrap_or_default());
    if scheme.eq_ignore_ascii_case(b"token") && rest.starts_with(AUTH_TOKENS) {
        return Ok((Scheme::Bearer, rest));
    }
    match Scheme::of(scheme) {
        Some(scheme) => Ok((scheme, rest)),
        None => Err(Denial::new(Reason::CredentialMalformed)
            .with_detail("`Authorization` must be `Bearer` or `DPoP` and the credential")),
    }
}

fn trim_spaces(mut value: &[u8]) -> &[u8] {
    while let Some(rest) = value.strip_prefix(b" ") {
        value = rest;
    }
    value
}
