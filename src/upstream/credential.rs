//! Which credential an upstream has for whom.

use std::collections::BTreeMap;

use super::headers;
use crate::config::{
    self, ConfigError, CredentialSource, ProviderCredential, TenantCredentials, read_secret,
};
use crate::credentials::{Chosen, Credentials};
use crate::denial::Reason;
use crate::own_key::OwnKey;
use crate::request::Dialect;
use crate::secret::{Environment, Secret};

/// The credentials of one upstream.
#[derive(Debug)]
pub(super) enum Credential {
    Shared(Source),
    PerTenant {
        tenants: BTreeMap<String, Source>,
        fallback: Option<Source>,
    },
    /// Each caller's own, which it brings along or is kept for it.
    Own {
        /// The gateway's, for callers that have none.
        fallback: Option<Source>,
    },
    /// Envoy adds it on the cluster.
    Envoy,
}

/// Whose account at the provider a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountOwner {
    Gateway,
    /// The caller's tenant has a credential of its own.
    Tenant,
    /// The caller has a key of its own.
    Caller,
}

impl AccountOwner {
    /// The value of `upstream.owner` in CEL and in the record.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Tenant => "tenant",
            Self::Caller => "caller",
        }
    }
}

/// Where one credential comes from.
#[derive(Debug)]
pub(super) enum Source {
    /// `None` where the environment has no such variable.
    Secret(Option<Secret>),
    /// An entry of `credentials`.
    Entry(Chosen),
}

/// What goes on for one principal.
#[derive(Clone, Copy)]
pub(super) enum Choice<'a> {
    Secret(&'a Secret),
    Entry(&'a Chosen),
    /// The caller's own key.
    Own,
    Envoy,
}

impl Credential {
    pub(super) fn compile(
        upstream: &config::Upstream,
        at: &str,
        from: (&Credentials, Environment<'_>),
    ) -> Result<Self, ConfigError> {
        let dialect = upstream.dialect;
        Ok(match &upstream.credential {
            ProviderCredential::Env(name) => Self::Shared(Source::of_variable(name, at, from.1)?),
            ProviderCredential::From(id) => {
                Self::Shared(Source::of_credential(id, dialect, &format!("{at}.from"), from.0)?)
            }
            ProviderCredential::PerTenant(entry) if shares_a_source(entry) => {
                let why = "two tenants, or a tenant and the fallback, name the same variable or entry of `credentials`; what one stores at the provider would be the other's too";
                return Err(ConfigError::new(at, why));
            }
            ProviderCredential::PerTenant(entry) => {
                let compile = |source: &CredentialSource| Source::compile(source, dialect, at, from);
                let tenants = entry.tenants.iter();
                let tenants = tenants.map(|(tenant, source)| Ok((tenant.clone(), compile(source)?)));
                Self::PerTenant {
                    tenants: tenants.collect::<Result<_, ConfigError>>()?,
                    fallback: entry.fallback.as_ref().map(compile).transpose()?,
                }
            }
            ProviderCredential::Own(entry) => {
                let at = format!("{at}.own.fallback");
                let fallback = entry.fallback.as_ref();
                let fallback = fallback.map(|source| Source::compile(source, dialect, &at, from));
                Self::Own { fallback: fallback.transpose()? }
            }
            ProviderCredential::Envoy => Self::Envoy,
        })
    }

    /// The credential for a caller of this tenant, who may bring its own key; `None` where there is none, then `None` where the
    /// environment lacks it.
    pub(super) fn choose(&self, tenant: Option<&str>, own: Option<&OwnKey>) -> Option<Option<Choice<'_>>> {
        let source = match self {
            Self::Envoy => return Some(Some(Choice::Envoy)),
            Self::Shared(source) => source,
            Self::Own { .. } if own.is_some() => return Some(Some(Choice::Own)),
            Self::Own { fallback } => fallback.as_ref()?,
            Self::PerTenant { tenants, fallback } => {
                tenant.and_then(|tenant| tenants.get(tenant)).or(fallback.as_ref())?
            }
        };
        Some(match source {
            Source::Secret(secret) => secret.as_ref().map(Choice::Secret),
            Source::Entry(chosen) => Some(Choice::Entry(chosen)),
        })
    }

    /// Whose account it is for.
    pub(super) fn owner(&self, tenant: Option<&str>, own: Option<&OwnKey>) -> AccountOwner {
        match self {
            Self::Own { .. } if own.is_some_and(OwnKey::is_of_tenant) => AccountOwner::Tenant,
            Self::Own { .. } if own.is_some() => AccountOwner::Caller,
            Self::PerTenant { .. } if tenant.is_some_and(|tenant| self.is_of(tenant)) => AccountOwner::Tenant,
            Self::Own { .. } | Self::PerTenant { .. } | Self::Shared(_) | Self::Envoy => {
                AccountOwner::Gateway
            }
        }
    }

    /// Why a caller has none.
    pub(super) fn absence(&self) -> Reason {
        match self {
            Self::Own { .. } => Reason::ProviderKeyMissing,
            Self::PerTenant { .. } | Self::Shared(_) | Self::Envoy => Reason::TenantCredentialMissing,
        }
    }

    /// True where the tenant has one of its own.
    pub(super) fn is_of(&self, tenant: &str) -> bool {
        matches!(self, Self::PerTenant { tenants, .. } if tenants.contains_key(tenant))
    }

    pub(super) fn is_per_tenant(&self) -> bool {
        matches!(self, Self::PerTenant { .. })
    }

    /// Each entry of `credentials`.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Chosen> {
        self.sources().filter_map(|(_, source)| match source {
            Source::Entry(chosen) => Some(chosen),
            Source::Secret(_) => None,
        })
    }

    /// Each, and the tenant it is for; `None` where it is for whoever comes.
    pub(super) fn sources(&self) -> impl Iterator<Item = (Option<&str>, &Source)> {
        let (shared, tenants, fallback) = match self {
            Self::Shared(source) => (Some(source), None, None),
            Self::PerTenant { tenants, fallback } => (None, Some(tenants), fallback.as_ref()),
            Self::Own { fallback } => (None, None, fallback.as_ref()),
            Self::Envoy => (None, None, None),
        };
        let own = tenants.into_iter().flatten().map(|(tenant, source)| (Some(tenant.as_str()), source));
        own.chain(shared.into_iter().chain(fallback).map(|source| (None, source)))
    }
}

impl Source {
    fn compile(
        source: &CredentialSource,
        dialect: Dialect,
        at: &str,
        (credentials, environment): (&Credentials, Environment<'_>),
    ) -> Result<Self, ConfigError> {
        match source {
            CredentialSource::Env(name) => Self::of_variable(name, at, environment),
            CredentialSource::From(id) => Self::of_credential(id, dialect, at, credentials),
        }
    }

    /// A secret that goes into a header.
    fn of_variable(name: &str, at: &str, environment: Environment<'_>) -> Result<Self, ConfigError> {
        let Some(secret) = read_secret(name, at, environment)? else { return Ok(Self::Secret(None)) };
        let text = std::str::from_utf8(secret.expose()).ok().filter(|text| headers::is_value(text));
        match text {
            Some(_) => Ok(Self::Secret(Some(secret))),
            None => Err(ConfigError::new(
                at,
                format!("the value of `{name}` cannot be a header's value; look for a line break in it"),
            )),
        }
    }

    fn of_credential(
        id: &str,
        dialect: Dialect,
        at: &str,
        credentials: &Credentials,
    ) -> Result<Self, ConfigError> {
        let chosen = credentials.choose(id, at)?;
        match credentials.objection(chosen.supply, dialect) {
            None => Ok(Self::Entry(chosen)),
            Some(why) => Err(ConfigError::new(at, format!("what `{id}` gets (`{}`) {why}", chosen.kind))),
        }
    }

    /// What two sources of one account have in common; none where the environment lacks it.
    pub(super) fn accounts(&self) -> impl Iterator<Item = &[u8]> {
        let (secret, chosen) = match self {
            Self::Secret(secret) => (secret.as_ref(), None),
            Self::Entry(chosen) => (None, Some(chosen)),
        };
        let accounts = chosen.into_iter().flat_map(|chosen| chosen.accounts.iter());
        secret.into_iter().chain(accounts).map(Secret::expose)
    }
}

fn shares_a_source(entry: &TenantCredentials) -> bool {
    let sources: Vec<&CredentialSource> = entry.tenants.values().chain(&entry.fallback).collect();
    sources
        .iter()
        .enumerate()
        .any(|(index, source)| sources.iter().skip(index).skip(1).any(|other| other == source))
}
