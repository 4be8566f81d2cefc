//! A token of the caller's own, got in exchange for the one that the caller has sent.

use serde::{Deserialize, Serialize};

use super::oauth::OauthClient;
use crate::config::values::Span;

/// The provider sees the user: the token that the caller has sent is exchanged for one that is for the provider. It goes on as
/// `Authorization: Bearer`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    pub grant: ExchangeGrant,
    /// The gateway as a client of the authorization server, and what the token is for. `parameters` may hold `audience`,
    /// `resource` and `requested_token_type` (RFC 8693 section 2.1).
    pub client: OauthClient,
    /// Whose tokens are exchanged: values of `iss` that `issuers` knows. All other callers are refused `exchange_subject_missing`,
    /// those with an API key or a token of this gateway among them.
    pub issuers: Vec<String>,
    /// What the caller's token is called in a `token_exchange`.
    #[serde(default, skip_serializing_if = "SubjectTokenType::is_default")]
    pub subject_token_type: SubjectTokenType,
    /// The longest that a token is used, whatever it says, and never beyond the caller's own.
    #[serde(default = "one_hour")]
    pub max_age: Span,
    /// How many callers' tokens a worker remembers; who was served least recently is asked for again.
    #[serde(default = "thousand")]
    pub entries: usize,
    /// Whether a caller's token that is bound to a key or a certificate is exchanged, too: what comes back is bound to nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bound_callers: bool,
    /// Where a user signs in once more, such as `https://login.microsoftonline.com/TENANT/oauth2/v2.0/authorize`. Present: where
    /// the server wants more of the user (`claims`), the caller is told so in the challenge of its 401, as Microsoft's clients
    /// read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_uri: Option<String>,
}

/// How a token is exchanged for another.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ExchangeGrant {
    /// Microsoft Entra ID's on-behalf-of flow: RFC 7523 section 2.1 with `requested_token_use`.
    OnBehalfOf,
    /// RFC 8693.
    TokenExchange,
}

/// What kind of token a caller has sent (RFC 8693 section 3).
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SubjectTokenType {
    #[default]
    AccessToken,
    IdToken,
    Jwt,
}

impl ExchangeGrant {
    /// As in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::OnBehalfOf => "on_behalf_of",
            Self::TokenExchange => "token_exchange",
        }
    }
}

impl SubjectTokenType {
    pub fn uri(self) -> &'static str {
        match self {
            Self::AccessToken => "urn:ietf:params:oauth:token-type:access_token",
            Self::IdToken => "urn:ietf:params:oauth:token-type:id_token",
            Self::Jwt => "urn:ietf:params:oauth:token-type:jwt",
        }
    }

    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

fn one_hour() -> Span {
    Span::from_seconds(3600)
}

fn thousand() -> usize {
    1000
}
