//! What the key of a feed is good for, as its entry says it and as it is sealed.

use super::owner::{Holder, Owner};
use crate::identity::Limits;

/// What the key of a feed is good for. An entry and what is sealed in it must say the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms<'a> {
    pub(super) id: &'a str,
    pub(super) tenant: &'a str,
    pub(super) subject: Option<&'a str>,
    /// The issuer of the subject.
    pub(super) issuer: Option<&'a str>,
    pub(super) upstreams: &'a [String],
    pub(super) models: Option<&'a [String]>,
}

impl Terms<'_> {
    /// Whose account it is. A subject without an issuer is nobody, and no entry has one.
    pub(super) fn holder(&self) -> Holder {
        let tenant = self.tenant.to_owned();
        match (self.subject, self.issuer) {
            (None, None) => Holder::Tenant(tenant),
            (subject, issuer) => Holder::User(Owner {
                tenant,
                subject: subject.unwrap_or_default().to_owned(),
                issuer: issuer.unwrap_or_default().to_owned(),
            }),
        }
    }

    pub(super) fn limits(&self) -> Limits {
        Limits { models: self.models.map(<[String]>::to_vec), ..Limits::default() }
    }
}
