//! A caller's credential and all that it was got with, and the names by which entries are found.

use crate::identity::{Kind, Principal};

/// The fields by which entries are found, the most telling first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Name {
    Key,
    Jti,
    Subject,
    ServiceAccount,
    Client,
    Actor,
    Tenant,
}

/// One credential.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link<'a> {
    kind: Kind,
    id: &'a str,
    pub(super) issuer: Option<&'a str>,
    /// Unix seconds.
    pub(super) issued_at: Option<u64>,
    pub(super) holder: Holder,
}

/// Whose credential it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    Subject,
    Actor,
}

impl<'a> Link<'a> {
    pub(super) fn key(&self) -> Option<&'a str> {
        (self.kind == Kind::ApiKey).then_some(self.id)
    }

    pub(super) fn jti(&self) -> Option<&'a str> {
        (self.kind != Kind::ApiKey).then_some(self.id)
    }
}

/// The credential that was sent, then its parents.
pub(super) fn links(principal: &Principal) -> impl Iterator<Item = Link<'_>> {
    // A token of the gateway's own has a `jti`, whatever the kind of its parent.
    let kind = if principal.minted.is_some() { Kind::Jwt } else { principal.kind };
    let sent = Link {
        kind,
        id: &principal.credential_id,
        issuer: principal.issuer.as_deref(),
        issued_at: principal.issued_at,
        holder: Holder::Subject,
    };
    let holders = [Holder::Subject].into_iter().chain(std::iter::repeat(Holder::Actor));
    let parents = principal.minted.iter().flat_map(|minted| &minted.parents);
    let parents = parents.zip(holders).map(|(parent, holder)| Link {
        kind: parent.kind,
        id: &parent.id,
        issuer: parent.issuer.as_deref(),
        issued_at: parent.issued_at,
        holder,
    });
    std::iter::once(sent).chain(parents)
}

pub(super) fn names(principal: &Principal) -> impl Iterator<Item = (Name, &str)> {
    let credentials = links(principal).map(|link| match link.kind {
        Kind::ApiKey => (Name::Key, link.id),
        Kind::Jwt | Kind::OpaqueToken => (Name::Jti, link.id),
    });
    let optional = [
        (Name::ServiceAccount, &principal.service_account),
        (Name::Client, &principal.client),
        (Name::Tenant, &principal.tenant),
    ];
    credentials
        .chain([(Name::Subject, principal.subject.as_str())])
        .chain(optional.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))))
        // Who revokes a service account means it wherever it acts.
        .chain(principal.actors.iter().flat_map(|actor| {
            [Name::Actor, Name::Subject, Name::ServiceAccount].map(|name| (name, actor.as_str()))
        }))
}
