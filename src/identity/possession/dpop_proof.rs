//! One DPoP proof (RFC 9449 section 4): a JWT that brings its own public key and says for which request it is good.
//!
//! It is read, compared with the request and verified in this order, from cheap to dear. It does not remember which
//! proofs were used, and it does not say whose key it is.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::public_urls::PublicUrls;
use crate::config::{Algorithm, Span, Thumbprint};
use crate::denial::{Denial, Reason};
use crate::identity::claim::numeric_date;
use crate::identity::jose::{
    Compact, EngineAnswer, Header, Question, VerifyingKey, base64url, thumbprint, verifying_key,
};
use crate::request::RequestHead;
use crate::unique_json;

pub(super) const HEADER: &str = "dpop";
const TYPE: &str = "dpop+jwt";

/// Longer proofs are refused unread; one with an RSA key of 4096 bits has less than half of that.
const MAX_PROOF_BYTES: usize = 4096;
/// A longer `jti` is none that a generator makes.
const MAX_ID_BYTES: usize = 256;

/// Header parameters that name another key, or change what is signed.
const FORBIDDEN: [&str; 5] = ["crit", "b64", "jku", "x5u", "x5c"];
/// Members of a JWK that are private (RFC 7518 section 6, RFC 8037 section 2).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// A proof whose header is in order. It has no `Debug`, because it holds the proof.
pub(super) struct DpopProof<'a> {
    token: Compact<'a>,
    key: VerifyingKey,
    pub(super) thumbprint: Thumbprint,
}

/// What a proof must be for.
pub(super) struct Expected<'a> {
    pub(super) request: &'a RequestHead,
    pub(super) urls: &'a PublicUrls,
    pub(super) credential: Credential<'a>,
    pub(super) now_ms: u64,
    pub(super) max_age: Span,
    pub(super) leeway: Span,
}

/// The credential that a proof goes with.
#[derive(Clone, Copy)]
pub(super) enum Credential<'a> {
    /// It is bound to the key, so that the proof must name it by `ath`.
    Bound(&'a [u8]),
    /// A token is asked for with it; then `ath` may be left out (RFC 9449 section 5).
    Asking(&'a [u8]),
}

/// What a proof that fits is remembered by, and how long it would fit.
pub(super) struct ProofId<'a> {
    pub(super) id: &'a str,
    /// Unix milliseconds.
    pub(super) good_until_ms: u64,
}

impl<'a> DpopProof<'a> {
    /// # Errors
    /// Refuses a request without a proof, with several, and with one that is not in order.
    pub(super) fn read(request: &'a RequestHead, algorithms: &[Algorithm]) -> Result<Self, Denial> {
        let mut values = request.values(HEADER);
        let proof = values.next().ok_or(Reason::DpopProofMissing)?;
        if values.next().is_some() || proof.contains(&b',') {
            return Err(malformed("`DPoP` came more than once"));
        }
        let proof = std::str::from_utf8(proof).ok().filter(|proof| proof.len() <= MAX_PROOF_BYTES);
        let proof = proof.ok_or_else(|| malformed("it is longer than is read, or no text"))?;
        let parts = || {
            let (signed, signature) = proof.rsplit_once('.')?;
            let (header, claims) = signed.split_once('.')?;
            let object = |text: &str| base64url(text).and_then(|bytes| unique_json::object(&bytes));
            Some((signed, object(header)?, object(claims)?, base64url(signature)?))
        };
        let (signed, header, claims, signature) = parts().ok_or_else(|| malformed("it is no signed JWT"))?;
        let (algorithm, jwk) = header_of(&header, algorithms)?;
        let key = verifying_key(jwk, algorithm).zip(thumbprint(jwk));
        let (key, thumbprint) = key.ok_or_else(|| malformed("`jwk` is no public key for `alg`"))?;
        let header = Header { algorithm, typ: None, kid: None };
        Ok(Self { token: Compact { header, claims, token: proof, signed, signature }, key, thumbprint })
    }

    /// Compares the proof with what it must be for.
    ///
    /// # Errors
    /// Refuses one for another method, URL, credential or time, and one without an id.
    pub(super) fn fits(&self, expected: &Expected<'_>) -> Result<ProofId<'_>, Denial> {
        let claims = &self.token.claims;
        if text(claims, "htm")? != expected.request.method() {
            return Err(mismatch("`htm` is another method"));
        }
        if !expected.urls.name(text(claims, "htu")?, expected.request.path_only()) {
            return Err(mismatch("`htu` is not the URL of this request, as callers of this gateway know it"));
        }
        require_credential(claims, expected.credential)?;
        let good_until_ms = good_until(claims, expected)?;
        let id = text(claims, "jti")?;
        match id.len() <= MAX_ID_BYTES {
            true => Ok(ProofId { id, good_until_ms }),
            false => Err(malformed("`jti` is longer than is read")),
        }
    }

    pub(super) fn nonce(&self) -> Option<&str> {
        self.token.claims.get("nonce").and_then(Value::as_str)
    }

    /// Proves that the holder of the key made the proof; by an engine outside where there is one.
    ///
    /// # Errors
    /// Refuses a signature that does not verify.
    pub(super) fn verify(&self, engine: &dyn Fn(&Question<'_>) -> EngineAnswer) -> Result<(), Denial> {
        let question = self.key.question(&self.token);
        let is_valid = match question.map_or(EngineAnswer::Unavailable, |question| engine(&question)) {
            EngineAnswer::Valid => true,
            EngineAnswer::Invalid => false,
            EngineAnswer::Unavailable => self.key.signed(self.token.signed.as_bytes(), &self.token.signature),
        };
        match is_valid {
            true => Ok(()),
            false => Err(Reason::DpopProofSignatureInvalid.into()),
        }
    }
}

/// The algorithm and the key of a header that has nothing which must not be there.
fn header_of<'a>(
    header: &'a Map<String, Value>,
    algorithms: &[Algorithm],
) -> Result<(Algorithm, &'a Map<String, Value>), Denial> {
    let text = |name: &str| header.get(name).and_then(Value::as_str);
    // RFC 7515 section 4.1.9: in any case.
    if !text("typ").is_some_and(|typ| typ.eq_ignore_ascii_case(TYPE)) {
        return Err(malformed("`typ` is not `dpop+jwt`"));
    }
    if FORBIDDEN.iter().any(|name| header.contains_key(*name)) {
        return Err(malformed("the header has `crit`, `b64`, `jku`, `x5u` or `x5c`"));
    }
    let alg = text("alg").unwrap_or_default();
    let algorithm = algorithms.iter().find(|algorithm| algorithm.name() == alg);
    let algorithm = *algorithm.ok_or_else(|| malformed("`alg` is none that is accepted here"))?;
    let jwk = header.get("jwk").and_then(Value::as_object);
    let jwk = jwk.ok_or_else(|| malformed("the header has no `jwk`"))?;
    if PRIVATE.iter().any(|name| jwk.contains_key(*name)) {
        return Err(malformed("`jwk` is a private key, which must be replaced now"));
    }
    match jwk.get("alg").is_none_or(|other| other == alg) {
        true => Ok((algorithm, jwk)),
        false => Err(malformed("`jwk` is for another `alg`")),
    }
}

/// Base64url of SHA-256 over the credential as it was sent (RFC 9449 section 4.2).
fn require_credential(claims: &Map<String, Value>, credential: Credential<'_>) -> Result<(), Denial> {
    let credential = match credential {
        Credential::Asking(_) if !claims.contains_key("ath") => return Ok(()),
        Credential::Bound(credential) | Credential::Asking(credential) => credential,
    };
    let named = Thumbprint::of_base64url(text(claims, "ath")?);
    match named == Some(Thumbprint::of_digest(Sha256::digest(credential).into())) {
        true => Ok(()),
        false => Err(mismatch("`ath` is not the hash of the credential in `Authorization`")),
    }
}

/// Until when the proof is good, by the caller's clock and by ours.
fn good_until(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<u64, Denial> {
    let time = |name: &str| numeric_date(claims, name).map_err(|_| malformed(format!("`{name}` is no time")));
    let issued_ms = time("iat")?.ok_or_else(|| malformed("`iat` is missing"))?;
    let latest_ms = expected.now_ms.saturating_add(expected.leeway.milliseconds());
    if issued_ms > latest_ms || time("nbf")?.is_some_and(|time| time > latest_ms) {
        return Err(Denial::new(Reason::DpopProofOutOfTime)
            .with_detail("it is of the future; look at the caller's clock"));
    }
    let until_ms = issued_ms.saturating_add(expected.max_age.milliseconds());
    let until_ms = time("exp")?.map_or(until_ms, |time| time.min(until_ms));
    match until_ms > expected.now_ms {
        true => Ok(until_ms),
        false => Err(Denial::new(Reason::DpopProofOutOfTime)
            .with_detail(format!("it is older than {}; make one for each request", expected.max_age))),
    }
}

/// A claim that must be there and not be empty.
fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Result<&'a str, Denial> {
    let text = claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    text.ok_or_else(|| malformed(format!("`{name}` is missing or no text")))
}

fn malformed(detail: impl Into<String>) -> Denial {
    Denial::new(Reason::DpopProofMalformed).with_detail(detail)
}

fn mismatch(detail: &str) -> Denial {
    Denial::new(Reason::DpopProofMismatch).with_detail(detail)
}
