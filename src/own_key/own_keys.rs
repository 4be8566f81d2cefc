//! The section `own_keys`, compiled: who has keys sealed, and how they are opened.

use super::content::Content;
use super::feed::ProviderKeyFeed;
use super::opened::{OwnKey, jwe_of_feed};
use super::owner::Owner;
use super::seal_request::{SealRequest, invalid};
use super::sealing_keys::{SealingKeys, Unopened};
use crate::config::{self, Config, ConfigError, ProviderCredential, Upstream, require_exact_path};
use crate::denial::{Answer, Denial, Reason};
use crate::expression::{Engine, Expression, Fact, Facts, Field, Vocabulary};
use crate::identity::{PROVIDER_KEY, Principal};
use crate::policy::{self, PRINCIPAL, principal_fact};
use crate::request::{Moment, RequestHead};
use crate::secret::{Environment, Secret};

const ALLOW: &str = "own_keys.allow";

const VOCABULARY: Vocabulary = Vocabulary {
    variables: &[
        Field::object("principal", PRINCIPAL),
        Field::object(
            "asked",
            &[Field::value("upstreams"), Field::value("models"), Field::value("lifetime_seconds")],
        ),
    ],
};

/// The section `own_keys`, compiled.
#[derive(Debug)]
pub struct OwnKeys {
    path: String,
    issuer: String,
    longest_seconds: u64,
    allow: Option<Expression>,
    keys: SealingKeys,
    /// `None` where nobody keeps keys for others.
    feed: Option<ProviderKeyFeed>,
    /// The clusters where callers' own keys are used.
    upstreams: Vec<String>,
}

/// A key that was sealed, to be handed over.
#[derive(Debug)]
pub struct Sealed {
    value: Secret,
    pub id: String,
    /// Unix seconds.
    pub expires_at: u64,
}

/// What `allow` sees.
struct Wish<'a> {
    principal: &'a Principal,
    content: &'a Content,
    now_seconds: u64,
}

impl OwnKeys {
    /// `None` where nobody brings a key of its own.
    ///
    /// # Errors
    /// A path, a name, a lifetime, a key or an expression that is wrong; the section without an upstream, or the other way
    /// round.
    pub fn compile(
        config: &Config,
        engine: &Engine,
        environment: Environment<'_>,
    ) -> Result<Option<Self>, ConfigError> {
        let is_own = |upstream: &&Upstream| matches!(upstream.credential, ProviderCredential::Own(_));
        let Some(section) = &config.own_keys else {
            return match config.upstreams.iter().position(|upstream| is_own(&upstream)) {
                None => Ok(None),
                Some(index) => Err(ConfigError::new(
                    format!("upstreams[{index}].credential.own"),
                    "callers' own keys are sealed by the section `own_keys`, and there is none; add it, or another credential",
                )),
            };
        };
        let upstreams: Vec<String> =
            config.upstreams.iter().filter(is_own).map(|upstream| upstream.cluster.clone()).collect();
        if upstreams.is_empty() {
            let why = "no upstream has `credential: {own: {}}`, so that no key could be used; write it there, or leave this out";
            return Err(ConfigError::new("own_keys", why));
        }
        require_section(section, config)?;
        let allow = section.allow.as_ref();
        let allow =
            allow.map(|text| policy::compile(engine, (ALLOW, text), &VOCABULARY, Expression::boolean));
        let keys = SealingKeys::compile(section, config.tokens.as_ref(), environment)?;
        let feed = section.feed.as_ref();
        let feed = feed.map(|feed| ProviderKeyFeed::compile(feed, &keys.ids(), environment)).transpose()?;
        Ok(Some(Self {
            path: section.path.clone(),
            issuer: section.issuer.clone(),
            longest_seconds: section.max_lifetime.seconds(),
            allow: allow.transpose()?,
            keys,
            feed,
            upstreams,
        }))
    }

    /// True where the request is one for a key to be sealed.
    pub fn is_asked(&self, head: &RequestHead) -> bool {
        head.path() == self.path
    }

    /// Seals what the principal asks for, under the name `id`. What was sealed before keeps its name and its times, so that
    /// whatever revokes it still does.
    ///
    /// # Errors
    /// Refuses what the configuration does not allow, and what is not the principal's own.
    pub fn seal(
        &self,
        engine: &Engine,
        asked: SealRequest,
        principal: &Principal,
        (id, moment): (&str, &Moment),
    ) -> Result<Sealed, Denial> {
        let owner = Owner::who_seals(principal)?;
        let now_seconds = moment.unix_seconds();
        let content = match asked {
            SealRequest::Reseal(sealed) => self.content_of(&sealed, &owner, now_seconds)?,
            SealRequest::Seal { key, upstreams, models, lifetime_seconds } => {
                let bounds = config::OwnKeys::MIN_LIFETIME.seconds()..=self.longest_seconds;
                if !bounds.contains(&lifetime_seconds) {
                    let (shortest, longest) = (bounds.start(), bounds.end());
                    return Err(invalid(format!(
                        "a sealed key lives {shortest} to {longest} seconds, not {lifetime_seconds}"
                    )));
                }
                Content {
                    iss: self.issuer.clone(),
                    jti: id.to_owned(),
                    iat: now_seconds,
                    exp: now_seconds.saturating_add(lifetime_seconds),
                    tenant: owner.tenant,
                    sub: owner.subject,
                    sub_iss: owner.issuer,
                    upstreams,
                    models,
                    key: String::from_utf8_lossy(key.expose()).into_owned(),
                }
            }
        };
        if !content.upstreams.iter().all(|name| self.upstreams.contains(name)) {
            return Err(invalid(format!(
                "`upstreams` can name `{}`, where callers' own keys are used",
                self.upstreams.join("`, `")
            )));
        }
        if let Some(allow) = &self.allow {
            let wish = Wish { principal, content: &content, now_seconds };
            match allow.boolean(&engine.scope(allow.reads(), &wish)) {
                Ok(true) => {}
                Ok(false) => return Err(Denial::new(Reason::ProviderKeyRequestDenied).by_rule(ALLOW)),
                Err(fault) => {
                    return Err(Denial::new(Reason::PolicyError).by_rule(ALLOW).with_note(fault.to_string()));
                }
            }
        }
        let text = serde_json::to_vec(&content).map_err(|_| unavailable("the key could not be written"))?;
        let sealed = self.keys.seal(&text, &moment.entropy);
        let value = sealed.ok_or_else(|| unavailable("the environment of Envoy has no sealing key"))?;
        Ok(Sealed { value, id: content.jti, expires_at: content.exp })
    }

    /// The key in a sealed value, whoever sent it: it must still be required to be the caller's.
    ///
    /// # Errors
    /// What this gateway has not sealed; nothing of it is said again.
    pub fn open(&self, value: &[u8]) -> Result<OwnKey, Denial> {
        let (content, sealed_by) = self.opened(value)?;
        Ok(OwnKey::of(content, value, sealed_by))
    }

    /// The key in what travels beside a request that was judged before, brought along or kept in the feed.
    ///
    /// # Errors
    /// As [`Self::open`] and [`ProviderKeyFeed::open`].
    pub fn open_carried(&self, value: &[u8]) -> Result<OwnKey, Denial> {
        match (jwe_of_feed(value), &self.feed) {
            (None, _) => self.open(value),
            (Some(jwe), Some(feed)) => feed.open_carried(jwe),
            (Some(_), None) => Err(unavailable("the configuration has no `own_keys.feed`")),
        }
    }

    /// The keys that are kept for callers; `None` where nobody keeps any.
    /// The names of all keys by which users' keys are opened.
    pub fn kids(&self) -> impl Iterator<Item = &str> {
        let feed = self.feed.iter().flat_map(ProviderKeyFeed::kids);
        self.keys.ids().into_iter().chain(feed)
    }

    pub fn feed(&self) -> Option<&ProviderKeyFeed> {
        self.feed.as_ref()
    }

    fn opened(&self, value: &[u8]) -> Result<(Content, &str), Denial> {
        let invalid = || {
            Denial::new(Reason::ProviderKeyInvalid).with_detail(format!(
                "`{PROVIDER_KEY}` takes what `POST {}` answers, which begins with `cgs_`; never send the key itself",
                self.path
            ))
        };
        let (text, sealed_by) = self.keys.open(value).map_err(|why| match why {
            Unopened::Invalid => invalid(),
            Unopened::NoKey => unavailable("the environment of Envoy has no sealing key"),
        })?;
        let content = Content::read(&text).filter(|content| content.iss == self.issuer);
        Ok((content.ok_or_else(invalid)?, sealed_by))
    }

    fn content_of(&self, sealed: &Secret, owner: &Owner, now_seconds: u64) -> Result<Content, Denial> {
        let (content, sealed_by) = self.opened(sealed.expose())?;
        let key = OwnKey::of(content.clone(), sealed.expose(), sealed_by);
        key.require_of(owner, now_seconds)?;
        Ok(content)
    }
}

impl Sealed {
    /// The answer that hands the sealed key over.
    pub fn answer(&self) -> Answer {
        Answer::handing_over(&serde_json::json!({
            "value": String::from_utf8_lossy(self.value.expose()),
            "id": self.id,
            "expires_at": self.expires_at,
        }))
    }
}

fn require_section(section: &config::OwnKeys, config: &Config) -> Result<(), ConfigError> {
    let error = |field: &str, why: String| Err(ConfigError::new(format!("own_keys.{field}"), why));
    let (issuer, path) = (&section.issuer, &section.path);
    if issuer.trim() != issuer || issuer.is_empty() {
        return error(
            "issuer",
            "the name is empty or has space around it; write one such as `https://ai-gateway.example/`"
                .to_owned(),
        );
    }
    require_exact_path(path, "own_keys.path", "/claimgate/v1/provider-keys")?;
    if config.tokens.as_ref().is_some_and(|tokens| tokens.path == *path) {
        return error("path", format!("`{path}` is `tokens.path` too; give each its own"));
    }
    let (shortest, longest) = (config::OwnKeys::MIN_LIFETIME, config::OwnKeys::LONGEST);
    match (shortest..=longest).contains(&section.max_lifetime) {
        true => Ok(()),
        false => {
            error("max_lifetime", format!("`{}` is not from {shortest} to {longest}", section.max_lifetime))
        }
    }
}

fn unavailable(note: &str) -> Denial {
    Denial::new(Reason::ProviderKeysUnavailable).with_note(note)
}

impl Facts for Wish<'_> {
    fn fact(&self, variable: &str, field: Option<&str>) -> Fact {
        let content = self.content;
        match (variable, field.unwrap_or_default()) {
            ("principal", field) => principal_fact(self.principal, field),
            ("asked", "upstreams") => Fact::texts(&content.upstreams),
            ("asked", "models") => content.models.as_ref().map_or(Fact::Absent, Fact::texts),
            ("asked", "lifetime_seconds") => {
                let seconds = content.exp.saturating_sub(self.now_seconds);
                i64::try_from(seconds).map_or(Fact::Absent, Fact::Number)
            }
            _ => Fact::Absent,
        }
    }
}
