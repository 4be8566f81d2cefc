//! What goes to the provider: the caller's credential comes off, the provider's goes on.
//!
//! `attach` takes a [`Permit`] and an [`Admission`], so no path of the code can attach a credential before
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

mod address;
mod credential;
mod headers;
mod passport;
mod places;
mod reuse;
mod stateless;
mod url_key;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use hashbrown::HashMap;

use crate::config::{self, Asserted, Attach, ConfigError, Factor, StreamUsage};
use crate::credentials::{Chosen, Credentials, Token, TokenSource};
use crate::denial::{Denial, Reason};
use crate::dialect::{ListedOperation, Operation};
use crate::identity::Principal;
use crate::own_key::OwnKey;
use crate::policy::{Permit, UpstreamFacts};
use crate::quota::Admission;
use crate::request::{Dialect, RequestHead};
use crate::secret::Environment;

pub use address::PublicAddress;
pub use credential::AccountOwner;
use credential::{Choice, Credential};
pub use headers::{
    Edited, HeaderPatch, REQUEST_ID, answer_patch, claims_identity, edited, steers, trailer_patch,
};
use headers::{Place, Setting};
pub use passport::{AtHand, Passport};
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

/// The two proofs that a provider credential costs.
#[derive(Debug)]
pub struct Proofs {
    pub permit: Rc<Permit>,
    pub admission: Admission,
}

/// What goes on whatever a principal asks of an upstream by one operation; only [`Upstream::attach`] can read it. It
/// has no `Debug`, because it holds the provider's credential.
///
/// It is remembered with the verdict, so it holds the choice of a token or of the caller's own key, and never one of them.
#[derive(Clone)]
pub struct Attachment {
    settings: Rc<[Setting]>,
    token: Option<Chosen>,
    /// Where the caller's own key goes on; `None` where none does.
    own_key: Option<Place>,
    owner: AccountOwner,
}

/// What goes on beside an [`Attachment`]: it is got anew at each pass, and never remembered with the verdict.
#[derive(Clone, Copy)]
pub enum Fresh<'a> {
    Token(&'a Token),
    OwnKey(&'a OwnKey),
}

impl Attachment {
    /// The credential whose token goes on; `None` where none does.
    pub fn token(&self) -> Option<&Chosen> {
        self.token.as_ref()
    }

    /// True where the caller's own key goes on.
    pub fn takes_own_key(&self) -> bool {
        self.own_key.is_some()
    }

    /// Whose account at the provider it is for.
    pub fn owner(&self) -> AccountOwner {
        self.owner
    }
}

impl Upstreams {
    /// # Errors
    /// No upstream, a cluster listed twice, a malformed prefix, or a credential that is not there or that no header can carry.
    pub fn compile(
        upstreams: &[config::Upstream],
        credentials: &Credentials,
        environment: Environment<'_>,
    ) -> Result<Self, ConfigError> {
        if upstreams.is_empty() {
            return Err(ConfigError::new(
                "upstreams",
                "the list is empty; name at least one cluster and its credential",
            ));
        }
        let mut by_cluster = HashMap::with_capacity(upstreams.len());
        for (index, upstream) in upstreams.iter().enumerate() {
            let at = format!("upstreams[{index}]");
            let compiled = Upstream::compile(upstream, &at, (credentials, environment))?;
            if by_cluster.insert(upstream.cluster.clone(), compiled).is_some() {
                let why = format!("the cluster `{}` is listed twice", upstream.cluster);
                return Err(ConfigError::new(format!("{at}.cluster"), why));
            }
        }
        reuse::mark(&mut by_cluster);
        Ok(Self(by_cluster))
    }

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
    fn compile(
        upstream: &config::Upstream,
        at: &str,
        from: (&Credentials, Environment<'_>),
    ) -> Result<Self, ConfigError> {
        if let Some(prefix) = &upstream.path_prefix
            && (!prefix.starts_with('/') || prefix.ends_with('/') || prefix.contains("//"))
        {
            let why = format!("`{prefix}` is not a prefix; write whole segments such as `/openai`");
            return Err(ConfigError::new(format!("{at}.path_prefix"), why));
        }
        if upstream.cluster.is_empty() {
            return Err(ConfigError::new(
                format!("{at}.cluster"),
                "the name is empty; write that of an Envoy cluster",
            ));
        }
        let credential = Credential::compile(upstream, &format!("{at}.credential"), from)?;
        stateless::require_responses(upstream, at)?;
        for (field, asserted) in [("organization", &upstream.organization), ("project", &upstream.project)] {
            if let Some(Asserted::Value(value)) = asserted
                && !headers::is_value(value)
            {
                return Err(ConfigError::new(
                    format!("{at}.{field}"),
                    format!("`{}` cannot be a header's value", value.escape_debug()),
                ));
            }
        }
        if let Some(project) = &upstream.quota_project {
            require_quota_project(project, upstream.dialect, &format!("{at}.quota_project"))?;
        }
        let places = Places::compile(upstream, at)?;
        let operations = upstream.operations.iter().enumerate();
        let operations = operations
            .map(|(index, entry)| ListedOperation::compile(entry, &format!("{at}.operations[{index}]")));
        Ok(Self {
            cluster: upstream.cluster.clone(),
            dialect: upstream.dialect,
            path_prefix: upstream.path_prefix.clone(),
            tenant: upstream.tenant.clone(),
            metadata: upstream.metadata.clone(),
            credential,
            asserted: AssertedAccount {
                organization: upstream.organization.clone(),
                project: upstream.project.clone(),
                quota_project: upstream.quota_project.clone(),
            },
            operations: operations.collect::<Result<_, _>>()?,
            places,
            price_multiplier: upstream.price_multiplier,
            stream_usage: upstream.stream_usage,
            stateless_responses: upstream.stateless_responses.clone(),
            reused: BTreeSet::new(),
        })
    }

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
                Some(Some(Choice::Token(chosen))) => Some(&chosen.id),
                _ => None,
            },
            owner: self.credential.owner(tenant, own).name(),
        }
    }

    /// True where the provider account behind the credential is this principal's tenant's alone, so that
    /// what is stored there is nobody else's.
    pub fn is_exclusive_to(&self, principal: &Principal) -> bool {
        let Some(tenant) = &principal.tenant else { return false };
        if self.reused.contains(tenant) {
            return false;
        }
        self.credential.is_of(tenant)
            || (!self.credential.is_per_tenant() && self.tenant.as_ref() == Some(tenant))
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
    pub fn credentials(&self) -> impl Iterator<Item = TokenSource> {
        self.credential.tokens()
    }

    /// A caller spends on no other project than this upstream is for, and in no other location.
    ///
    /// # Errors
    /// `tenant_mismatch`.
    pub fn require_place(&self, operation: &Operation) -> Result<(), Denial> {
        self.places.as_ref().map_or(Ok(()), |places| places.require(operation.place()))
    }

    /// Puts together what goes on, before the quotas are asked, so that a request which cannot be sent on costs
    /// nothing. At the cluster the credential goes on later, against [`Self::passport`].
    ///
    /// # Errors
    /// The credential or an identity header that is missing.
    pub fn prepare(
        &self,
        principal: &Principal,
        operation: &Operation,
        own: Option<&OwnKey>,
        attach: Attach,
    ) -> Result<Attachment, Denial> {
        let identity = self.identity(principal)?.into_iter();
        let identity = identity.map(|(name, value)| Setting::new(name, value.as_bytes()));
        let tenant = principal.tenant.as_deref();
        let place = headers::place(self.dialect, operation.is_openai_compatible());
        let (credential, token, own_key) = match self.choose(tenant, own)? {
            Choice::Secret(secret) => (Some(place.holding(secret)), None, None),
            Choice::Token(chosen) => (None, Some(chosen.clone()), None),
            Choice::Own => (None, None, Some(place)),
            Choice::Envoy => (None, None, None),
        };
        let credential = credential.filter(|_| attach == Attach::InChain);
        let settings = identity.chain(credential).collect();
        Ok(Attachment { settings, token, own_key, owner: self.credential.owner(tenant, own) })
    }

    /// Takes the caller's credential and identity headers off and puts the provider's on: what was put together, and the token
    /// or the key that it names, where that goes on here.
    pub fn attach(
        &self,
        _proofs: &Proofs,
        attachment: &Attachment,
        fresh: Option<Fresh<'_>>,
        request: &RequestHead,
    ) -> HeaderPatch {
        let mut patch = HeaderPatch::stripping(request).with(&attachment.settings);
        match (fresh, attachment.own_key) {
            (Some(Fresh::Token(token)), _) => patch.set_bearer(token.value()),
            (Some(Fresh::OwnKey(key)), Some(place)) => patch.set_key(place, key.secret()),
            (Some(Fresh::OwnKey(_)), None) | (None, _) => {}
        }
        if self.dialect == Dialect::Anthropic && request.text(headers::ANTHROPIC_VERSION).is_none() {
            patch.set(headers::ANTHROPIC_VERSION, b"2023-06-01");
        }
        patch
    }

    /// The identity headers that this upstream asserts for the principal.
    fn identity<'a>(&'a self, principal: &'a Principal) -> Result<Vec<(&'static str, &'a str)>, Denial> {
        // The rules isolate tenants; this holds where somebody removed the rule.
        if self.tenant.is_some() && self.tenant != principal.tenant {
            return Err(Denial::new(Reason::TenantMismatch));
        }
        let quota_project = self.asserted.quota_project.as_deref();
        let mut identity: Vec<_> =
            quota_project.into_iter().map(|project| (headers::USER_PROJECT, project)).collect();
        for (name, asserted, own) in [
            (headers::ORGANIZATION, &self.asserted.organization, &principal.tenant),
            (headers::PROJECT, &self.asserted.project, &principal.project),
        ] {
            let value = match asserted {
                None => continue,
                Some(Asserted::Value(value)) => Some(value),
                Some(Asserted::Principal) => own.as_ref(),
            };
            let value = value.filter(|value| headers::is_value(value));
            identity.push((name, value.ok_or(Reason::IdentityIncomplete)?.as_str()));
        }
        Ok(identity)
    }

    /// The provider's credential for this tenant, or the caller's own.
    fn choose(&self, tenant: Option<&str>, own: Option<&OwnKey>) -> Result<Choice<'_>, Denial> {
        let missing = || {
            let note = format!("the environment of Envoy has no credential for cluster `{}`", self.cluster);
            Denial::new(Reason::ProviderCredentialMissing).with_note(note)
        };
        self.credential.choose(tenant, own).ok_or_else(|| self.credential.absence())?.ok_or_else(missing)
    }
}

fn require_quota_project(project: &str, dialect: Dialect, at: &str) -> Result<(), ConfigError> {
    let why = match (dialect.is_googles(), places::is_name(project)) {
        (true, true) => return Ok(()),
        (true, false) => format!("`{}` is no project; write its id or number", project.escape_debug()),
        (false, _) => format!("`{dialect}` counts against no project of Google Cloud; leave this out"),
    };
    Err(ConfigError::new(at, why))
}

#[cfg(test)]
mod tests;
