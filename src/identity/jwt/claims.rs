//! The claims of a token that is proven.

use serde_json::{Map, Value};

use super::expiry::Expiry;
use crate::identity::principal::Kind;

/// The claims of a token that is proven, by its signature or by its issuer's word; only a verifier makes one.
#[derive(Clone, Debug)]
pub struct Claims {
    pub(super) issuer: usize,
    pub(super) issuer_name: String,
    pub(super) kind: Kind,
    pub(super) kid: Option<String>,
    pub(super) expiry: Option<Expiry>,
    pub(super) claims: Map<String, Value>,
}

impl Claims {
    /// The issuer's index in the configuration.
    pub fn issuer(&self) -> usize {
        self.issuer
    }

    /// The claim `iss`.
    pub fn issuer_name(&self) -> &str {
        &self.issuer_name
    }

    /// The header's `kid`.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The claim `exp` in Unix seconds, rounded up.
    pub fn expires_at(&self) -> Option<u64> {
        self.expiry.map(Expiry::unix_seconds)
    }

    /// From when on the token is refused, the issuer's leeway included; in Unix milliseconds.
    pub fn refused_from_ms(&self) -> u64 {
        self.expiry.map_or(u64::MAX, Expiry::refused_from_ms)
    }

    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    pub fn into_claims(self) -> Map<String, Value> {
        self.claims
    }
}
