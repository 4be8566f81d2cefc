//! What goes to the provider: the caller's credential comes off, the provider's goes on.
//!
//! `attach` takes a [`Permit`](crate::policy::Permit) and an [`Admission`](crate::quota::Admission), so no path of the code can attach a credential before
//! policy and quota have passed:
//!
//! ```compile_fail
//! // Neither proof can be made outside its room.
//! let permit = claimgate::policy::Permit { shadow_denials: Vec::new() };
//! ```
//!
//! ```compile_fail
//! let admission = claimgate::quota::Admission { rates: claimgate::denial::Rates::at(0), shadow_denials: Vec::new() };
//! ```
//!
//! The headers edited are a closed list (`headers.rs`); `:path`, `:authority` and `:method` are never among
//! them, because Envoy chooses the route again after an edit.

mod headers;
mod credential;
mod places;
mod reuse;
mod stateless;
mod compiling;
mod attachment;
mod attaching;
mod passport;
mod address;
mod url_key;

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;

use crate::config::{self, Asserted, Factor, StreamUsage};
use crate::credentials::Supply;
use crate::denial::{Denial, Reason};
use crate::dialect::{ListedOperation, Operation};
use crate::identity::Principal;
use crate::own_key::OwnKey;
use crate::policy::UpstreamFacts;
use crate::request::Dialect;

pub use address::PublicAddress;
pub use attachment::{Attachment, Fresh, Proofs};
pub use credential::AccountOwner;
use credential::{Choice, Credential};
pub use headers::{
    Edited, HeaderPatch, REQUEST_ID, answer_patch, claims_identity, edited, steers, trailer_patch,
};
pub use passport::{AtHand, Attached, Passport};
use places::Places;
pub use url_key::UrlKey;

/// The upstreams of one configuration, by the name of their Envoy cluster.
#[derive(Debug)]
pub struct Upstreams(HashMap<String, Upstream>);

/// One provider behind one Envoy cluster.
#[derive(Debug)]
// It has more than a dozen fields: what an entry says, compiled.
pub struct Upstream {
    cluster: String,
    dialect: Dialect,
    path_prefix: Option<String>,
    tenant: Option<String>,
    metadata: BTreeMap<String, String>,
    credential: Credential,
    asserted: AssertedAccount,
    operations: Vec<ListedOperation>,
    /// `None` where paths name no project.
    places: Option<Places>,
    price_multiplier: Factor,
    stream_usage: Option<StreamUsage>,
    stateless_responses: Option<config::StatelessResponses>,
    /// Tenants whose credential others reach too, through this upstream or another.
    reused: BTreeSet<String>,
}

/// Whose account the provider is told that a request is for.
#[derive(Debug)]
struct AssertedAccount {
    organization: Option<Asserted>,
    project: Option<Asserted>,
    quota_project: Option<String>,
}

impl Upstreams {
    /// The upstream behind the cluster that Envoy selected.
    pub fn select(&self, cluster: Option<&str>) -> Result<&Upstream, Denial> {
        let cluster = cluster.ok_or(Reason::NoUpstream)?;
        let unknown = || {
            Denial::new(Reason::UpstreamNotConfigured).with_note(format!("cluster `{cluster}` has no entry"))
        };
        self.0.get(cluster).ok_or_else(unknown)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Upstream> {
        self.0.values()
    }
}

impl Upstream {
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    pub fn path_prefix(&self) -> Option<&str> {
        self.path_prefix.as_deref()
    }

    pub fn operations(&self) -> &[ListedOperation] {
        &self.operations
    }

    /// How many times the prices are charged here.
    pub fn price_multiplier(&self) -> Factor {
        self.price_multiplier
    }

    /// Whether its streams are asked for their usage, where that is not as elsewhere.
    pub fn stream_usage(&self) -> Option<StreamUsage> {
        self.stream_usage
    }

    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// What rules see of it, for a caller of this tenant, who may bring its own key.
    pub fn facts(&self, tenant: Option<&str>, own: Option<&OwnKey>) -> UpstreamFacts<'_> {
        UpstreamFacts {
            cluster: &self.cluster,
            tenant: self.tenant.as_deref(),
            metadata: &self.metadata,
            credential: match self.credential.choose(tenant, own) {
                Some(Some(Choice::Entry(chosen))) => Some(&chosen.id),
                _ => None,
            },
            owner: self.credential.owner(tenant, own).name(),
        }
    }

    /// True where the provider account behind the credential is this principal's tenant's alone, so that
    /// what is stored there is nobody else's.
    pub fn is_exclusive_to(&self, principal: &Principal) -> bool {
        let Some(tenant) = &principal.tenant else { return false };
        if self.reused.contains(tenant) || self.is_divided(Some(tenant)) {
            return false;
        }
        self.credential.is_of(tenant)
            || (!self.credential.is_per_tenant() && self.tenant.as_ref() == Some(tenant))
    }

    /// True where two requests of this tenant may meet two accounts, so that what one stores is not there for the other.
    pub fn is_divided(&self, tenant: Option<&str>) -> bool {
        let choice = self.credential.choose(tenant, None).flatten();
        matches!(choice, Some(Choice::Entry(chosen)) if !chosen.is_one_account)
    }

    /// True where every principal that is served has the account for its tenant alone.
    pub fn belongs_to_tenants(&self) -> bool {
        match &self.credential {
            Credential::PerTenant { fallback, .. } => fallback.is_none() && self.reused.is_empty(),
            Credential::Own { fallback } => fallback.is_none() || self.tenant.is_some(),
            Credential::Shared(_) | Credential::Envoy => self.tenant.is_some(),
        }
    }

    /// True where callers' own keys are used.
    pub fn takes_own_keys(&self) -> bool {
        matches!(self.credential, Credential::Own { .. })
    }

    /// True where the provider's credential is not ours to give or to withhold.
    pub fn has_credential_from_envoy(&self) -> bool {
        matches!(self.credential, Credential::Envoy)
    }

    /// The entries of `credentials` that it names.
    pub fn credentials(&self) -> impl Iterator<Item = Supply> {
        self.credential.entries().map(|chosen| chosen.supply)
    }

    /// A caller spends on no other project than this upstream is for, and in no other location.
    ///
    /// # Errors
    /// `tenant_mismatch`.
    pub fn require_place(&self, operation: &Operation) -> Result<(), Denial> {
        self.places.as_ref().map_or(Ok(()), |places| places.require(operation.place()))
    }
}

#[cfg(test)]
mod tests;
