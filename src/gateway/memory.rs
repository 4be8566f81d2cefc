//! What one worker remembers of the calls it has decided, each part under the name of what it was worked out from.
//!
//! Three things are remembered: who a credential proves, what a path asks, and what is [`Settled`] of both together.
//! Nothing of the last is remembered where an expression that was run reads more than who calls, what the path asks and
//! which upstream it is for: not the headers, the body, the time or the address.

use std::cell::OnceCell;
use std::rc::Rc;

use crate::dialect::Operation;
use crate::expression::Reads;
use crate::identity::Proof;
use crate::ledger::Allotments;
use crate::policy::Permit;
use crate::quota::Charges;
use crate::recall::{Recall, Uses};
use crate::upstream::Attachment;

/// The most paths, and the most pairs of caller and path.
const OPERATIONS: usize = 1000;
const SETTLED: usize = 2000;

/// One worker's memory under one configuration.
#[derive(Debug)]
pub struct Memory {
    pub(super) proven: Recall<Proof>,
    pub(super) operations: Recall<Rc<Operation>>,
    pub(super) settled: Recall<Rc<Settled>>,
    pub(super) allotments: Allotments,
}

/// What is settled of a call before anything is spent on it.
pub(super) struct Settled {
    pub(super) permit: Rc<Permit>,
    pub(super) attachment: Attachment,
    /// `None` where what is charged depends on more than is remembered.
    pub(super) charges: Option<Charges>,
    /// What the record says of the call, as JSON, once it has been said.
    pub(super) subject: OnceCell<String>,
}

impl Memory {
    /// Remembers at most so many credentials; the key must be random.
    pub fn new(credentials: usize, key: &[u8; 16]) -> Self {
        // Where no credential is remembered, nothing is: each request is decided as the first one.
        let others = |most: usize| if credentials == 0 { 0 } else { most };
        Self {
            proven: Recall::new(credentials, key),
            operations: Recall::new(others(OPERATIONS), key),
            settled: Recall::new(others(SETTLED), key),
            allotments: Allotments::default(),
        }
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

    /// How often a credential was remembered since the last call.
    pub fn take_credential_uses(&self) -> Uses {
        self.proven.take_uses()
    }
}

/// True where nothing is read but who calls, what the path asks, and the upstream; of a call whose body nobody reads.
pub(super) fn is_settled_by_path(reads: &Reads) -> bool {
    reads.all(|variable, field| match (variable, field) {
        ("principal" | "llm" | "upstream", _) => true,
        ("request", Some(field)) => matches!(field, "method" | "path" | "query"),
        _ => false,
    })
}

impl std::fmt::Debug for Settled {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Settled")
    }
}
