//! What all workers share of proofs, in the ledger: which were used, and the key that makes nonces.
//!
//! What cannot be looked up or remembered is a denial.

use super::dpop_proof::ProofId;
use crate::config::{ConfigError, Dpop, Span, Thumbprint, WindowKind};
use crate::denial::{Denial, Reason};
use crate::identity::principal::Principal;
use crate::ledger::{Change, Entry, Ledger, LedgerError, Namespace, Store, Window, compose};
use crate::secret::Secret;

/// How much longer than a proof its id is remembered: a worker whose clock is behind still takes the proof then.
const CLOCK_SLACK_MS: u64 = 5000;

const SHARED_KEY: Entry<'static> = Entry { namespace: Namespace::SharedKey, key: b"dpop nonce" };

/// The ledger at one moment.
#[derive(Clone, Copy)]
pub struct ProofTable<'a> {
    pub ledger: &'a Ledger,
    pub store: &'a dyn Store,
    /// Unix milliseconds.
    pub now_ms: u64,
}

/// How many proofs one caller, and one tenant, may use within a time. Callers choose the ids of proofs, and without this
/// they could fill the table that all share.
#[derive(Debug)]
pub(super) struct Allowance {
    of_caller: u64,
    of_tenant: u64,
    window: Window,
}

impl Allowance {
    pub(super) fn compile(dpop: &Dpop, within: Span) -> Result<Self, ConfigError> {
        Ok(Self {
            of_caller: dpop.proofs_per_caller,
            of_tenant: dpop.proofs_per_tenant,
            window: Window::compile(WindowKind::Sliding, within)?,
        })
    }
}

impl ProofTable<'_> {
    /// Remembers that a proof by the key of this thumbprint was used.
    ///
    /// # Errors
    /// Refuses one that was used before, and a caller that has used too many.
    pub(super) fn use_up(
        &self,
        proof: &ProofId<'_>,
        thumbprint: &Thumbprint,
        principal: &Principal,
        allowance: &Allowance,
    ) -> Result<(), Denial> {
        let Self { ledger, store, now_ms } = *self;
        let key = compose(&[thumbprint.bytes(), proof.id.as_bytes()]);
        let entry = Entry { namespace: Namespace::Replay, key: &key };
        // Before it is counted: whoever sends somebody's proof again uses up nothing.
        if ledger.read(store, entry, now_ms).map_err(unavailable)?.is_some() {
            return Err(Reason::DpopProofReplayed.into());
        }
        self.count(principal, allowance)?;
        let for_ms = proof.good_until_ms.saturating_sub(now_ms).saturating_add(CLOCK_SLACK_MS);
        match ledger.lease_for(principal.owner(), store, entry, (now_ms, for_ms)).map_err(unavailable)? {
            true => Ok(()),
            false => Err(Reason::DpopProofReplayed.into()),
        }
    }

    fn count(&self, principal: &Principal, allowance: &Allowance) -> Result<(), Denial> {
        let issuer = principal.issuer.as_deref().unwrap_or_default();
        let caller = compose(&[b"dpop proofs", issuer.as_bytes(), principal.subject.as_bytes()]);
        self.count_one(&caller, allowance.of_caller, principal, allowance)?;
        let Some(tenant) = &principal.tenant else { return Ok(()) };
        let tenant = compose(&[b"dpop proofs of a tenant", tenant.as_bytes()]);
        self.count_one(&tenant, allowance.of_tenant, principal, allowance)
    }

    fn count_one(
        &self,
        counted: &[u8],
        limit: u64,
        principal: &Principal,
        Allowance { window, .. }: &Allowance,
    ) -> Result<(), Denial> {
        let counter = window.counter(counted).made_by(principal.owner());
        let count = window.spend(self.ledger, self.store, &counter, limit, 1, self.now_ms);
        let count = count.map_err(unavailable)?;
        match count.admitted {
            true => Ok(()),
            false => Err(Denial::new(Reason::DpopLimitExceeded).retry_after(count.retry_ms.div_ceil(1000))),
        }
    }

    /// Shares random bytes with all workers, where none are shared yet.
    ///
    /// # Errors
    /// As [`Ledger::update`].
    pub fn share_key(&self, random: &[u8; 32]) -> Result<(), LedgerError> {
        self.ledger.update(self.store, SHARED_KEY, self.now_ms, |held| match held {
            Some(_) => Change::Keep(()),
            None => Change::Put { value: random.to_vec(), expires_ms: u64::MAX, result: () },
        })
    }

    /// The random bytes that are shared; `None` where there are none.
    pub(super) fn shared_key(&self) -> Result<Option<Secret>, Denial> {
        let held = self.ledger.read(self.store, SHARED_KEY, self.now_ms).map_err(unavailable)?;
        Ok(held.map(Secret::new))
    }
}

fn unavailable(error: LedgerError) -> Denial {
    let reason = match error {
        LedgerError::Crowded => Reason::DpopLimitExceeded,
        LedgerError::Contended | LedgerError::Full | LedgerError::Absent => Reason::PossessionUnavailable,
    };
    Denial::new(reason).with_note(format!("the table of used proofs: {error}"))
}
