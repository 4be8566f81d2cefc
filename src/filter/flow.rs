//! The state of one stream, shared with the root context so that a tick can wake a held stream.

use crate::denial::Reason;
use crate::gateway::Call;
use crate::identity::CredentialName;
use crate::meter::{ExtraEvent, Meter};
use crate::upstream::UrlKey;

/// Where a stream is in the lifecycle.
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
    /// For what the rate limit service answers.
    AwaitingLimits,
    Forwarded,
    /// The filter has answered: a refusal, or a token.
    Answered,
    /// The stream is over; nothing may wake it.
    Gone,
}

impl Phase {
    /// True where the stream waits.
    pub(super) fn is_held(self) -> bool {
        match self {
            Self::AwaitingBody { .. }
            | Self::AwaitingKeys { .. }
            | Self::AwaitingIntrospection { .. }
            | Self::AwaitingLimits => true,
            Self::Fresh | Self::Forwarded | Self::Answered | Self::Gone => false,
        }
    }

    /// Why a request is refused whose body grows too long while it waits for what somebody else says.
    pub(super) fn impatience(self) -> Option<Reason> {
        match self {
            Self::AwaitingKeys { .. } | Self::AwaitingIntrospection { .. } => {
                Some(Reason::IdentityUnavailable)
            }
            Self::AwaitingLimits => Some(Reason::QuotaUnavailable),
            Self::Fresh | Self::AwaitingBody { .. } | Self::Forwarded | Self::Answered | Self::Gone => None,
        }
    }
}

/// How many bytes of the request body have come. They are in Envoy's buffer, and nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
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

impl Body {
    /// No body, or one that is not looked at again.
    pub(super) const DONE: Self = Self::Complete { bytes: 0 };

    /// How many of its bytes Envoy holds.
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

/// One stream.
pub(super) struct Flow {
    pub(super) phase: Phase,
    pub(super) call: Option<Call>,
    pub(super) body: Body,
    /// How many bytes of it have come.
    pub(super) body_bytes: u64,
    pub(super) held_since_ms: u64,
    /// What the response phase told the record.
    pub(super) provider_request_id: Option<String>,
    pub(super) response_from_provider: bool,
    pub(super) status: Option<u32>,
    pub(super) response_complete: bool,
    /// Reads the provider's answer, where it costs something.
    pub(super) meter: Option<Meter>,
    /// Takes out of the answer what the caller has not asked for.
    pub(super) extra: Option<ExtraEvent>,
    /// Makes a URL in the answer the gateway's.
    pub(super) url_key: Option<UrlKey>,
    /// What takes the place of the body of an error that Envoy answered by itself.
    pub(super) replacement_body: Option<Vec<u8>>,
    /// True where the provider had begun to answer when the request was refused in the middle of its body.
    pub(super) answer_was_cut: bool,
}

impl Flow {
    pub(super) fn new() -> Self {
        Self {
            phase: Phase::Fresh,
            call: None,
            body: Body::Coming { bytes: 0 },
            body_bytes: 0,
            held_since_ms: 0,
            provider_request_id: None,
            response_from_provider: false,
            status: None,
            response_complete: false,
            meter: None,
            extra: None,
            url_key: None,
            replacement_body: None,
            answer_was_cut: false,
        }
    }

    /// A piece of the body comes; of one that is held, all of it that has come so far.
    pub(super) fn body_comes(&mut self, size: usize) {
        let bytes = u64::try_from(size).unwrap_or(u64::MAX);
        let before = if self.phase == Phase::Forwarded { self.body_bytes } else { 0 };
        self.body_bytes = before.saturating_add(bytes);
    }
}
