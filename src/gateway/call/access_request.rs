//! Who asks what of which upstream, to be judged.

use super::arrival::Arrival;
use super::identified::Identified;
use super::recognised::Recognised;
use crate::dialect::{BodyForm, Operation};
use crate::identity::Principal;
use crate::own_key::OwnKey;
use crate::policy::CallFacts;
use crate::request::{Moment, RequestHead};
use crate::upstream::Upstream;

/// A call whose caller and operation are known: all that rules, quotas and the upstream are asked about.
#[derive(Clone, Copy)]
pub(in crate::gateway) struct AccessRequest<'a> {
    pub(in crate::gateway) arrival: &'a Arrival,
    pub(in crate::gateway) who: &'a Identified,
    pub(in crate::gateway) what: &'a Recognised,
    pub(in crate::gateway) upstream: &'a Upstream,
}

impl<'a> AccessRequest<'a> {
    pub(in crate::gateway) fn head(self) -> &'a RequestHead {
        &self.arrival.head
    }

    pub(in crate::gateway) fn principal(self) -> &'a Principal {
        self.who.principal()
    }

    pub(in crate::gateway) fn operation(self) -> &'a Operation {
        &self.what.operation
    }

    /// The caller's own key for the provider, where it has brought one.
    pub(in crate::gateway) fn own_key(self) -> Option<&'a OwnKey> {
        self.who.own_key.as_deref()
    }

    /// True where nobody but the caller and its tenant has the account at the provider.
    pub(in crate::gateway) fn has_own_account(self) -> bool {
        self.own_key().is_some() || self.upstream.is_exclusive_to(self.principal())
    }

    /// How the body of this request is written.
    pub(in crate::gateway) fn body_form(self) -> BodyForm {
        self.operation().form_of(self.head())
    }

    /// What expressions see of it.
    pub(in crate::gateway) fn facts(self, moment: Moment) -> CallFacts<'a> {
        CallFacts {
            request: &self.arrival.head,
            request_id: &self.arrival.request_id,
            moment,
            connection: &self.arrival.connection,
            principal: self.principal(),
            anomaly: self.who.anomaly(),
            operation: self.operation(),
            body: self.what.facts(),
            upstream: self.upstream.facts(self.principal().tenant.as_deref(), self.own_key()),
        }
    }
}
