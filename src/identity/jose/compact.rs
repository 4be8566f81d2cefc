//! The JWS compact serialization (RFC 7515 section 3.1) and its header, read strictly.
//!
//! It proves nothing: whatever it returns is still the caller's word.

use serde_json::{Map, Value};

use super::base64url::base64url;
use crate::config::Algorithm;
use crate::denial::{Denial, Reason};
use crate::identity::credential::MAX_CREDENTIAL_BYTES;
use crate::unique_json;

/// Header parameters that would let the caller choose the key, or change what is signed.
const FORBIDDEN: [&str; 6] = ["crit", "b64", "jwk", "jku", "x5u", "x5c"];
/// Header parameters that are texts wherever they occur.
const TEXTS: [&str; 7] = ["alg", "typ", "cty", "kid", "x5t", "x5t#S256", "salt"];

/// The algorithms that are accepted from some issuer; HMAC and `none` are not among them.
pub(in crate::identity) const ALGORITHMS: [Algorithm; 10] = Algorithm::ALL;

/// A token taken apart. It has no `Debug`, because it holds the token.
pub(in crate::identity) struct Compact<'a> {
    pub(in crate::identity) header: Header,
    pub(in crate::identity) claims: Map<String, Value>,
    /// The whole token, as it was sent.
    pub(in crate::identity) token: &'a str,
    /// The header and the claims as they were sent, which is what the signature covers.
    pub(in crate::identity) signed: &'a str,
    pub(in crate::identity) signature: Vec<u8>,
}

#[derive(Debug)]
pub(in crate::identity) struct Header {
    pub(in crate::identity) algorithm: Algorithm,
    /// As the token writes it.
    pub(in crate::identity) typ: Option<String>,
    pub(in crate::identity) kid: Option<String>,
}

impl<'a> Compact<'a> {
    pub(in crate::identity) fn read(token: &'a str) -> Result<Self, Denial> {
        if token.len() > MAX_CREDENTIAL_BYTES {
            return Err(Reason::TokenTooLarge.into());
        }
        let malformed = || Denial::from(Reason::TokenMalformed);
        let (signed, signature) = token.rsplit_once('.').ok_or_else(malformed)?;
        // A dot left in either half is outside the alphabet, so this also refuses two and four segments.
        let (header, claims) = signed.split_once('.').ok_or_else(malformed)?;
        let header = Header::read(&base64url(header).ok_or_else(malformed)?)?;
        let claims = base64url(claims).and_then(|bytes| unique_json::object(&bytes)).ok_or_else(malformed)?;
        let signature = base64url(signature).ok_or_else(malformed)?;
        Ok(Self { header, claims, token, signed, signature })
    }
}

impl Header {
    fn read(bytes: &[u8]) -> Result<Self, Denial> {
        let mut object = unique_json::object(bytes).ok_or(Reason::TokenMalformed)?;
        if FORBIDDEN.iter().any(|name| object.contains_key(*name)) {
            return Err(Reason::TokenHeaderNotAllowed.into());
        }
        if TEXTS.iter().any(|name| object.get(*name).is_some_and(|value| !value.is_string())) {
            return Err(Denial::new(Reason::TokenMalformed).with_detail("a header parameter is not a text"));
        }
        let mut take = |name: &str| match object.remove(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        let alg = take("alg").ok_or(Reason::TokenMalformed)?;
        let algorithm = ALGORITHMS.into_iter().find(|algorithm| algorithm.name() == alg);
        let algorithm = algorithm.ok_or(Reason::TokenAlgorithmNotAllowed)?;
        Ok(Self { algorithm, typ: take("typ"), kid: take("kid") })
    }
}
