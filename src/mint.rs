//! Gives short-lived tokens: to a caller for itself, or to an agent that acts for a user (RFC 8693).
//!
//! A token is its parent's principal with less: fewer scopes, named models and operations, a budget of requests, ten
//! minutes at most. It is never more, and it cannot get another one. What it is signed with, `identity` knows.
//!
//! It does not prove who asks, and it does not answer for refusals.

mod denials;
mod grant;
mod shape;
mod token_request;
mod token_response;

use crate::config::{ConfigError, Tokens, require_exact_path};
use crate::denial::{Denial, Reason};
use crate::expression::{Engine, Expression, Fact, Facts, Field, Vocabulary};
use crate::identity::Principal;
use crate::policy::{self, PRINCIPAL, principal_fact};
use crate::request::RequestHead;

pub use grant::{Grant, Parties};
pub use token_request::{Bind, Manner, TokenRequest};
pub use token_response::answer;

use denials::{denied, invalid};

const ASKED: Field = Field::object(
    "asked",
    &[
        Field::value("scopes"),
        Field::value("models"),
        Field::value("operations"),
        Field::value("requests"),
        Field::value("lifetime_seconds"),
    ],
);
const FOR_ITSELF: Vocabulary = Vocabulary { variables: &[Field::object("principal", PRINCIPAL), ASKED] };
const FOR_ANOTHER: Vocabulary = Vocabulary {
    variables: &[Field::object("principal", PRINCIPAL), Field::object("actor", PRINCIPAL), ASKED],
};

/// The section `tokens`, compiled.
#[derive(Debug)]
pub struct Minting {
    path: String,
    issuer: String,
    longest_seconds: u64,
    allow: Option<Expression>,
    allow_actor: Option<Expression>,
}

/// What the expressions of `tokens` see.
struct Wish<'a> {
    parties: Parties<'a>,
    grant: &'a Grant,
    now_seconds: u64,
}

impl Minting {
    /// # Errors
    /// A path that is none, a lifetime out of bounds, or an expression that does not compile.
    pub fn compile(tokens: &Tokens, engine: &Engine) -> Result<Self, ConfigError> {
        require_exact_path(&tokens.path, "tokens.path", "/claimgate/v1/tokens")?;
        let (shortest, longest) = (Tokens::MIN_LIFETIME, Tokens::LONGEST);
        if !(shortest..=longest).contains(&tokens.max_lifetime) {
            let why = format!("`{}` is not from {shortest} to {longest}", tokens.max_lifetime);
            return Err(ConfigError::new("tokens.max_lifetime", why));
        }
        let compile = |at: &str, text: &Option<String>, vocabulary: &Vocabulary| {
            let Some(text) = text else { return Ok(None) };
            policy::compile(engine, (at, text), vocabulary, Expression::boolean).map(Some)
        };
        Ok(Self {
            path: tokens.path.clone(),
            issuer: tokens.issuer.clone(),
            longest_seconds: tokens.max_lifetime.seconds(),
            allow: compile("tokens.allow", &tokens.allow, &FOR_ITSELF)?,
            allow_actor: compile("tokens.allow_actor", &tokens.allow_actor, &FOR_ANOTHER)?,
        })
    }

    /// True where the request is one for a token.
    pub fn is_asked(&self, head: &RequestHead) -> bool {
        head.path() == self.path
    }

    /// What the parties get of what is asked, under the name `id`.
    ///
    /// # Errors
    /// Refuses what would be more than they have, and what the configuration does not allow.
    pub fn grant(
        &self,
        engine: &Engine,
        asked: &TokenRequest,
        parties: Parties<'_>,
        (id, now_seconds): (&str, u64),
    ) -> Result<Grant, Denial> {
        if asked.audiences.iter().any(|audience| *audience != self.issuer) {
            return Err(invalid(format!("tokens of this gateway are for `{}` alone", self.issuer)));
        }
        let bounds = match asked.shape {
            None => Tokens::MIN_LIFETIME.seconds()..=self.longest_seconds,
            // Providers give others than these; the answer says how long it is.
            Some(_) => 1..=self.longest_seconds,
        };
        let expires_at = grant::expiry(asked, parties, bounds, now_seconds)?;
        let grant = Grant { principal: grant::principal(asked, parties, id)?, expires_at };
        let wish = Wish { parties, grant: &grant, now_seconds };
        if let Some(allow) = &self.allow {
            require("tokens.allow", engine, allow, &wish)?;
        }
        if let Some(subject) = parties.subject {
            self.require_actor(engine, subject, &wish)?;
        }
        Ok(grant)
    }

    fn require_actor(&self, engine: &Engine, subject: &Principal, wish: &Wish<'_>) -> Result<(), Denial> {
        let actor = wish.parties.caller;
        // The rules isolate tenants; this holds where nobody wrote one.
        if subject.tenant != actor.tenant {
            return Err(denied("the user and the agent are of different tenants"));
        }
        match (grant::may_act(subject, actor), &self.allow_actor) {
            (Some(false), _) => Err(denied("the user's token names another actor in `may_act`")),
            (_, Some(allow)) => require("tokens.allow_actor", engine, allow, wish),
            (Some(true), None) => Ok(()),
            (None, None) => Err(denied("the user's token names no actor in `may_act`")),
        }
    }
}

fn require(at: &str, engine: &Engine, allow: &Expression, wish: &Wish<'_>) -> Result<(), Denial> {
    match allow.boolean(&engine.scope(allow.reads(), wish)) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Denial::new(Reason::TokenRequestDenied).by_rule(at)),
        Err(fault) => Err(Denial::new(Reason::PolicyError).by_rule(at).with_note(fault.to_string())),
    }
}

impl Facts for Wish<'_> {
    fn fact(&self, variable: &str, field: Option<&str>) -> Fact {
        let minted = self.grant.principal.minted.as_ref();
        let limits = minted.map(|minted| &minted.limits);
        let texts = |list: Option<&Vec<String>>| list.map_or(Fact::Absent, Fact::texts);
        let number = |number: u64| i64::try_from(number).map_or(Fact::Absent, Fact::Number);
        match (variable, field.unwrap_or_default()) {
            ("principal", field) => principal_fact(self.parties.principal(), field),
            ("actor", field) => principal_fact(self.parties.caller, field),
            ("asked", "scopes") => Fact::texts(&self.grant.principal.scopes),
            ("asked", "models") => texts(limits.and_then(|limits| limits.models.as_ref())),
            ("asked", "operations") => texts(limits.and_then(|limits| limits.operations.as_ref())),
            ("asked", "requests") => limits.and_then(|limits| limits.requests).map_or(Fact::Absent, number),
            ("asked", "lifetime_seconds") => number(self.grant.expires_at.saturating_sub(self.now_seconds)),
            _ => Fact::Absent,
        }
    }
}
