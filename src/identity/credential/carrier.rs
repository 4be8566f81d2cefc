//! The headers, parameters and subprotocols that carry credentials.

use super::scheme::Scheme;

/// The headers that carry callers' credentials, or could at a provider: none of them is forwarded.
///
/// The `_` forms and `proxy-authorization` prove nobody here, but some servers read them. A key in
/// `sec-websocket-protocol` is removed by [`protocols_without_credentials`].
pub const CARRIERS: &[&str] = &[
    "authorization",
    "proxy-authorization",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "x-amz-security-token",
    // A proof of possession (RFC 9449), which is for this gateway.
    "dpop",
    // Azure's services take it for `api-key`.
    "ocp-apim-subscription-key",
    "x_api_key",
    "api_key",
    "x_goog_api_key",
    PROVIDER_KEY,
];

/// Carries a user's own key for the provider, sealed, beside the caller's credential.
pub const PROVIDER_KEY: &str = "x-claimgate-provider-key";

/// Browsers cannot set headers on a WebSocket, so OpenAI's SDK sends the key as a subprotocol.
pub(super) const PROTOCOLS: &str = "sec-websocket-protocol";
pub(super) const KEY_PROTOCOL: &str = "openai-insecure-api-key.";
/// Subprotocols that stand for headers which the gateway asserts itself.
const ACCOUNT_PROTOCOLS: [&str; 2] = ["openai-organization.", "openai-project."];

/// Where a credential was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    Authorization,
    XApiKey,
    ApiKey,
    XGoogApiKey,
    WebSocketProtocol,
    /// A parameter of a form that asks for a token (RFC 8693).
    Form(&'static str),
}

impl Carrier {
    pub(super) const HEADERS: [Self; 4] =
        [Self::Authorization, Self::XApiKey, Self::ApiKey, Self::XGoogApiKey];

    /// True where there is no more than blanks, or a scheme without anything behind it (RFC 6750 section 2.1 wants at least
    /// one character).
    pub(super) fn is_empty(self, value: &[u8]) -> bool {
        let value = value.trim_ascii();
        value.is_empty() || (self == Self::Authorization && Scheme::of(value).is_some())
    }

    /// The name of the header or parameter.
    pub fn name(self) -> &'static str {
        match self {
            Self::Authorization => "authorization",
            Self::XApiKey => "x-api-key",
            Self::ApiKey => "api-key",
            Self::XGoogApiKey => "x-goog-api-key",
            Self::WebSocketProtocol => PROTOCOLS,
            Self::Form(parameter) => parameter,
        }
    }
}

/// What is left of a `sec-websocket-protocol` value once the credential and the account are gone; in any case,
/// because a provider may not tell one from another.
pub fn protocols_without_credentials(value: &str) -> String {
    let kept = value.split(',').map(str::trim).filter(|protocol| {
        let lower = protocol.to_ascii_lowercase();
        !lower.starts_with(KEY_PROTOCOL) && !ACCOUNT_PROTOCOLS.iter().any(|prefix| lower.starts_with(prefix))
    });
    kept.collect::<Vec<_>>().join(", ")
}
