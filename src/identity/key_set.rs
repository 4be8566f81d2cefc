//! An issuer's public keys, from a JWK Set (RFC 7517).
//!
//! A key that cannot verify a token of this issuer is passed over, as section 5 asks: other key types, other
//! curves, encryption keys, RSA below 2048 bits. A set with nothing left is refused, so that a broken
//! document never replaces a good one.

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::base64url::base64url;
use super::compact::ALGORITHMS;
use super::signature::VerifyingKey;
use super::unique_json;
use crate::config::Algorithm;

/// A larger key set is not read.
pub const MAX_KEY_SET_BYTES: usize = 256 * 1024;
const MAX_KEYS: usize = 100;

/// The keys of one issuer that can verify its tokens, each compiled once.
#[derive(Debug)]
pub struct KeySet {
    entries: Vec<Entry>,
    /// SHA-256 of the document.
    digest: [u8; 32],
}

/// One key for one algorithm; an RSA key without `alg` gives several.
#[derive(Debug)]
struct Entry {
    kid: Option<String>,
    algorithm: Algorithm,
    key: VerifyingKey,
}

/// Why no key was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoKey {
    /// No key has this `kid`, or none has this algorithm; a newer set may.
    Unknown,
    /// The key with this `kid` is for another algorithm.
    OtherAlgorithm,
    /// Several keys fit.
    Ambiguous,
}

impl KeySet {
    /// Reads a JWK Set for an issuer that signs with `algorithms`.
    ///
    /// # Errors
    /// One line for the operator where the document is no key set, is too large, or has no usable key.
    pub fn parse(document: &[u8], algorithms: &[Algorithm]) -> Result<Self, String> {
        if document.len() > MAX_KEY_SET_BYTES {
            return Err(format!(
                "a key set of {} bytes; at most {MAX_KEY_SET_BYTES} are read",
                document.len()
            ));
        }
        let not_a_set = "not a JWK Set; write an object with a list `keys` and no repeated names";
        let mut object = unique_json::object(document).ok_or(not_a_set)?;
        let Some(Value::Array(keys)) = object.remove("keys") else { return Err(not_a_set.to_owned()) };
        if keys.len() > MAX_KEYS {
            return Err(format!("a key set of {} keys; at most {MAX_KEYS} are read", keys.len()));
        }
        let mut entries: Vec<Entry> = Vec::new();
        for (index, key) in keys.iter().enumerate() {
            // The very same key twice is one key.
            if !keys.iter().take(index).any(|earlier| earlier == key) {
                entries.extend(key.as_object().into_iter().flat_map(|key| usable(key, algorithms)));
            }
        }
        match entries.is_empty() {
            true => Err("a key set without a usable key; it needs a public signature key for one of the issuer's `algorithms` (RSA from 2048 bits, P-256, P-384 or Ed25519)".to_owned()),
            false => Ok(Self { entries, digest: Sha256::digest(document).into() }),
        }
    }

    /// True where both were read from the same document.
    pub(super) fn is_same_document(&self, other: &Self) -> bool {
        self.digest == other.digest
    }

    /// The `kid`s of the set.
    pub fn kids(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter_map(|entry| entry.kid.as_deref())
    }

    /// The key for a token: by `kid`, or the only one there is for the algorithm.
    pub(super) fn choose(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<&VerifyingKey, NoKey> {
        let named = |entry: &&Entry| kid.is_none() || entry.kid.as_deref() == kid;
        let mut fitting = self.entries.iter().filter(named).filter(|entry| entry.algorithm == algorithm);
        match (fitting.next(), fitting.next()) {
            (Some(entry), None) => Ok(&entry.key),
            (Some(_), Some(_)) => Err(NoKey::Ambiguous),
            (None, _) if kid.is_some() && self.entries.iter().any(|entry| named(&entry)) => {
                Err(NoKey::OtherAlgorithm)
            }
            (None, _) => Err(NoKey::Unknown),
        }
    }
}

/// What a key can verify for this issuer; nothing where it is not for signatures or does not compile.
fn usable(key: &Map<String, Value>, algorithms: &[Algorithm]) -> Vec<Entry> {
    if !is_for_verifying(key) {
        return Vec::new();
    }
    let kid = match key.get("kid") {
        Some(Value::String(kid)) => Some(kid.clone()),
        Some(_) => return Vec::new(),
        None => None,
    };
    let fits = |algorithm: &Algorithm| {
        algorithms.contains(algorithm)
            && key.get("alg").is_none_or(|alg| alg.as_str().is_some_and(|alg| is_named(*algorithm, alg)))
    };
    let compiled = ALGORITHMS.into_iter().filter(fits).filter_map(|algorithm| {
        Some(Entry { kid: kid.clone(), algorithm, key: verifying_key(key, algorithm)? })
    });
    compiled.collect()
}

/// RFC 9864 gives the algorithm of Ed25519 keys its full name; tokens still say `EdDSA`.
fn is_named(algorithm: Algorithm, alg: &str) -> bool {
    algorithm.name() == alg || (algorithm == Algorithm::EdDSA && alg == "Ed25519")
}

fn is_for_verifying(key: &Map<String, Value>) -> bool {
    let verifies = |operations: &Value| {
        operations
            .as_array()
            .is_some_and(|operations| operations.iter().any(|operation| operation == "verify"))
    };
    // A set that publishes a private key proves nothing by it.
    let is_public = !key.contains_key("d");
    is_public && key.get("use").is_none_or(|usage| usage == "sig") && key.get("key_ops").is_none_or(verifies)
}

pub(super) fn verifying_key(key: &Map<String, Value>, algorithm: Algorithm) -> Option<VerifyingKey> {
    let text = |name: &str| key.get(name).and_then(Value::as_str);
    let bytes = |name: &str| text(name).and_then(base64url);
    let of_size = |name: &str, size: usize| bytes(name).filter(|bytes| bytes.len() == size);
    let elliptic = |curve: &str, size: usize| {
        let point = [vec![4], of_size("x", size)?, of_size("y", size)?].concat();
        (text("crv")? == curve).then(|| VerifyingKey::elliptic(algorithm, &point))?
    };
    match (text("kty")?, algorithm) {
        ("RSA", Algorithm::RS256 | Algorithm::RS384 | Algorithm::RS512 | Algorithm::PS256) => {
            VerifyingKey::rsa(algorithm, &bytes("n")?, &bytes("e")?)
        }
        ("EC", Algorithm::ES256) => elliptic("P-256", 32),
        ("EC", Algorithm::ES384) => elliptic("P-384", 48),
        ("OKP", Algorithm::EdDSA) if text("crv")? == "Ed25519" => VerifyingKey::ed25519(&of_size("x", 32)?),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
