//! The section `tokens`: short-lived tokens that the gateway itself gives to its callers.

use serde::{Deserialize, Serialize};

use crate::config::values::{SecretSource, Span};

/// Short-lived tokens that the gateway gives to callers for themselves, or to agents for a user. A token never allows
/// more than the credential it was got with.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Tokens {
    /// The tokens' `iss` and `aud`: a name of this gateway that no entry of `issuers` has. Gateways that share it and the
    /// signing key take each other's tokens.
    pub issuer: String,
    /// Where tokens are asked for, by `POST`; the gateway answers it whatever the route.
    #[serde(default = "default_path")]
    pub path: String,
    /// Signs new tokens. The value is a JWK (RFC 7517) as `claimgate key signing` makes it: Ed25519, or `oct` for HS256.
    pub signing_key: SecretSource,
    /// Another key whose tokens are still accepted, or accepted already, while the key is rotated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_key: Option<SecretSource>,
    /// The longest life of a token, from `60s` to `10m`; what a token gets that asks for none.
    #[serde(default = "default_lifetime")]
    pub max_lifetime: Span,
    /// CEL over `principal` and `asked`: who may have a token. Absent: everybody with a credential, since the token allows
    /// no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow: Option<String>,
    /// CEL over `principal` (the user), `actor` (the agent) and `asked`: which agent may have a token for which user.
    /// Absent: only the one that the user's token names in `may_act` (RFC 8693).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_actor: Option<String>,
}

impl Tokens {
    /// The shortest life of a token.
    pub const MIN_LIFETIME: Span = Span::from_seconds(60);
    /// The longest that may be configured.
    pub const LONGEST: Span = Span::from_seconds(600);
}

fn default_path() -> String {
    "/claimgate/v1/tokens".to_owned()
}

fn default_lifetime() -> Span {
    Tokens::LONGEST
}
