//! Whose a key is: a tenant's subject, as its issuer names it.

use crate::denial::{Denial, Reason};
use crate::identity::{Kind, Principal};

/// Whose a key is. All three are there, so that two whose names are not known are never the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) tenant: String,
    pub(super) subject: String,
    pub(super) issuer: String,
}

/// Whose account at the provider a key is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    User(Owner),
    /// Everybody's of this tenant.
    Tenant(String),
}

impl Owner {
    /// Whom this caller calls for; `None` where it does not say all three. An API key has no issuer: it is a program's, and
    /// several programs may have one.
    pub(super) fn of(principal: &Principal) -> Option<Self> {
        let there = |text: Option<&String>| text.filter(|text| !text.is_empty()).cloned();
        Some(Self {
            tenant: there(principal.tenant.as_ref())?,
            subject: there(Some(&principal.subject))?,
            issuer: there(principal.issuer.as_ref())?,
        })
    }

    /// Who may seal a key: the owner with a credential of its issuer, and nobody for it. A token of this gateway's own is for
    /// minutes, and what is sealed with it would be for months.
    pub(super) fn who_seals(principal: &Principal) -> Result<Self, Denial> {
        let denied = |why| Err(Denial::new(Reason::ProviderKeyRequestDenied).with_detail(why));
        if principal.minted.is_some() {
            return denied(
                "a token of this gateway cannot seal a key; send the credential that it was got with",
            );
        }
        if principal.kind == Kind::ApiKey {
            return denied("an API key is a program's; send a user's token");
        }
        if !principal.actors.is_empty() {
            return denied("the token is an agent's that acts for the user; send the user's own");
        }
        match Self::of(principal) {
            Some(owner) => Ok(owner),
            None => denied("the credential does not name a tenant, a subject and an issuer"),
        }
    }
}
