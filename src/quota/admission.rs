//! The proof that quotas had room, and what is told of them.

use std::rc::Rc;

use super::charged::Charged;
use super::global::Descriptor;
use crate::config::Unit;
use crate::ledger::{Count, Reservation};

/// Proof that every enforced quota had room, and has been charged.
#[derive(Debug)]
pub struct Admission {
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) shadow_denials: Vec<String>,
    pub(super) held: Vec<Held>,
    pub(super) charged: Vec<Charged>,
    pub(super) counted_alone: Vec<String>,
}

/// What one quota holds for a request until its cost is known.
#[derive(Debug)]
pub struct Held {
    /// The quota's place in the set.
    pub(super) quota: usize,
    pub(super) reservation: Reservation,
    pub(super) hold: Hold,
}

/// Whose counter something is held of.
#[derive(Clone, Debug)]
pub(super) enum Hold {
    /// One of this Envoy.
    Own,
    /// One that the rate limit service keeps, and is told of what it cost.
    Shared(Rc<Descriptor>),
}

impl Admission {
    /// The answer headers that tell what is left in the tightest quota of each kind.
    pub fn headers(&self) -> &[(&'static str, String)] {
        &self.headers
    }

    /// The quotas in shadow mode that would have refused.
    pub fn shadow_denials(&self) -> &[String] {
        &self.shadow_denials
    }

    /// What quotas of requests were charged; the others are when it is [`super::QuotaSet::settle`]d.
    pub fn take_charged(&mut self) -> Vec<Charged> {
        std::mem::take(&mut self.charged)
    }

    /// The quotas that this Envoy counted alone, because the rate limit service did not answer.
    pub fn counted_alone(&self) -> &[String] {
        &self.counted_alone
    }

    /// What is to be settled when the request is over.
    pub fn take_held(&mut self) -> Vec<Held> {
        std::mem::take(&mut self.held)
    }
}

/// What callers are told of: the tightest quota of requests, and that of model tokens.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tightest {
    requests: Option<Count>,
    tokens: Option<Count>,
}

impl Tightest {
    pub(super) fn of_requests(count: Option<Count>) -> Self {
        Self { requests: count, tokens: None }
    }

    pub(super) fn note(&mut self, unit: Unit, count: Count) {
        let place = match unit {
            Unit::Requests => &mut self.requests,
            Unit::Tokens | Unit::InputTokens | Unit::OutputTokens => &mut self.tokens,
            // There is no header for these.
            Unit::Microdollars | Unit::Concurrency => return,
        };
        if place.is_none_or(|other| count.remaining() < other.remaining()) {
            *place = Some(count);
        }
    }

    /// OpenAI's header names, which most clients know; the reset is in seconds, such as `12s`.
    pub(super) fn headers(&self) -> Vec<(&'static str, String)> {
        const REQUESTS: [&str; 3] =
            ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"];
        const TOKENS: [&str; 3] =
            ["x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"];
        let told = [(REQUESTS, self.requests), (TOKENS, self.tokens)];
        told.into_iter()
            .filter_map(|(names, count)| Some(names.into_iter().zip(values(count?))))
            .flatten()
            .collect()
    }
}

fn values(count: Count) -> [String; 3] {
    [count.limit.to_string(), count.remaining().to_string(), format!("{}s", count.reset_ms.div_ceil(1000))]
}
