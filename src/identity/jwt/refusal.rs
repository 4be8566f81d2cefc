//! Why a JWT was not accepted, and whether newer keys could change that.

use crate::denial::{Denial, Reason};

/// Why a token was not accepted; an issuer is named by its index in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JwtRefusal {
    Denied(Denial),
    /// The issuer's key set lacks the token's key; a newer set may have it. Where none is to be had, this is why.
    UnknownKey {
        issuer: usize,
        reason: Reason,
    },
    /// The issuer's key set has not arrived.
    KeysMissing {
        issuer: usize,
    },
    /// The issuer has no keys here; it is asked about its tokens.
    Introspected {
        issuer: usize,
    },
}

impl From<Denial> for JwtRefusal {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

/// For a caller that cannot wait for keys.
impl From<JwtRefusal> for Denial {
    fn from(refusal: JwtRefusal) -> Self {
        match refusal {
            JwtRefusal::Denied(denial) => denial,
            JwtRefusal::UnknownKey { reason, .. } => reason.into(),
            JwtRefusal::KeysMissing { .. } | JwtRefusal::Introspected { .. } => {
                Reason::IdentityUnavailable.into()
            }
        }
    }
}
