//! How a call was decided, with what only that decision has.

use std::rc::Rc;

use super::own_answer::OwnAnswer;
use super::rewriting::Rewriting;
use super::settled::Settled;
use crate::credentials::{Picked, Token};
use crate::denial::Denial;
use crate::holding::Share;
use crate::upstream::{Passport, Proofs};

/// How a call was decided.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "a call has one, and a box would cost each that is forwarded an allocation"
)]
pub(in crate::gateway) enum Verdict {
    /// With what is held of it; `None` until it waits for the first time.
    Undecided(Option<Share>),
    Forwarded(Forwarded),
    /// Let through without a credential.
    Open,
    /// The gateway has given what it was asked for.
    Answered(OwnAnswer),
    Refused(Denial),
}

/// What an entry of `credentials` has given for the provider.
#[derive(Debug)]
pub(in crate::gateway) enum Supplied {
    Token(Rc<Token>),
    /// One of several keys.
    Key(Picked),
}

/// What goes on with a call that policy and quota have let through.
#[derive(Debug)]
pub(in crate::gateway) struct Forwarded {
    pub(in crate::gateway) proofs: Proofs,
    /// What the decision rests on, which may be that of other calls too.
    pub(in crate::gateway) settled: Rc<Settled>,
    /// What an entry of `credentials` has given; `None` where none does.
    pub(in crate::gateway) supplied: Option<Supplied>,
    /// What the filter on the cluster demands; `None` where the credential goes on in the listener's chain.
    pub(in crate::gateway) passport: Option<Passport>,
    pub(in crate::gateway) rewriting: Rewriting,
}
