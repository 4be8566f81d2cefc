//! One credential as it was presented: its text, and what can be seen of it from outside.

use memchr::memchr;

use super::carrier::{Carrier, PROVIDER_KEY};
use super::scheme::Scheme;
use crate::denial::{Denial, Reason};
use crate::secret::Secret;

/// Longer credentials are refused unread.
pub const MAX_CREDENTIAL_BYTES: usize = 16 * 1024;

/// What every token of this gateway's own begins with.
pub const MINTED_PREFIX: &str = "cgt_";

/// What every sealed key begins with. It is no credential of a caller, and goes beside one.
pub const SEALED_PREFIX: &str = "cgs_";

/// Gemini's SDK says so before a short-lived token, and names its scheme `Token`.
pub(super) const AUTH_TOKENS: &[u8] = b"auth_tokens/";

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

    /// Reads what a carrier holds, by `Bearer` if nothing else is said.
    ///
    /// # Errors
    /// Refuses what cannot be a credential.
    pub(super) fn read(carrier: Carrier, value: &[u8]) -> Result<Self, Denial> {
        if memchr(b',', value).is_some() {
            return Err(Reason::AmbiguousCredential.into());
        }
        if value.is_empty() || !is_visible(value) {
            return Err(Denial::new(Reason::CredentialMalformed)
                .with_detail(format!("`{}` must hold visible ASCII without spaces", carrier.name())));
        }
        let minted =
            value.strip_prefix(AUTH_TOKENS).filter(|token| token.starts_with(MINTED_PREFIX.as_bytes()));
        let value = minted.unwrap_or(value);
        if value.starts_with(SEALED_PREFIX.as_bytes()) {
            return Err(Denial::new(Reason::ProviderKeyInvalid).with_detail(format!(
                "it was sent in `{}`; send your own credential there, and the sealed key in `{PROVIDER_KEY}`",
                carrier.name()
            )));
        }
        let kind = PresentedKind::of(value);
        if value.len() > MAX_CREDENTIAL_BYTES {
            return Err(match kind {
                PresentedKind::ApiKey => Reason::CredentialMalformed,
                PresentedKind::Jwt | PresentedKind::Minted => Reason::TokenTooLarge,
            }
            .into());
        }
        Ok(Self { kind, secret: Secret::new(value), carrier, scheme: Scheme::Bearer })
    }
}

/// Looks at every byte, whatever the ones before are: the compiler then takes many at once.
fn is_visible(value: &[u8]) -> bool {
    value.iter().fold(true, |is_visible, byte| is_visible & byte.is_ascii_graphic())
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

impl PresentedKind {
    /// Ours are told by their prefix, before anything is parsed. A JOSE header is a JSON object, and `{` in base64url is `e`
    /// and one of these.
    fn of(value: &[u8]) -> Self {
        if value.starts_with(MINTED_PREFIX.as_bytes()) {
            return Self::Minted;
        }
        let opens_an_object = [b"ey", b"ew", b"e3"].iter().any(|start| value.starts_with(*start));
        match value.starts_with(b"eyJ") || (opens_an_object && value.contains(&b'.')) {
            true => Self::Jwt,
            false => Self::ApiKey,
        }
    }
}
