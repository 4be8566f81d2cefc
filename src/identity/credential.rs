//! Finds the one credential of a request.
//!
//! It does not judge it. It reads the full list of headers, because a proxy that joins or drops a second
//! value would make two readers see two callers; what can be read in more than one way is refused.

use percent_encoding::percent_decode_str;

use super::minted::PREFIX as MINTED_PREFIX;
use crate::denial::{Denial, Reason};
use crate::request::RequestHead;
use crate::secret::Secret;

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
];

/// What a caller is told who signs as AWS's own services want it.
const NO_SIGNATURES: &str = "AWS signatures are not read; send this gateway's credential as a bearer token, as the SDKs do with `AWS_BEARER_TOKEN_BEDROCK`";

/// Longer credentials are refused unread.
pub const MAX_CREDENTIAL_BYTES: usize = 16 * 1024;

/// Browsers cannot set headers on a WebSocket, so OpenAI's SDK sends the key as a subprotocol.
const PROTOCOLS: &str = "sec-websocket-protocol";
const KEY_PROTOCOL: &str = "openai-insecure-api-key.";
/// Subprotocols that stand for headers which the gateway asserts itself.
const ACCOUNT_PROTOCOLS: [&str; 2] = ["openai-organization.", "openai-project."];

/// Gemini's SDK says so before a short-lived token, and names its scheme `Token`.
const AUTH_TOKENS: &[u8] = b"auth_tokens/";

/// Names of query parameters that hold credentials, in lower case and without `-` and `_`.
const QUERY_NAMES: [&str; 20] = [
    "key",
    "apikey",
    "xapikey",
    "xgoogapikey",
    "subscriptionkey",
    "ocpapimsubscriptionkey",
    "token",
    "accesstoken",
    "idtoken",
    "authtoken",
    "oauthtoken",
    "bearertoken",
    "jwt",
    "auth",
    "authorization",
    "bearer",
    "clientsecret",
    "xamzcredential",
    "xamzsignature",
    "xamzsecuritytoken",
];

/// The credential of a request: visible ASCII without commas, not empty, at most 16 KiB.
#[derive(Clone, Debug)]
pub struct Presented {
    pub kind: PresentedKind,
    pub secret: Secret,
    pub carrier: Carrier,
    pub scheme: Scheme,
}

impl Presented {
    /// The credential as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(self.secret.expose()).unwrap_or_default()
    }
}

/// How a credential is verified, seen from its shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PresentedKind {
    /// Looked up by its hash.
    ApiKey,
    /// Begins as a JOSE header does, whether or not the rest is sound.
    Jwt,
    /// Begins as a token of this gateway does.
    Minted,
}

/// How a credential is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// By `Bearer` (RFC 6750), or in a header that has no scheme.
    Bearer,
    /// By `DPoP`, together with a proof (RFC 9449 section 7.1).
    Dpop,
}

impl Scheme {
    /// In any case (RFC 9110 section 11.1).
    fn of(name: &[u8]) -> Option<Self> {
        let known = [(b"bearer".as_slice(), Self::Bearer), (b"dpop", Self::Dpop)];
        known.into_iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map(|(_, scheme)| scheme)
    }
}

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
    const HEADERS: [Self; 4] = [Self::Authorization, Self::XApiKey, Self::ApiKey, Self::XGoogApiKey];

    /// True where there is no more than blanks, or a scheme without anything behind it (RFC 6750 section 2.1 wants at least
    /// one character).
    fn is_empty(self, value: &[u8]) -> bool {
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

/// Finds the credential. The same one in two headers, as some SDKs send it, counts once. A header or parameter without a
/// value, as SDKs send for a variable that is empty, holds none.
///
/// # Errors
/// Refuses a request with none, with two, with one in the query string, or with one that cannot be read.
pub fn find(request: &RequestHead) -> Result<Presented, Denial> {
    if let Some(name) = request.query().and_then(credential_in_query) {
        let denial = Denial::new(Reason::CredentialInQuery);
        return Err(match name.starts_with("xamz") {
            true => denial.with_detail(NO_SIGNATURES),
            false => denial,
        });
    }
    let mut found: Option<Presented> = None;
    for carrier in Carrier::HEADERS {
        let values = request.values(carrier.name()).filter(|value| !carrier.is_empty(value));
        let Some(value) = single(values)? else { continue };
        found = Some(agree(found, credential(carrier, value)?)?);
    }
    if request.is_upgrade() {
        let keys = protocols(request).filter_map(|protocol| protocol.strip_prefix(KEY_PROTOCOL.as_bytes()));
        let keys = keys.filter(|key| !key.is_empty());
        if let Some(value) = single(keys)? {
            found = Some(agree(found, presented(Carrier::WebSocketProtocol, value)?)?);
        }
    }
    found.ok_or_else(|| Reason::CredentialMissing.into())
}

/// The credential in a parameter of a form.
///
/// # Errors
/// Refuses what cannot be one.
pub fn in_body(parameter: &'static str, value: &str) -> Result<Presented, Denial> {
    presented(Carrier::Form(parameter), value.as_bytes())
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

/// The name of the first parameter that holds a credential.
fn credential_in_query(query: &str) -> Option<&'static str> {
    query.split('&').find_map(|pair| {
        // Some servers split at `;` too; to the others all that follows belongs to the value.
        let mut rest = Some(pair);
        while let Some(part) = rest {
            let end = part.find(['=', ';']).unwrap_or(part.len());
            let (name, value) = part.split_at_checked(end)?;
            if let Some(name) = query_name(name)
                && !matches!(value, "" | "=")
            {
                return Some(name);
            }
            rest = part.split_once(';').map(|(_, rest)| rest);
        }
        None
    })
}

fn query_name(raw: &str) -> Option<&'static str> {
    let decoded = percent_decode_str(raw).decode_utf8_lossy();
    let name: String =
        decoded.chars().filter(|c| !matches!(c, '-' | '_')).map(|c| c.to_ascii_lowercase()).collect();
    // `key[]` is `key` to some servers, and some end a name at NUL.
    let name = name.split(['[', '\0']).next().unwrap_or_default().trim();
    QUERY_NAMES.into_iter().find(|known| *known == name)
}

/// The only value; a second one is refused even where it is equal.
fn single<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> Result<Option<&'a [u8]>, Denial> {
    let first = values.next();
    match values.next() {
        Some(_) => Err(Reason::AmbiguousCredential.into()),
        None => Ok(first),
    }
}

fn protocols(request: &RequestHead) -> impl Iterator<Item = &[u8]> {
    request.values(PROTOCOLS).flat_map(|value| value.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii)
}

fn agree(found: Option<Presented>, next: Presented) -> Result<Presented, Denial> {
    match found {
        Some(first) if first.secret != next.secret => Err(Reason::AmbiguousCredential.into()),
        Some(first) => Ok(first),
        None => Ok(next),
    }
}

fn credential(carrier: Carrier, value: &[u8]) -> Result<Presented, Denial> {
    match carrier {
        Carrier::Authorization => {
            let (scheme, value) = authorization(value)?;
            Ok(Presented { scheme, ..presented(carrier, value)? })
        }
        _ => presented(carrier, value),
    }
}

/// What follows the scheme and its spaces (RFC 6750 section 2.1, RFC 9449 section 7.1).
fn authorization(value: &[u8]) -> Result<(Scheme, &[u8]), Denial> {
    let scheme: &[u8] = value.split(|byte| *byte == b' ').next().unwrap_or_default();
    // Before the commas are looked at, because a SigV4 value is full of them.
    if scheme.get(..5).is_some_and(|begin| begin.eq_ignore_ascii_case(b"AWS4-")) {
        return Err(Denial::new(Reason::CredentialMalformed).with_detail(NO_SIGNATURES));
    }
    if value.contains(&b',') {
        return Err(Reason::AmbiguousCredential.into());
    }
    let rest = trim_spaces(value.strip_prefix(scheme).unwrap_or_default());
    if scheme.eq_ignore_ascii_case(b"token") && rest.starts_with(AUTH_TOKENS) {
        return Ok((Scheme::Bearer, rest));
    }
    match Scheme::of(scheme) {
        Some(scheme) => Ok((scheme, rest)),
        None => Err(Denial::new(Reason::CredentialMalformed)
            .with_detail("`Authorization` must be `Bearer` or `DPoP` and the credential")),
    }
}

fn trim_spaces(mut value: &[u8]) -> &[u8] {
    while let Some(rest) = value.strip_prefix(b" ") {
        value = rest;
    }
    value
}

fn presented(carrier: Carrier, value: &[u8]) -> Result<Presented, Denial> {
    if value.contains(&b',') {
        return Err(Reason::AmbiguousCredential.into());
    }
    if value.is_empty() || !value.iter().all(u8::is_ascii_graphic) {
        return Err(Denial::new(Reason::CredentialMalformed)
            .with_detail(format!("`{}` must hold visible ASCII without spaces", carrier.name())));
    }
    let minted = value.strip_prefix(AUTH_TOKENS).filter(|token| token.starts_with(MINTED_PREFIX.as_bytes()));
    let value = minted.unwrap_or(value);
    let kind = kind(value);
    if value.len() > MAX_CREDENTIAL_BYTES {
        return Err(match kind {
            PresentedKind::ApiKey => Reason::CredentialMalformed,
            PresentedKind::Jwt | PresentedKind::Minted => Reason::TokenTooLarge,
        }
        .into());
    }
    Ok(Presented { kind, secret: Secret::new(value), carrier, scheme: Scheme::Bearer })
}

/// Ours are told by their prefix, before anything is parsed. A JOSE header is a JSON object, and `{` in base64url is `e` and one of these.
fn kind(value: &[u8]) -> PresentedKind {
    if value.starts_with(MINTED_PREFIX.as_bytes()) {
        return PresentedKind::Minted;
    }
    let opens_an_object = [b"ey", b"ew", b"e3"].iter().any(|start| value.starts_with(*start));
    match value.starts_with(b"eyJ") || (opens_an_object && value.contains(&b'.')) {
        true => PresentedKind::Jwt,
        false => PresentedKind::ApiKey,
    }
}

#[cfg(test)]
mod tests;
