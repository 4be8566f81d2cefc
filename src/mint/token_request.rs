//! What a caller asks for: JSON in the shape of OpenAI's client secrets, or an OAuth form (RFC 6749, RFC 8693).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::denials::invalid;
use crate::config::read_document;
use crate::denial::{Denial, Reason};
use crate::dialect::TokenShape;
use crate::identity::{Limits, Presented, in_body};
use crate::request::RequestHead;
use crate::secret::Secret;

pub(super) const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
pub(super) const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// What is asked for; what is `None` is left to the gateway.
#[derive(Debug, Default)]
pub struct TokenRequest {
    pub lifetime_seconds: Option<u64>,
    pub scopes: Option<Vec<String>>,
    /// Must be the caller's own.
    pub tenant: Option<String>,
    /// Must be this gateway, by its name.
    pub(super) audiences: Vec<String>,
    pub limits: Limits,
    /// What the token shall be bound to, of what the caller holds.
    pub bind: Vec<Bind>,
    /// The subject's own key for a provider, sealed, which shall go on with the token's requests.
    pub provider_key: Option<Secret>,
    /// The user's token, where an agent asks for one to act for the user.
    pub subject: Option<Presented>,
    /// The agent's own token, where it is sent once more.
    pub actor: Option<Presented>,
    pub(super) manner: Manner,
    /// Echoed, as OpenAI's endpoint does.
    pub(super) session: Option<serde_json::Value>,
    /// The shape of a provider's own token, where it was asked for at the provider's path.
    pub(super) shape: Option<TokenShape>,
}

/// What a token can be bound to.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Bind {
    /// The client certificate of the connection (RFC 8705).
    Certificate,
    /// The key of the proof that comes with the request (RFC 9449).
    Dpop,
}

/// In whose manner the caller asks, and is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// OpenAI's client secrets.
    #[default]
    Secrets,
    /// OAuth's token endpoint.
    OAuth,
}

impl Manner {
    /// By the content type alone, since a refusal can come before the body.
    pub fn of(head: &RequestHead) -> Option<Self> {
        let mut types = head.values("content-type");
        let (sent, None) = (types.next().unwrap_or_default(), types.next()) else { return None };
        let value = sent.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        match value.to_ascii_lowercase().as_slice() {
            b"application/x-www-form-urlencoded" => Some(Self::OAuth),
            b"application/json" | b"" => Some(Self::Secrets),
            _ => None,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    expires_after: Option<ExpiresAfter>,
    session: Option<Session>,
    scopes: Option<Vec<String>>,
    models: Option<Vec<String>>,
    operations: Option<Vec<String>>,
    requests: Option<u64>,
    tenant: Option<String>,
    bind: Option<Vec<Bind>>,
    provider_key: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpiresAfter {
    #[serde(rename = "anchor")]
    _anchor: Option<Anchor>,
    seconds: u64,
}

/// OpenAI has no other.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Anchor {
    CreatedAt,
}

/// Of OpenAI's session only what a token can hold the caller to.
#[derive(Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
struct Session {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
}

impl TokenRequest {
    /// What an operator asks for in the place of a caller.
    pub fn by_operator(lifetime_seconds: Option<u64>, scopes: Option<Vec<String>>, limits: Limits) -> Self {
        Self { lifetime_seconds, scopes, limits, ..Self::default() }
    }

    /// # Errors
    /// What cannot be understood, or is not known: a wish that was overlooked would make a token wider than was meant.
    pub fn read(head: &RequestHead, body: &[u8]) -> Result<Self, Denial> {
        if head.values("content-encoding").next().is_some() {
            return Err(Denial::new(Reason::BodyUnsupported).with_detail("a content encoding is not read"));
        }
        match Manner::of(head) {
            Some(Manner::OAuth) => Form::read(body)?.asked(),
            Some(Manner::Secrets) if body.trim_ascii().is_empty() => Ok(Self::default()),
            Some(Manner::Secrets) => Self::of_json(body),
            None => Err(Denial::new(Reason::BodyUnsupported)
                .with_detail("ask for a token by `application/json` or `application/x-www-form-urlencoded`")),
        }
    }

    fn of_json(body: &[u8]) -> Result<Self, Denial> {
        let document = read_document(body).map_err(invalid)?;
        let Document {
            expires_after,
            session,
            scopes,
            models,
            operations,
            requests,
            tenant,
            bind,
            provider_key,
        } = document;
        let models = match (models, session.as_ref().and_then(|session| session.model.clone())) {
            (Some(_), Some(_)) => {
                return Err(invalid("`models` and `session.model` both name models; send one"));
            }
            (models, model) => models.or_else(|| model.map(|model| vec![model])),
        };
        Ok(Self {
            lifetime_seconds: expires_after.map(|after| after.seconds),
            scopes,
            tenant,
            limits: Limits { models, operations, requests },
            bind: bind.unwrap_or_default(),
            provider_key: provider_key.map(Secret::new),
            session: session.and_then(|session| serde_json::to_value(session).ok()),
            ..Self::default()
        })
    }
}

/// The parameters of a form, each at most once.
struct Form(BTreeMap<String, String>);

impl Form {
    fn read(body: &[u8]) -> Result<Self, Denial> {
        let mut parameters = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(body) {
            // A parameter without a value counts as left out (RFC 6749 section 3.2).
            if value.is_empty() {
                continue;
            }
            if parameters.insert(name.clone().into_owned(), value.into_owned()).is_some() {
                return Err(invalid(format!("`{name}` is sent twice")));
            }
        }
        Ok(Self(parameters))
    }

    fn asked(mut self) -> Result<TokenRequest, Denial> {
        let grant = self.take("grant_type").ok_or_else(|| invalid("`grant_type` is missing"))?;
        let exchange = match grant.as_str() {
            TOKEN_EXCHANGE => self.exchange()?,
            "client_credentials" => (None, None),
            _ => {
                return Err(Denial::new(Reason::GrantTypeUnsupported)
                    .with_detail(format!("send `client_credentials` or `{TOKEN_EXCHANGE}`")));
            }
        };
        let asked = TokenRequest {
            lifetime_seconds: self.number("expires_in")?,
            scopes: self.words("scope"),
            tenant: self.take("tenant"),
            audiences: ["audience", "resource"].into_iter().filter_map(|name| self.take(name)).collect(),
            limits: Limits {
                models: self.words("models"),
                operations: self.words("operations"),
                requests: self.number("requests")?,
            },
            bind: self.bind()?,
            provider_key: self.take("provider_key").map(Secret::new),
            subject: exchange.0,
            actor: exchange.1,
            manner: Manner::OAuth,
            session: None,
            shape: None,
        };
        match self.0.keys().next().map(String::as_str) {
            None => Ok(asked),
            Some("client_id" | "client_secret" | "client_assertion" | "client_assertion_type") => {
                Err(invalid("the client is known by `Authorization: Bearer`; send no other credential of it"))
            }
            Some(name) => Err(invalid(format!("the parameter `{name}` is not known"))),
        }
    }

    /// RFC 8693 section 2.1.
    fn exchange(&mut self) -> Result<(Option<Presented>, Option<Presented>), Denial> {
        if let Some(kind) = self.take("requested_token_type")
            && kind != ACCESS_TOKEN
        {
            return Err(invalid(format!("`requested_token_type` can only be `{ACCESS_TOKEN}`")));
        }
        let subject = self.token("subject_token", "subject_token_type")?;
        let subject = subject.ok_or_else(|| invalid("`subject_token` is missing"))?;
        Ok((Some(subject), self.token("actor_token", "actor_token_type")?))
    }

    fn token(&mut self, name: &'static str, type_name: &'static str) -> Result<Option<Presented>, Denial> {
        match (self.take(name), self.take(type_name)) {
            (None, None) => Ok(None),
            (Some(token), Some(kind)) if kind == ACCESS_TOKEN || kind == JWT => {
                in_body(name, &token).map(Some).map_err(|denial| invalid(denial.reason().message()))
            }
            (Some(_), Some(_)) => {
                Err(invalid(format!("`{type_name}` can only be `{ACCESS_TOKEN}` or `{JWT}`")))
            }
            (Some(_), None) => Err(invalid(format!("`{type_name}` is missing"))),
            (None, Some(_)) => Err(invalid(format!("`{name}` is missing"))),
        }
    }

    fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    fn words(&mut self, name: &str) -> Option<Vec<String>> {
        Some(self.take(name)?.split_ascii_whitespace().map(str::to_owned).collect())
    }

    fn bind(&mut self) -> Result<Vec<Bind>, Denial> {
        let words = self.words("bind").unwrap_or_default();
        let bind = words.iter().map(|word| match word.as_str() {
            "certificate" => Ok(Bind::Certificate),
            "dpop" => Ok(Bind::Dpop),
            word => Err(invalid(format!("`bind` can be `certificate` or `dpop`, not `{word}`"))),
        });
        bind.collect()
    }

    fn number(&mut self, name: &str) -> Result<Option<u64>, Denial> {
        let number = self.take(name).map(|text| text.parse().map_err(|_| text));
        number.transpose().map_err(|_| invalid(format!("`{name}` is not a whole number")))
    }
}
