//! A token of the caller's own, got in exchange for the one that the caller has sent: Microsoft Entra ID's on-behalf-of flow
//! (RFC 7523 section 2.1), or RFC 8693.
//!
//! Two callers never meet: a token is remembered under the whole of what was sent, and of who sent it. It ends with what it was
//! got for.

mod question;
mod refusal;
mod standing;

use std::rc::Rc;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::answer::{self, TokenAnswer};
use super::client::Client;
use super::failure::{Failure, Setback};
use super::request::{Step, TokenRequest};
use super::token::{Times, Token};
use crate::config::{self, ConfigError, ExchangeGrant, ServedFile, Span, require_text};
use crate::denial::Denial;
use crate::ledger::compose;
use crate::oauth_client::Form;
use crate::request::Moment;
use crate::secret::{Environment, Secret};

pub use question::{ExchangeCaller, ExchangeName, ExchangeQuestion};
pub use standing::Standing;

/// RFC 7523 section 2.1.
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// RFC 8693 section 2.1.
const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// What may go on as a bearer's token (RFC 8693 section 3).
const ISSUED: [&str; 2] =
    ["urn:ietf:params:oauth:token-type:access_token", "urn:ietf:params:oauth:token-type:jwt"];
/// So long a caller is not asked for again whose token was not exchanged, in milliseconds.
const REFUSED_MS: u64 = 5000;
/// What a proxy answers by itself where the server does not, Envoy among them.
const PROXYS_OWN: [u32; 3] = [502, 503, 504];
const AGES: std::ops::RangeInclusive<Span> = Span::from_seconds(10)..=Span::from_seconds(24 * 3600);
const ENTRIES: std::ops::RangeInclusive<usize> = 1..=100_000;

/// One entry whose kind is `exchange`, compiled.
#[derive(Debug)]
pub struct Exchange {
    id: String,
    entry: config::Exchange,
    client: Client,
    account: [u8; 32],
    lacks_secret: bool,
}

/// What has come of one caller's token.
#[derive(Clone, Debug)]
pub enum Exchanged {
    Token(Rc<Token>),
    /// The authorization server refuses this caller, until when this is believed.
    Refused {
        denial: Box<Denial>,
        /// For the operator.
        why: String,
        until_ms: u64,
    },
    /// Nothing, which is not about the caller.
    Failed {
        failure: Rc<Failure>,
        /// Until when nobody is asked for this caller again, which may be sooner than for everybody.
        until_ms: u64,
    },
}

/// How a question has ended.
#[derive(Debug)]
pub enum Settled {
    /// As this caller's token had it.
    Exchanged(Exchanged),
    /// As every caller's would have it.
    Outage(Setback),
    /// Nobody has answered.
    Unanswered(Setback),
}

impl Exchanged {
    /// A token that was got just now, for scripts.
    pub fn assumed(token: &str, now_ms: u64) -> Self {
        Self::Token(Rc::new(Token::assumed(token, now_ms)))
    }

    /// True where it may be relied on.
    pub fn holds(&self, now_ms: u64) -> bool {
        match self {
            Self::Token(token) => token.is_usable(now_ms),
            Self::Refused { until_ms, .. } | Self::Failed { until_ms, .. } => now_ms < *until_ms,
        }
    }

    /// As a metric's name has it.
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::Token(_) => "ok",
            Self::Refused { .. } => "refused",
            Self::Failed { .. } => "failed",
        }
    }
}

impl Exchange {
    pub(super) fn compile(
        id: &str,
        entry: &config::Exchange,
        at: &str,
        from: (&[ServedFile], Environment<'_>),
    ) -> Result<Self, ConfigError> {
        let error = |field: &str, why: String| Err(ConfigError::new(format!("{at}.{field}"), why));
        if entry.issuers.is_empty() {
            return error(
                "issuers",
                "nobody's token would be exchanged; name an entry of `issuers`".to_owned(),
            );
        }
        for (index, issuer) in entry.issuers.iter().enumerate() {
            require_text(issuer, &format!("{at}.issuers[{index}]"))?;
        }
        if !AGES.contains(&entry.max_age) {
            let why = format!("`{}` is not from {} to {}", entry.max_age, AGES.start(), AGES.end());
            return error("max_age", why);
        }
        if !ENTRIES.contains(&entry.entries) {
            let why = format!("{} is not from {} to {}", entry.entries, ENTRIES.start(), ENTRIES.end());
            return error("entries", why);
        }
        if let Some(uri) = &entry.authorization_uri
            && !refusal::is_authorization_uri(uri)
        {
            let why = format!("`{}` is no URL with `https`", uri.escape_debug());
            return error("authorization_uri", why);
        }
        let client = Client::compile(&entry.client, &format!("{at}.client"), from)?;
        let kind = [Self::KIND, entry.grant.name(), entry.subject_token_type.uri()];
        let parts: Vec<&[u8]> = kind.into_iter().chain(client.account()).map(str::as_bytes).collect();
        Ok(Self {
            id: id.to_owned(),
            account: Sha256::digest(compose(&parts)).into(),
            lacks_secret: client.material().is_none(),
            entry: entry.clone(),
            client,
        })
    }

    /// The name of its kind, as in the configuration.
    pub const KIND: &str = "exchange";

    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn issuers(&self) -> &[String] {
        &self.entry.issuers
    }

    /// How many callers' tokens are remembered.
    pub fn entries(&self) -> usize {
        self.entry.entries
    }

    /// The same for two entries that get tokens of one account for one caller.
    pub(super) fn account(&self) -> [u8; 32] {
        self.account
    }

    /// True where what proves the gateway is not there.
    pub fn lacks_secret(&self) -> bool {
        self.lacks_secret
    }

    /// How long a request waits for its token.
    pub fn timeout(&self) -> Span {
        self.client.timeout()
    }

    /// What is to be done first for the token of `subject`.
    ///
    /// # Errors
    /// There is nothing to prove the gateway with.
    pub fn begin(&self, subject: &Secret, moment: &Moment) -> Result<Step<'_>, Setback> {
        self.client.begin(self.form(subject), moment).map_err(Setback::refused)
    }

    /// What is to be asked once the file has been read that [`Self::begin`] has named.
    ///
    /// # Errors
    /// The file could not be read, or does not hold what it should.
    pub fn with_file(
        &self,
        subject: &Secret,
        content: Result<&[u8], String>,
        moment: &Moment,
    ) -> Result<TokenRequest<'_>, Setback> {
        let asked = |content| self.client.request(self.form(subject), Some(content), moment);
        content.and_then(asked).map_err(Setback::unavailable)
    }

    fn form(&self, subject: &Secret) -> Form {
        let token = String::from_utf8_lossy(subject.expose());
        match self.entry.grant {
            ExchangeGrant::OnBehalfOf => Form::of_grant(JWT_BEARER)
                .with("assertion", &token)
                .with("requested_token_use", "on_behalf_of"),
            ExchangeGrant::TokenExchange => Form::of_grant(TOKEN_EXCHANGE)
                .with("subject_token", &token)
                .with("subject_token_type", self.entry.subject_token_type.uri()),
        }
    }

    /// What an answer to a question of `asked_ms` says, for a caller whose own token ends at `ends_at` (Unix seconds).
    pub fn answered(
        &self,
        answer: TokenAnswer<'_>,
        (asked_ms, ends_at): (u64, Option<u64>),
        moment: &Moment,
    ) -> Settled {
        let until_ms = moment.unix_ms.saturating_add(REFUSED_MS);
        if let Some((denial, why)) = self.refusal(answer) {
            return Settled::Exchanged(Exchanged::Refused { denial: Box::new(denial), why, until_ms });
        }
        let got = answer::object(answer).and_then(|object| self.token(&object, (asked_ms, ends_at), moment));
        match got {
            Ok(token) => Settled::Exchanged(Exchanged::Token(Rc::new(token))),
            Err(setback) if refusal::is_of_all(answer) => Settled::Outage(setback),
            Err(setback) if PROXYS_OWN.contains(&answer.status) => Settled::Unanswered(setback),
            // It may be about this caller's token, so that others are not kept waiting for it.
            Err(setback) => {
                let failure = Failure::once(setback, moment.unix_ms, until_ms).into();
                Settled::Exchanged(Exchanged::Failed { failure, until_ms })
            }
        }
    }

    fn token(
        &self,
        object: &Map<String, Value>,
        (asked_ms, ends_at): (u64, Option<u64>),
        moment: &Moment,
    ) -> Result<Token, Setback> {
        let issued = object.get("issued_token_type").and_then(Value::as_str);
        let is_issued = issued.is_some_and(|issued| ISSUED.contains(&issued));
        // RFC 8693 section 2.2.1 wants it to be there.
        if self.entry.grant == ExchangeGrant::TokenExchange && !is_issued {
            return Err(answer::unusable("its `issued_token_type` is neither an access token nor a JWT"));
        }
        let (value, life) = answer::token(object)?;
        let life = life.at_most(self.entry.max_age.seconds(), ends_at);
        let token = Times::of(life, asked_ms, 0).map(|times| Token::new(value, times));
        let token = token.filter(|token| token.is_usable(moment.unix_ms));
        token.ok_or_else(|| answer::unusable("the token, or the caller's own, has expired already"))
    }
}
