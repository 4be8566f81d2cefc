//! The section `upstreams`, compiled.

use std::collections::BTreeSet;

use hashbrown::HashMap;

use super::credential::Credential;
use super::places::{self, Places};
use super::{AssertedAccount, Upstream, Upstreams, headers, reuse, stateless};
use crate::config::{self, Asserted, ConfigError};
use crate::credentials::Credentials;
use crate::dialect::ListedOperation;
use crate::request::Dialect;
use crate::secret::Environment;

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
        require_one_account(upstream, &credential, at)?;
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
}

/// What is of one account is of no use with keys of several.
fn require_one_account(
    upstream: &config::Upstream,
    credential: &Credential,
    at: &str,
) -> Result<(), ConfigError> {
    let Some(divided) = credential.entries().find(|chosen| !chosen.is_one_account) else { return Ok(()) };
    let asserted = upstream.organization.is_some() || upstream.project.is_some();
    let (field, why) = match (asserted, upstream.stateless_responses.is_some()) {
        (true, _) => ("organization", "the provider refuses keys of other accounts than it names"),
        (_, true) => {
            ("stateless_responses", "what an answer has sealed, only the account that made it can open")
        }
        (false, false) => return Ok(()),
    };
    let why = format!(
        "the keys of `{}` may be of several accounts, and {why}; write `same_account: true` there, or leave this out",
        divided.id
    );
    Err(ConfigError::new(format!("{at}.{field}"), why))
}

fn require_quota_project(project: &str, dialect: Dialect, at: &str) -> Result<(), ConfigError> {
    let why = match (dialect.is_googles(), places::is_name(project)) {
        (true, true) => return Ok(()),
        (true, false) => format!("`{}` is no project; write its id or number", project.escape_debug()),
        (false, _) => format!("`{dialect}` counts against no project of Google Cloud; leave this out"),
    };
    Err(ConfigError::new(at, why))
}
