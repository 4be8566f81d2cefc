//! The callers of the scripts: fresh keys and tokens under the ids and issuers of the configuration.
//!
//! What such a token says beside the script's claims is what its issuer demands.
//!
//! The configuration holds hashes and public keys only, so nobody can call with it. For a test, each key
//! entry gets the hash of a key made here, and each issuer a key set whose private key is here. Of an opaque token made here,
//! the player itself says what its issuer would.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use ct_codecs::{Base64UrlSafeNoPadding, Decoder, Encoder};
use ed25519_compact::{KeyPair, Seed};
use serde_json::{Map, Value, json};

use super::caller::Caller;
use crate::cli::configuration::rule_id;
use crate::cli::randomness::random;
use crate::config::{Algorithm, Attach, Config, Issuer, Jwks};
use crate::identity::{ApiKey, IntrospectionRequest};
use crate::secret::Secret;

/// The longest life of a token made here, in seconds.
const LIFETIME: u64 = 3600;
const KEY_ID: &str = "claimgate-test";
/// What stands before the claims in an opaque token.
const OPAQUE: &str = "opaque.";

/// The configuration as the scripts play it, and the credentials that fit it.
pub(super) struct Cast {
    config: Config,
    keys: BTreeMap<String, Secret>,
    signers: BTreeMap<String, Signer>,
}

struct Signer {
    pair: KeyPair,
    issuer: Issuer,
    /// Which of the issuer's names it signs under.
    name: String,
}

impl Cast {
    pub(super) fn new(mut config: Config) -> io::Result<Self> {
        // One filter plays both halves, so that a script sees what reaches the provider.
        config.attach = Attach::InChain;
        let mut keys = BTreeMap::new();
        for entry in &mut config.keys {
            let secret = ApiKey::mint(random()?);
            let entry = Arc::make_mut(entry);
            entry.hash = ApiKey::hash(&secret);
            keys.insert(entry.id.to_string(), secret);
        }
        let mut signers = BTreeMap::new();
        for issuer in &mut config.issuers {
            let pair = KeyPair::from_seed(Seed::new(random()?));
            if issuer.jwks.is_some() {
                issuer.algorithms = vec![Algorithm::EdDSA];
                issuer.jwks = Some(Jwks::Inline(json!({"keys": [public_key(&pair)]})));
            }
            let signer = |name: String| {
                let signer = Signer { pair: pair.clone(), issuer: issuer.clone(), name: name.clone() };
                (name, signer)
            };
            signers.extend(issuer.names().into_iter().map(signer));
        }
        Ok(Self { config, keys, signers })
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn has_key(&self, id: &str) -> bool {
        self.keys.contains_key(id)
    }

    pub(super) fn has_issuer(&self, issuer: &str) -> bool {
        self.signers.contains_key(issuer)
    }

    pub(super) fn rules_and_quotas(&self) -> impl Iterator<Item = &str> {
        let rules = self.config.policies.iter().map(|rule| rule_id(&rule.file));
        rules.chain(self.config.quotas.iter().map(|quota| quota.id.as_str()))
    }

    /// The header that proves the caller; `None` for one whom the configuration does not have.
    pub(super) fn credential(&self, caller: &Caller, unix_seconds: u64) -> Option<(String, String)> {
        let credential = match (&caller.key, &caller.issuer) {
            (Some(id), _) => String::from_utf8(self.keys.get(id)?.expose().to_vec()).ok()?,
            (None, Some(issuer)) => self.signers.get(issuer)?.token(&caller.claims, unix_seconds)?,
            (None, None) => return None,
        };
        Some(match caller.header.as_deref().unwrap_or("authorization") {
            "authorization" => ("authorization".to_owned(), format!("Bearer {credential}")),
            header => (header.to_ascii_lowercase(), credential),
        })
    }
}

impl Signer {
    fn token(&self, claims: &Map<String, Value>, unix_seconds: u64) -> Option<String> {
        let claims = Value::Object(self.payload(claims, unix_seconds)).to_string();
        let Some(source) = self.issuer.introspection.as_ref().filter(|_| self.issuer.jwks.is_none()) else {
            return self.jwt(&claims);
        };
        let prefix = source.prefix.as_deref().unwrap_or_default();
        Some(format!("{prefix}{OPAQUE}{}", encoded(claims)?))
    }

    fn payload(&self, claims: &Map<String, Value>, unix_seconds: u64) -> Map<String, Value> {
        let longest = self.issuer.max_lifetime.map_or(LIFETIME, |span| span.seconds().min(LIFETIME));
        let mut payload = Map::new();
        let mut tenants = self.issuer.tenants.iter().zip(self.issuer.names());
        if let Some((tenant, _)) = tenants.find(|(_, name)| *name == self.name) {
            payload.insert("tid".to_owned(), json!(tenant));
        }
        for (claim, accepted) in &self.issuer.claim_values {
            payload.insert(claim.clone(), json!(accepted.first()));
        }
        let audience = self.issuer.audience_claim.as_deref().unwrap_or("aud");
        payload.insert(audience.to_owned(), json!(self.issuer.audiences.first()));
        payload.insert("iss".to_owned(), json!(self.name));
        payload.insert("iat".to_owned(), json!(unix_seconds));
        payload.insert("exp".to_owned(), json!(unix_seconds.saturating_add(longest)));
        payload.extend(claims.clone());
        payload.retain(|_, value| !value.is_null());
        payload
    }

    fn jwt(&self, claims: &str) -> Option<String> {
        let header = json!({
            "alg": Algorithm::EdDSA.name(),
            "kid": KEY_ID,
            "typ": self.issuer.types.first().map_or("JWT", String::as_str),
        });
        let signed = format!("{}.{}", encoded(header.to_string())?, encoded(claims)?);
        let signature = self.pair.sk.sign(signed.as_bytes(), None);
        Some(format!("{signed}.{}", encoded(signature.as_ref())?))
    }
}

/// What the issuer of an opaque token made here says of it: a token holds its claims, and is active wherever it says so.
pub(super) fn introspection_answer(request: &IntrospectionRequest<'_>) -> Vec<u8> {
    let claims = request.token().split_once(OPAQUE).and_then(|(_, claims)| {
        let claims = Base64UrlSafeNoPadding::decode_to_vec(claims, None).ok()?;
        serde_json::from_slice::<Map<String, Value>>(&claims).ok()
    });
    let is_active = claims.is_some();
    let mut answer = claims.unwrap_or_default();
    answer.entry("active").or_insert(json!(is_active));
    Value::Object(answer).to_string().into_bytes()
}

/// RFC 8037 section 2.
fn public_key(pair: &KeyPair) -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": KEY_ID, "x": encoded(pair.pk.as_ref())})
}

fn encoded(bytes: impl AsRef<[u8]>) -> Option<String> {
    Base64UrlSafeNoPadding::encode_to_string(bytes).ok()
}
