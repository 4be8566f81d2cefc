//! What goes on to the provider with a request, and what that costs.

use std::rc::Rc;

use super::credential::AccountOwner;
use super::headers::{Place, Setting};
use crate::credentials::{Chosen, Member, Token};
use crate::own_key::OwnKey;
use crate::policy::Permit;
use crate::quota::Admission;

/// The two proofs that a provider credential costs.
#[derive(Debug)]
pub struct Proofs {
    pub permit: Rc<Permit>,
    pub admission: Admission,
}

/// What goes on whatever a principal asks of an upstream by one operation; only `Upstream::attach` can read it. It
/// has no `Debug`, because it holds the provider's credential.
///
/// It is remembered with the verdict, so it holds the choice of what is another one at each pass, and never one of them.
#[derive(Clone)]
pub struct Attachment {
    pub(super) settings: Rc<[Setting]>,
    pub(super) later: Later,
    /// Where the provider wants a key.
    pub(super) place: Place,
    pub(super) owner: AccountOwner,
}

/// What goes on beside the settings.
#[derive(Clone)]
pub(super) enum Later {
    Nothing,
    /// What this entry of `credentials` gives.
    Entry(Chosen),
    /// The caller's own key.
    OwnKey,
}

/// What goes on beside an [`Attachment`]: it is got anew at each pass, and never remembered with the verdict.
#[derive(Clone, Copy)]
pub enum Fresh<'a> {
    Token(&'a Token),
    Member(&'a Member),
    OwnKey(&'a OwnKey),
}

impl Attachment {
    /// The entry of `credentials` that gives what goes on; `None` where none does.
    pub fn chosen(&self) -> Option<&Chosen> {
        match &self.later {
            Later::Entry(chosen) => Some(chosen),
            Later::Nothing | Later::OwnKey => None,
        }
    }

    /// True where the caller's own key goes on.
    pub fn takes_own_key(&self) -> bool {
        matches!(self.later, Later::OwnKey)
    }

    /// Whose account at the provider it is for.
    pub fn owner(&self) -> AccountOwner {
        self.owner
    }
}
