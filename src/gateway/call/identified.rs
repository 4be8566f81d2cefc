//! Who calls: what a credential and its sender have proven, and what is unusual about it.

use std::rc::Rc;

use crate::anomaly::{Anomaly, AnomalyKind};
use crate::identity::{Holder, Principal, Proven};
use crate::own_key::OwnKey;

/// A proven caller.
#[derive(Debug)]
pub(in crate::gateway) struct Identified {
    pub(in crate::gateway) proven: Proven,
    /// What the sender has proven to hold, so that a proof is not asked for again, and not taken for one used before; `None`
    /// until it has.
    pub(in crate::gateway) holder: Option<Holder>,
    /// For the caller's next proof (RFC 9449 section 8.2); `None` where none is wanted, or proofs need no nonce.
    pub(in crate::gateway) nonce: Option<String>,
    /// The caller's own key for the provider, as the last walk has opened it; `None` where the call brings none.
    pub(in crate::gateway) own_key: Option<Rc<OwnKey>>,
    /// What is unusual about the call; `None` until that is looked at, and where the configuration does not ask.
    pub(in crate::gateway) observed: Option<Observed>,
}

/// What was unusual about a call when it came.
#[derive(Clone, Debug)]
pub(in crate::gateway) struct Observed {
    /// `None` where the past could not be read: a rule that reads it then errs.
    pub(in crate::gateway) anomaly: Option<Anomaly>,
    /// What of it is an anomaly.
    pub(in crate::gateway) kinds: Vec<AnomalyKind>,
}

impl Identified {
    /// The caller, as unusual as a script may want it to be.
    pub(in crate::gateway) fn new(proven: Proven, assumed: Option<Anomaly>) -> Self {
        let observed = assumed.map(|anomaly| Observed { anomaly: Some(anomaly), kinds: Vec::new() });
        Self { proven, holder: None, nonce: None, own_key: None, observed }
    }

    pub(in crate::gateway) fn principal(&self) -> &Principal {
        &self.proven.principal
    }

    pub(in crate::gateway) fn anomaly(&self) -> Option<&Anomaly> {
        self.observed.as_ref()?.anomaly.as_ref()
    }
}
