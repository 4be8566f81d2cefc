//! Credentials for the callers of test scripts: fresh keys and tokens under the ids and issuers of the configuration.
//!
//! What such a token says beside the script's claims is what its issuer demands.
//!
//! The configuration holds hashes and public keys only, so nobody can call with it. For a test, each key
//! entry gets the hash of a key made here, and each issuer a key set whose private key is here. Of an opaque token made here,
//! the runner itself says what its issuer would.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use ed25519_compact::{KeyPair, Seed};
use serde_json::json;

use super::caller::Caller;
use super::token_signer::{TokenSigner, public_key};
use crate::cli::configuration::rule_id;
use crate::cli::randomness::random;
use crate::config::{Algorithm, Attach, Config, Jwks};
use crate::identity::ApiKey;
use crate::secret::Secret;

/// The configuration as scripts are run on it, and the credentials that fit it.
pub(in crate::cli) struct TestCredentials {
    config: Config,
    keys: BTreeMap<String, Secret>,
    signers: BTreeMap<String, TokenSigner>,
}

impl TestCredentials {
    pub(super) fn new(mut config: Config) -> io::Result<Self> {
        // One filter does the work of both halves, so that a script sees what reaches the provider.
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
                let signer = TokenSigner::new(pair.clone(), issuer.clone(), name.clone());
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
