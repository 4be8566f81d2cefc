//! What one worker remembers of the calls it has decided, each part under the name of what it was worked out from.
//!
//! Five things are remembered: who a credential proves, which token is not active, what a path asks, what is [`Settled`]
//! of both together, and the [`Judgement`] of all calls of which expressions see the same (`likeness.rs`).
//! Nothing of the last two is remembered where an expression that was run reads more than who calls, what path and body ask
//! and which upstream it is for: not the headers, the time or the address.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use super::call::AccessRequest;
use super::likeness::Likeness;
use super::{Gateway, Known};
use crate::anomaly::PendingTotals;
use crate::audit::Members;
use crate::denial::Denial;
use crate::dialect::{self, BodyForm, Operation};
use crate::holding::{Bounds, Holding};
use crate::identity::{CallerName, CredentialName, Introspected, Proof};
use crate::ledger::Allotments;
use crate::policy::{CallFacts, Permit};
use crate::quota::{Charges, UnreportedCharges, Unsettled};
use crate::upstream::{Attachment, Upstream};

/// The most paths, the most tokens that are not active, the most that were, the most pairs of caller and path, and the most judgements.
const OPERATIONS: usize = 1000;
const INACTIVE: usize = 1000;
const VOUCHED: usize = 10_000;
const SETTLED: usize = 2000;
const JUDGEMENTS: usize = 2000;

/// One worker's memory under one configuration.
#[derive(Debug)]
pub struct Memory {
    pub(super) proven: Cache<Proof, CredentialName>,
    pub(super) inactive: Cache<Introspected, CredentialName>,
    /// Which tokens issuers have vouched for, though what they said is over.
    vouched: Cache<(), CredentialName>,
    pub(super) operations: Cache<Rc<Operation>>,
    pub(super) settled: Cache<Rc<Settled>, SettledName>,
    pub(super) judgements: Cache<Rc<Judgement>, Likeness>,
    pub(super) allotments: Allotments,
    pub(super) debts: UnreportedCharges,
    /// What calls have come to and callers' pasts do not have yet.
    pub(super) pasts: PendingTotals,
    /// What is held of calls that wait.
    pub(super) holding: Rc<Holding>,
    /// What could not be charged yet.
    owed: RefCell<Vec<Unsettled>>,
}

/// Who calls, by what evidence, and what path asks of which upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct SettledName(Fingerprint);

/// What is settled of a call before anything is spent on it.
pub(super) struct Settled {
    pub(super) judgement: Rc<Judgement>,
    /// What the record says of the call, once it has been said.
    pub(super) subject: OnceCell<Members>,
}

/// What rules and quotas say of a call, and what goes on with it.
pub(super) struct Judgement {
    pub(super) permit: Rc<Permit>,
    pub(super) attachment: Attachment,
    /// `None` where what is charged depends on more than is remembered.
    pub(super) charges: Option<Charges>,
}

impl SettledName {
    fn of<T: Clone>(names: &Cache<T, Self>, caller: CallerName, operation: Fingerprint) -> Self {
        Self(names.name(&[&caller.bytes(), &operation.bytes()]))
    }
}

impl Memory {
    /// Remembers at most so many credentials; the key must be random.
    pub fn new(credentials: usize, bounds: Bounds, key: &[u8; 16]) -> Self {
        // Where no credential is remembered, nothing is: each request is decided as the first one.
        let others = |most: usize| if credentials == 0 { 0 } else { most };
        Self {
            proven: Cache::new(credentials, key),
            inactive: Cache::new(others(INACTIVE), key),
            // It proves nothing: whoever asks about one goes before strangers.
            vouched: Cache::new(VOUCHED, key),
            operations: Cache::new(others(OPERATIONS), key),
            settled: Cache::new(others(SETTLED), key),
            judgements: Cache::new(others(JUDGEMENTS), key),
            allotments: Allotments::default(),
            debts: UnreportedCharges::default(),
            pasts: PendingTotals::default(),
            holding: Holding::new(bounds),
            owed: RefCell::default(),
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
    pub fn debts(&self) -> &UnreportedCharges {
        &self.debts
    }

    pub(super) fn owe(&self, owed: Vec<Unsettled>) {
        self.owed.borrow_mut().extend(owed);
    }

    pub(super) fn take_owed(&self) -> Vec<Unsettled> {
        std::mem::take(&mut *self.owed.borrow_mut())
    }

    /// How often a credential was remembered since the last call.
    pub fn take_credential_uses(&self) -> Uses {
        self.proven.take_uses()
    }
}

impl Gateway {
    /// The name under which what is settled of this call is that of all calls of the same caller by the same path; `None`
    /// where more than these decides. What the call says in other headers has been read by then, or is read here.
    pub(super) fn settled_name(&self, request: AccessRequest<'_>, known: &Known<'_>) -> Option<SettledName> {
        if !self.remembers.permits || dialect::names_further_model(request.head()) {
            return None;
        }
        // A form is let pass where JSON must be read, and a header says which it is.
        if request.operation().body_form() == BodyForm::JsonOrMultipart {
            return None;
        }
        Some(SettledName::of(&known.memory.settled, request.who.proven.name, request.what.name))
    }

    /// All that must hold before anything is spent: the rules, and that there is something to attach.
    pub(super) fn settle(&self, request: AccessRequest<'_>, known: &Known<'_>) -> Result<Settled, Denial> {
        let facts = request.facts(known.moment);
        self.require_knowable_model(&facts)?;
        self.require_granted_model(&facts)?;
        let seen = &known.memory.judgements;
        let name = self.likeness(request, known);
        let judgement = match name.and_then(|name| seen.get(name, |_| true)) {
            Some(judgement) => judgement,
            None => {
                let judgement = Rc::new(self.judge_facts(&facts, request.upstream)?);
                if let Some(name) = name {
                    seen.put(name, Rc::clone(&judgement));
                }
                judgement
            }
        };
        Ok(Settled { judgement, subject: OnceCell::new() })
    }

    fn judge_facts(&self, facts: &CallFacts<'_>, upstream: &Upstream) -> Result<Judgement, Denial> {
        let permit = Rc::new(self.rooms.policies.authorize(&self.rooms.engine, facts)?);
        let attachment = upstream.prepare(facts.principal, facts.operation, self.settings.attach)?;
        let charges = match self.remembers.charges {
            true => Some(self.rooms.quotas.charges(&self.rooms.engine, facts)?),
            false => None,
        };
        Ok(Judgement { permit, attachment, charges })
    }
}

impl std::fmt::Debug for Settled {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Settled")
    }
}
