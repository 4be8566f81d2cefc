//! The phases of an exchange, and how far its request's body has come.

use crate::credentials::{CredentialIndex, ExchangeCaller, ExchangeName};
use crate::denial::Reason;
use crate::identity::CredentialName;

/// Where an exchange is in the lifecycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Fresh,
    AwaitingBody {
        limit: u64,
        /// From how many bytes on its beginning may be enough.
        look: Option<usize>,
    },
    AwaitingKeys {
        issuer: usize,
        fetched_ms: Option<u64>,
        until_ms: u64,
    },
    /// For what its issuer says of the token of this name.
    AwaitingIntrospection {
        name: CredentialName,
    },
    /// For a token for the provider.
    AwaitingToken {
        credential: CredentialIndex,
        since_ms: u64,
        until_ms: u64,
    },
    /// For what the caller's token of this name is exchanged for.
    AwaitingUserToken {
        name: ExchangeName,
        caller: ExchangeCaller,
        since_ms: u64,
        until_ms: u64,
    },
    /// For what the rate limit service answers.
    AwaitingLimits,
    Forwarded,
    /// The gateway has answered: a refusal, or a token.
    Answered,
    /// The exchange is over; nothing may wake it.
    Over,
}

impl Phase {
    /// True where the exchange waits.
    pub(super) fn is_held(self) -> bool {
        match self {
            Self::AwaitingBody { .. }
            | Self::AwaitingKeys { .. }
            | Self::AwaitingIntrospection { .. }
            | Self::AwaitingToken { .. }
            | Self::AwaitingUserToken { .. }
            | Self::AwaitingLimits => true,
            Self::Fresh | Self::Forwarded | Self::Answered | Self::Over => false,
        }
    }

    /// Since when it waits for a token for the provider; `None` where it does not.
    pub(super) fn token_since_ms(self) -> Option<u64> {
        match self {
            Self::AwaitingToken { since_ms, .. } | Self::AwaitingUserToken { since_ms, .. } => Some(since_ms),
            _ => None,
        }
    }

    /// Why a request is refused whose body grows too long while it waits for what somebody else says; `None` where it does
    /// not wait for that.
    pub(super) fn unavailable(self) -> Option<Reason> {
        match self {
            Self::AwaitingKeys { .. } | Self::AwaitingIntrospection { .. } => {
                Some(Reason::IdentityUnavailable)
            }
            Self::AwaitingToken { .. } | Self::AwaitingUserToken { .. } => {
                Some(Reason::UpstreamTokenUnavailable)
            }
            Self::AwaitingLimits => Some(Reason::QuotaUnavailable),
            Self::Fresh | Self::AwaitingBody { .. } | Self::Forwarded | Self::Answered | Self::Over => None,
        }
    }
}

/// How many bytes of the request body have come. They are in the host's buffer, and nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyProgress {
    Coming {
        bytes: usize,
    },
    /// Enough of a longer one to be looked at.
    Begun {
        bytes: usize,
    },
    Complete {
        bytes: usize,
    },
}

impl BodyProgress {
    /// No body, or one that is not looked at again.
    pub(super) const DONE: Self = Self::Complete { bytes: 0 };

    /// How many of its bytes the host holds.
    pub(super) fn held(self) -> usize {
        match self {
            Self::Coming { bytes } | Self::Begun { bytes } | Self::Complete { bytes } => bytes,
        }
    }

    /// The same of which so many bytes are held by now.
    pub(super) fn grown(self, bytes: usize) -> Self {
        match self {
            Self::Coming { .. } => Self::Coming { bytes },
            Self::Begun { .. } => Self::Begun { bytes },
            Self::Complete { .. } => Self::Complete { bytes },
        }
    }
}
