//! Where one exchange is in the lifecycle, and what is known of it.

use super::host::Exchange;
use super::phase::{BodyProgress, Phase};
use crate::credentials::Spell;
use crate::gateway::Call;
use crate::meter::{Meter, UsageChunkFilter};
use crate::upstream::UrlKey;

/// One exchange. It is shared with the worker, so that an event of the house can wake one that is held.
pub(super) struct State {
    pub(super) phase: Phase,
    /// `None` before the first event, and after the last.
    pub(super) call: Option<Call>,
    pub(super) body: BodyProgress,
    /// How many bytes of the body have come.
    pub(super) body_bytes: u64,
    pub(super) held_since_ms: u64,
    /// How long it waited for a token; `None` where it did not.
    pub(super) token_wait_ms: Option<u64>,
    pub(super) response: Response,
}

/// The answer on its way back.
#[derive(Default)]
pub(super) struct Response {
    pub(super) status: Option<u32>,
    pub(super) is_from_provider: bool,
    pub(super) is_complete: bool,
    /// True where the provider had begun to answer when the exchange was refused.
    pub(super) was_cut: bool,
    pub(super) provider_request_id: Option<String>,
    /// Which of several keys the filter on the cluster says it has put on.
    pub(super) pool_member: Option<String>,
    /// What the answer means for the one of several keys that went on here.
    pub(super) spell: Option<Spell>,
    /// Reads the provider's answer, where it costs something.
    pub(super) meter: Option<Meter>,
    /// Takes out of the answer what the caller has not asked for.
    pub(super) extra: Option<UsageChunkFilter>,
    /// Makes a URL in the answer the gateway's.
    pub(super) url_key: Option<UrlKey>,
    /// What takes the place of the body of an error that the host answered by itself.
    pub(super) replacement: Option<Vec<u8>>,
}

impl Response {
    /// The exchange is refused: where the provider had begun to answer, it is the provider's answer that ends.
    pub(super) fn cut_short(&mut self) {
        self.was_cut = self.is_from_provider;
    }
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            phase: Phase::Fresh,
            call: None,
            body: BodyProgress::Coming { bytes: 0 },
            body_bytes: 0,
            held_since_ms: 0,
            token_wait_ms: None,
            response: Response::default(),
        }
    }

    /// A piece of the body comes; of one that is held, all of it that has come so far.
    pub(super) fn body_comes(&mut self, size: usize) {
        let bytes = u64::try_from(size).unwrap_or(u64::MAX);
        let before = if self.phase == Phase::Forwarded { self.body_bytes } else { 0 };
        self.body_bytes = before.saturating_add(bytes);
    }

    /// Sends the answer of a call that is decided.
    pub(super) fn answer(&mut self, exchange: &dyn Exchange) {
        self.phase = Phase::Answered;
        if let Some(answer) = self.call.as_ref().and_then(Call::answer) {
            exchange.answer(&answer);
        }
    }
}
