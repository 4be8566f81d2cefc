//! Nonces that the gateway gives for proofs (RFC 9449 sections 8 and 9), without remembering them.
//!
//! A nonce is the HMAC of the time, in slots, under a key that all workers share: whoever has one was here in this slot
//! or in the one before. It does not bind a caller to anything else.

use ct_codecs::{Base64UrlSafeNoPadding, Encoder};
use hmac_sha256::HMAC;

use super::proof_table::ProofTable;
use crate::config::{ConfigError, Dpop, Nonce, SecretSource};
use crate::denial::{Denial, Reason};
use crate::secret::{Environment, Secret};

/// Enough that nobody guesses one.
const NONCE_BYTES: usize = 16;
const SHORTEST_KEY: usize = 32;

/// The nonces of one configuration.
#[derive(Debug)]
pub(super) struct Nonces {
    /// A nonce is good for at least this long, and less than twice that.
    slot_ms: u64,
    key: Key,
}

/// What makes the nonces.
#[derive(Debug)]
enum Key {
    /// Random bytes in the ledger.
    Shared,
    /// `None` where the environment has no such variable.
    Own(Option<Secret>),
}

impl Nonces {
    /// `None` where the configuration wants none.
    pub(super) fn compile(dpop: &Dpop, environment: Environment<'_>) -> Result<Option<Self>, ConfigError> {
        match (dpop.nonce, &dpop.nonce_key) {
            (Nonce::None, None) => Ok(None),
            (Nonce::None, Some(_)) => {
                let why = "it makes nonces, and none are given; write `nonce: required`";
                Err(ConfigError::new("dpop.nonce_key", why))
            }
            (Nonce::Required, key) => {
                let key = Key::compile(key.as_ref(), environment)?;
                Ok(Some(Self { slot_ms: dpop.max_age.milliseconds(), key }))
            }
        }
    }

    /// True where the key is random bytes that all workers share.
    pub(super) fn want_shared_key(&self) -> bool {
        matches!(self.key, Key::Shared)
    }

    pub(super) fn fresh(&self, table: &ProofTable<'_>) -> Result<String, Denial> {
        Ok(of_slot(&self.key.secret(table)?, self.slot(table.now_ms)))
    }

    pub(super) fn admit(&self, nonce: Option<&str>, table: &ProofTable<'_>) -> Result<(), Denial> {
        let (key, slot) = (self.key.secret(table)?, self.slot(table.now_ms));
        let is_of =
            |slot: u64| nonce.is_some_and(|nonce| Secret::new(nonce) == Secret::new(of_slot(&key, slot)));
        match is_of(slot) || is_of(slot.saturating_sub(1)) {
            true => Ok(()),
            false => Err(Reason::DpopNonceRequired.into()),
        }
    }

    fn slot(&self, now_ms: u64) -> u64 {
        now_ms.checked_div(self.slot_ms).unwrap_or_default()
    }
}

impl Key {
    fn compile(key: Option<&SecretSource>, environment: Environment<'_>) -> Result<Self, ConfigError> {
        let at = "dpop.nonce_key";
        let Some(source) = key else { return Ok(Self::Shared) };
        let SecretSource::Env(name) = source;
        let secret = source.read(at, environment)?;
        match secret.as_ref().is_some_and(|secret| secret.expose().len() < SHORTEST_KEY) {
            true => {
                let why = format!("the value of `{name}` has less than {SHORTEST_KEY} bytes");
                Err(ConfigError::new(at, why))
            }
            false => Ok(Self::Own(secret)),
        }
    }

    fn secret(&self, table: &ProofTable<'_>) -> Result<Secret, Denial> {
        let found = match self {
            Self::Own(secret) => secret.clone(),
            Self::Shared => table.shared_key()?,
        };
        found.ok_or_else(|| {
            Denial::new(Reason::PossessionUnavailable).with_note("there is no key that makes nonces")
        })
    }
}

fn of_slot(key: &Secret, slot: u64) -> String {
    let message = [b"claimgate dpop nonce".as_slice(), &slot.to_be_bytes()].concat();
    let code = HMAC::mac(message, key.expose());
    let nonce = code.get(..NONCE_BYTES).unwrap_or_default();
    Base64UrlSafeNoPadding::encode_to_string(nonce).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Key, Nonces};
    use crate::denial::Reason;
    use crate::identity::possession::proof_table::ProofTable;
    use crate::ledger::{Ledger, MemoryStore};
    use crate::secret::Secret;

    fn nonces(key: u8) -> Nonces {
        Nonces { slot_ms: 60_000, key: Key::Own(Some(Secret::new([key; 32]))) }
    }

    #[test]
    fn a_nonce_is_good_in_its_slot_and_the_next() {
        let (ledger, store) = (Ledger::new(), MemoryStore::new());
        let at = |now_ms| ProofTable { ledger: &ledger, store: &store, now_ms };
        let own = nonces(7);
        let nonce = own.fresh(&at(120_000)).unwrap();
        let is_good = |nonces: &Nonces, nonce: &str, now_ms| match nonces.admit(Some(nonce), &at(now_ms)) {
            Ok(()) => true,
            Err(denial) => denial.reason() != Reason::DpopNonceRequired,
        };
        for (now_ms, good, note) in [
            (120_000, true, "at once"),
            (179_999, true, "at the end of its slot"),
            (239_999, true, "at the end of the next"),
            (240_000, false, "after that"),
            (119_999, false, "before it was given"),
        ] {
            assert_eq!(is_good(&own, &nonce, now_ms), good, "{note}");
        }
        assert_ne!(own.fresh(&at(180_000)).unwrap(), nonce, "it rotates");
        assert!(!is_good(&nonces(8), &nonce, 120_000), "under another key");
        for wrong in ["", &nonce.to_lowercase(), &format!("{nonce}a")] {
            assert!(!is_good(&own, wrong, 120_000), "`{wrong}`");
        }
        assert!(own.admit(None, &at(120_000)).is_err(), "none");
    }
}
