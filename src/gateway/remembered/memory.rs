//! What one worker remembers of the calls it has decided, each part under the name of what it was worked out from.
//!
//! Seven things are remembered: who a credential proves, which token is not active, what a caller's token was exchanged for, what a
//! sealed key is, what a path asks, what is [`Settled`] of both together, and the [`Judgement`] of all calls of which expressions
//! see the same ([`DecisionKey`]).
//! Nothing of the last two is remembered where an expression that was run reads more than who calls, what path and body ask
//! and which upstream it is for: not the headers, the time or the address.

use std::cell::RefCell;
use std::rc::Rc;

use super::decision_key::DecisionKey;
use super::settled_name::SettledName;
use crate::anomaly::PendingTotals;
use crate::cache::{Cache, Fingerprint, Uses};
use crate::credentials::{ExchangeName, Exchanged};
use crate::dialect::Operation;
use crate::gateway::Gateway;
use crate::gateway::call::{Judgement, Settled};
use crate::holding::{Bounds, Holding};
use crate::identity::{CredentialName, Introspected, Principal, Proof};
use crate::ledger::Allotments;
use crate::own_key::OwnKey;
use crate::quota::{UnreportedCharges, Unsettled};

/// The most opened keys, the most paths, the most tokens that are not active, the most that were, the most pairs of caller and path, and the most judgements.
const OWN_KEYS: usize = 1000;
const OPERATIONS: usize = 1000;
const INACTIVE: usize = 1000;
const VOUCHED: usize = 10_000;
const SETTLED: usize = 2000;
const JUDGEMENTS: usize = 2000;

/// One worker's memory under one configuration.
#[derive(Debug)]
pub struct Memory {
    pub(in crate::gateway) proven: Cache<Proof, CredentialName>,
    pub(in crate::gateway) inactive: Cache<Introspected, CredentialName>,
    /// Which tokens issuers have vouched for, though what they said is over.
    vouched: Cache<(), CredentialName>,
    pub(in crate::gateway) brought: Brought,
    pub(in crate::gateway) operations: Cache<Rc<Operation>>,
    pub(in crate::gateway) settled: Cache<Rc<Settled>, SettledName>,
    pub(in crate::gateway) judgements: Cache<Rc<Judgement>, DecisionKey>,
    pub(in crate::gateway) allotments: Allotments,
    pub(in crate::gateway) unreported: UnreportedCharges,
    /// What calls have come to and callers' pasts do not have yet.
    pub(in crate::gateway) pasts: PendingTotals,
    /// What is held of calls that wait.
    pub(in crate::gateway) holding: Rc<Holding>,
    /// What could not be charged yet.
    unsettled: RefCell<Vec<Unsettled>>,
}

/// What callers have brought to go on to providers with, or is kept for them.
#[derive(Debug)]
pub(in crate::gateway) struct Brought {
    /// What has come of their tokens that were exchanged.
    pub(in crate::gateway) exchanged: Cache<Exchanged, ExchangeName>,
    /// Keys, opened; whose they are is asked each time.
    pub(in crate::gateway) own_keys: Cache<Rc<OwnKey>>,
}

impl Gateway {
    /// An empty memory for a worker; the key must be random.
    pub fn memory(&self, key: &[u8; 16]) -> Memory {
        let exchanged = self.rooms.credentials.exchanges().map(|(_, exchange)| exchange.entries()).sum();
        Memory::new((self.settings.credential_cache, exchanged), self.settings.holding, key)
    }
}

impl Memory {
    /// Remembers at most so many credentials, and so many that were exchanged; the key must be random.
    pub fn new((credentials, exchanged): (usize, usize), bounds: Bounds, key: &[u8; 16]) -> Self {
        // Where no credential is remembered, nothing is: each request is decided as the first one.
        let others = |most: usize| if credentials == 0 { 0 } else { most };
        Self {
            proven: Cache::new(credentials, key),
            inactive: Cache::new(others(INACTIVE), key),
            // It proves nothing: whoever asks about one goes before strangers.
            vouched: Cache::new(VOUCHED, key),
            brought: Brought {
                exchanged: Cache::new(exchanged, key),
                own_keys: Cache::new(others(OWN_KEYS), key),
            },
            operations: Cache::new(others(OPERATIONS), key),
            settled: Cache::new(others(SETTLED), key),
            judgements: Cache::new(others(JUDGEMENTS), key),
            allotments: Allotments::default(),
            unreported: UnreportedCharges::default(),
            pasts: PendingTotals::default(),
            holding: Holding::new(bounds),
            unsettled: RefCell::default(),
        }
    }

    /// Remembers that a token is not active, so that its issuer is not asked each time, or that it was.
    pub fn note(&self, name: CredentialName, answer: &Introspected) {
        match answer.is_refusal() {
            true => {
                self.inactive.put(name, answer.clone());
                self.vouched.forget(name);
            }
            false => self.vouched.put(name, ()),
        }
    }

    /// True where the token's issuer has vouched for it before.
    pub fn was_vouched_for(&self, name: CredentialName) -> bool {
        self.vouched.get(name, |()| true).is_some()
    }

    /// Remembers what has come of a caller's token.
    pub fn keep_exchanged(&self, name: ExchangeName, exchanged: Exchanged) {
        self.brought.exchanged.put(name, exchanged);
    }

    /// True where it is known what has come of a caller's token.
    pub fn knows_exchanged(&self, name: ExchangeName, now_ms: u64) -> bool {
        self.brought.exchanged.get(name, |exchanged| exchanged.holds(now_ms)).is_some()
    }

    /// How many credentials are remembered at most.
    pub fn credential_capacity(&self) -> usize {
        self.proven.capacity()
    }

    /// How many credentials are remembered.
    pub fn credentials(&self) -> usize {
        self.proven.len()
    }

    /// What was charged ahead of requests that have not come.
    pub fn allotments(&self) -> &Allotments {
        &self.allotments
    }

    /// What the rate limit service has not been told yet.
    pub fn unreported(&self) -> &UnreportedCharges {
        &self.unreported
    }

    pub(in crate::gateway) fn keep_unsettled(&self, unsettled: Vec<Unsettled>) {
        self.unsettled.borrow_mut().extend(unsettled);
    }

    pub(in crate::gateway) fn take_unsettled(&self) -> Vec<Unsettled> {
        std::mem::take(&mut *self.unsettled.borrow_mut())
    }

    /// How often a credential was remembered since the last call.
    pub fn take_credential_uses(&self) -> Uses {
        self.proven.take_uses()
    }

    /// The name of a principal: the same for all its credentials.
    pub(in crate::gateway) fn caller_name(&self, principal: &Principal) -> Fingerprint {
        let texts = [principal.issuer.as_deref(), principal.tenant.as_deref(), principal.project.as_deref()];
        let [issuer, tenant, project] = texts.map(|text| text.unwrap_or_default().as_bytes());
        self.settled.name(&[issuer, tenant, project, principal.subject.as_bytes()])
    }

    pub(in crate::gateway) fn source_name(&self, address: &str) -> Fingerprint {
        self.settled.name(&[address.as_bytes()])
    }

    /// How many bytes are held of calls that wait.
    pub fn held_bytes(&self) -> u64 {
        self.holding.held()
    }
}
