//! The claim mappings of the configuration, compiled: small expressions over a token's claims that make its principal.

use crate::config::{ConfigError, PrincipalMapping};
use crate::denial::{Denial, Reason};
use crate::expression::{Engine, Expression, Fact, Facts, Fault, Field, Members, Reads, Scope, Vocabulary};
use crate::identity::jwt::Claims;

/// The compiled claim mapping of one issuer.
#[derive(Debug, Default)]
pub(in crate::identity) struct ClaimMap {
    subject: Option<Expression>,
    tenant: Option<Expression>,
    scopes: Option<Expression>,
    client: Option<Expression>,
    project: Option<Expression>,
    service_account: Option<Expression>,
    roles: Option<Expression>,
    /// What any of them reads.
    reads: Reads,
}

/// What the configuration's expressions made of the claims; `None` leaves the default in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::identity) struct Mapped {
    pub(super) subject: Option<String>,
    pub(super) tenant: Option<String>,
    pub(super) scopes: Option<Vec<String>>,
    pub(super) client: Option<String>,
    pub(super) project: Option<String>,
    pub(super) service_account: Option<String>,
    pub(super) roles: Option<Vec<String>>,
}

/// A mapping reads nothing but the claims.
const VOCABULARY: Vocabulary = Vocabulary { variables: &[Field::value("claims")] };

struct ClaimFacts<'a>(&'a Claims);

impl Facts for ClaimFacts<'_> {
    fn fact(&self, variable: &str, field: Option<&str>) -> Fact {
        self.members(variable, field, &Members::All)
    }

    fn members(&self, _variable: &str, _field: Option<&str>, members: &Members) -> Fact {
        Fact::object(self.0.claims(), members)
    }
}

impl ClaimMap {
    pub(in crate::identity) fn compile(
        mapping: &PrincipalMapping,
        at: &str,
        engine: &Engine,
    ) -> Result<Self, ConfigError> {
        let compile = |name: &str, text: &Option<String>| {
            text.as_deref().map(|text| engine.compile(&format!("{at}.{name}"), text, &VOCABULARY)).transpose()
        };
        let mut compiled = Self {
            subject: compile("subject", &mapping.subject)?,
            tenant: compile("tenant", &mapping.tenant)?,
            scopes: compile("scopes", &mapping.scopes)?,
            client: compile("client", &mapping.client)?,
            project: compile("project", &mapping.project)?,
            service_account: compile("service_account", &mapping.service_account)?,
            roles: compile("roles", &mapping.roles)?,
            reads: Reads::default(),
        };
        let mut reads = Reads::default();
        compiled.expressions().for_each(|expression| reads.extend(expression.reads()));
        compiled.reads = reads;
        Ok(compiled)
    }

    fn expressions(&self) -> impl Iterator<Item = &Expression> {
        let all = [
            &self.subject,
            &self.tenant,
            &self.scopes,
            &self.client,
            &self.project,
            &self.service_account,
            &self.roles,
        ];
        all.into_iter().flatten()
    }

    /// An expression that errs refuses the token: a claim that was expected must not silently be absent.
    pub(in crate::identity) fn apply(&self, engine: &Engine, claims: &Claims) -> Result<Mapped, Denial> {
        if self.expressions().next().is_none() {
            return Ok(Mapped::default());
        }
        let scope = engine.scope(&self.reads, &ClaimFacts(claims));
        Ok(Mapped {
            subject: text("subject", &self.subject, &scope)?,
            tenant: text("tenant", &self.tenant, &scope)?,
            scopes: texts("scopes", &self.scopes, &scope)?,
            client: text("client", &self.client, &scope)?,
            project: text("project", &self.project, &scope)?,
            service_account: text("service_account", &self.service_account, &scope)?,
            roles: texts("roles", &self.roles, &scope)?,
        })
    }
}

fn text(field: &str, expression: &Option<Expression>, scope: &Scope<'_>) -> Result<Option<String>, Denial> {
    let value = expression.as_ref().map(|expression| expression.text(scope)).transpose();
    match value.map_err(|fault| unmapped(field, &fault))?.flatten() {
        // It would be a tenant or a project that nobody has, and that all without one share.
        Some(text) if text.is_empty() => Err(Denial::new(Reason::TokenClaimInvalid)
            .with_detail(format!("the claim behind `{field}` is empty"))),
        text => Ok(text),
    }
}

fn texts(
    field: &str,
    expression: &Option<Expression>,
    scope: &Scope<'_>,
) -> Result<Option<Vec<String>>, Denial> {
    let value = expression.as_ref().map(|expression| expression.texts(scope)).transpose();
    value.map_err(|fault| unmapped(field, &fault))
}

fn unmapped(field: &str, fault: &Fault) -> Denial {
    Denial::new(Reason::TokenClaimInvalid)
        .with_detail(format!("the claim behind `{field}` is missing or has another shape"))
        .with_note(format!("principal.{field}: {fault}"))
}
