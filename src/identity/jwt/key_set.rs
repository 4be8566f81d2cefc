//! An issuer's public keys, from a JWK Set (RFC 7517).
//!
//! A key that cannot verify a token of this issuer is passed over, as section 5 asks: other key types, other
//! curves, keys for encryption or for X.509-SVIDs, RSA below 2048 bits. A set with nothing left is refused, so that a broken
//! document never replaces a good one. A SPIFFE bundle is a set, too.

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::config::Algorithm;
use crate::identity::jose::{ALGORITHMS, Header, VerifyingKey, verifying_key};
use crate::unique_json;

/// A larger key set is not read.
pub const MAX_KEY_SET_BYTES: usize = 256 * 1024;
const MAX_KEYS: usize = 100;
/// So many keys are tried for a token that does not name its own. Who sends one chooses how often a signature is verified.
const MAX_TRIED: usize = 8;

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
    /// The member `issuer` of a key that serves one tenant alone; Entra writes it into the set that all tenants share.
    issuer: Option<String>,
}

/// The keys that may have signed a token; at least one.
pub(super) struct Chosen<'a> {
    first: &'a VerifyingKey,
    others: Vec<&'a VerifyingKey>,
    pub(super) by: ChosenBy,
}

/// How keys were chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChosenBy {
    KeyId,
    /// For want of a `kid`, in the token or in the set. A newer set may have the token's key.
    Algorithm,
}

/// Why no key was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoKey {
    /// No key has this `kid`, or none has this algorithm; a newer set may.
    Unknown,
    /// The key with this `kid` is for another algorithm.
    OtherAlgorithm,
    /// More keys fit than are tried.
    Ambiguous,
}

/// The key sets of remote issuers, as far as they have arrived.
pub trait RemoteKeys {
    /// The latest set of the issuer with this index.
    fn key_set(&self, issuer: usize) -> Option<&KeySet>;
}

/// By index; past the end, none has arrived.
impl RemoteKeys for Vec<Option<KeySet>> {
    fn key_set(&self, issuer: usize) -> Option<&KeySet> {
        self.get(issuer)?.as_ref()
    }
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
            true => Err("a key set without a usable key; it needs a public signature key for one of the issuer's `algorithms` (RSA from 2048 bits, P-256, P-384, P-521 or Ed25519)".to_owned()),
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

    /// The keys for a token of `tenant`, where its issuer has tenants: those of its `kid`. Where either side has none, those
    /// for its algorithm.
    pub(super) fn choose(&self, header: &Header, tenant: Option<&str>) -> Result<Chosen<'_>, NoKey> {
        let kid = header.kid.as_deref();
        let is_of_set = |entry: &&Entry| kid.is_some() && entry.kid.as_deref() == kid;
        let by = match self.entries.iter().any(|entry| is_of_set(&entry)) {
            true => ChosenBy::KeyId,
            false => ChosenBy::Algorithm,
        };
        let mut fitting = self.entries.iter().filter(|entry| {
            let may_be_named = match by {
                ChosenBy::KeyId => is_of_set(entry),
                ChosenBy::Algorithm => kid.is_none() || entry.kid.is_none(),
            };
            may_be_named && entry.algorithm == header.algorithm && entry.serves(tenant)
        });
        let first = fitting.next().ok_or(match by {
            ChosenBy::KeyId => NoKey::OtherAlgorithm,
            ChosenBy::Algorithm => NoKey::Unknown,
        })?;
        let others: Vec<_> = fitting.map(|entry| &entry.key).take(MAX_TRIED).collect();
        match others.len() < MAX_TRIED {
            true => Ok(Chosen { first: &first.key, others, by }),
            false => Err(NoKey::Ambiguous),
        }
    }
}

impl<'a> Chosen<'a> {
    pub(super) fn keys(&self) -> impl Iterator<Item = &'a VerifyingKey> {
        std::iter::once(self.first).chain(self.others.iter().copied())
    }
}

impl Entry {
    fn serves(&self, tenant: Option<&str>) -> bool {
        match (&self.issuer, tenant) {
            (Some(issuer), Some(tenant)) => issuer.split('/').any(|segment| segment == tenant),
            _ => true,
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
    // `{tenantid}` in it stands for every tenant.
    let issuer = key.get("issuer").and_then(Value::as_str).filter(|issuer| !issuer.contains('{'));
    let compiled = ALGORITHMS.into_iter().filter(fits).filter_map(|algorithm| {
        let verifying = verifying_key(key, algorithm)?;
        Some(Entry { kid: kid.clone(), algorithm, key: verifying, issuer: issuer.map(str::to_owned) })
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
    // The second is what SPIFFE's bundles say of the keys for JWT-SVIDs.
    let signs = |usage: &Value| usage == "sig" || usage == "jwt-svid";
    is_public && key.get("use").is_none_or(signs) && key.get("key_ops").is_none_or(verifies)
}

#[cfg(test)]
mod tests;
