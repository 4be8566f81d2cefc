//! What a request may cost before it goes, and what it has cost when it is over.

use crate::config::{Factor, Unit};
use crate::dialect::Counts;
use crate::price::Rate;

/// Providers' tokenizers make about one token of four bytes of English; of other text they make more.
const BYTES_PER_TOKEN: u64 = 4;

/// As much as is known of what a request may cost.
#[derive(Clone, Copy, Debug)]
pub struct Size<'a> {
    pub body_bytes: Option<u64>,
    /// What the body asks for at most.
    pub max_tokens: Option<u64>,
    /// A tunnel, or work that is done later: no answer that passes here states its cost.
    pub is_unseen: bool,
    /// What its model costs, where it has a price.
    pub rate: Option<&'a Rate>,
    /// Of the upstream.
    pub multiplier: Factor,
    /// True where a model without a price is let through for nothing.
    pub may_be_unpriced: bool,
}

/// What a request cost: model tokens, and money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    pub input: Option<u64>,
    pub output: Option<u64>,
    pub total: Option<u64>,
    /// Of the input, what came from a cache.
    pub cache_read: Option<u64>,
    pub microdollars: Option<u64>,
    /// False where there may be more model tokens.
    pub is_whole: bool,
    /// False where there may be more microdollars.
    pub is_wholly_priced: bool,
}

impl Cost {
    /// Of a request whose answer nobody saw.
    pub const UNKNOWN: Self = Self {
        input: None,
        output: None,
        total: None,
        cache_read: None,
        microdollars: None,
        is_whole: false,
        is_wholly_priced: false,
    };
    /// Of a request that the provider did not answer, or refused.
    pub const NOTHING: Self = Self {
        input: Some(0),
        output: Some(0),
        total: Some(0),
        cache_read: None,
        microdollars: Some(0),
        is_whole: true,
        is_wholly_priced: true,
    };
}

impl Default for Size<'_> {
    /// Nothing is known.
    fn default() -> Self {
        Self {
            body_bytes: None,
            max_tokens: None,
            is_unseen: false,
            rate: None,
            multiplier: Factor::ONE,
            may_be_unpriced: false,
        }
    }
}

impl Size<'_> {
    /// What a request of this size may cost, at most `most`.
    pub(super) fn estimate(&self, unit: Unit, most: u64) -> u64 {
        let known_input = self.body_bytes.map(|bytes| bytes / BYTES_PER_TOKEN);
        let (input, output) = (known_input.unwrap_or(most), self.max_tokens.unwrap_or(most));
        let estimate = match unit {
            Unit::Requests | Unit::Concurrency => 1,
            Unit::Tokens | Unit::UncachedTokens => input.saturating_add(output),
            Unit::InputTokens | Unit::UncachedInputTokens => input,
            Unit::OutputTokens => output,
            Unit::Microdollars => match (self.rate, known_input, self.max_tokens) {
                (Some(rate), Some(_), Some(_)) => {
                    let counts = Counts { input: Some(input), output: Some(output), ..Counts::default() };
                    rate.cost(&counts, self.multiplier).unwrap_or(most)
                }
                _ => most,
            },
        };
        estimate.clamp(1, most)
    }
}

impl Cost {
    /// In one unit, for a request that held `held`: what is not known is taken to be at least that.
    pub(super) fn of(&self, unit: Unit, held: u64) -> u64 {
        let uncached = |count: Option<u64>| Some(count?.saturating_sub(self.cache_read.unwrap_or(0)));
        let known = match unit {
            Unit::Requests | Unit::Concurrency => Some(0),
            Unit::Tokens => self.total,
            Unit::InputTokens => self.input,
            Unit::UncachedTokens => uncached(self.total),
            Unit::UncachedInputTokens => uncached(self.input),
            Unit::OutputTokens => self.output,
            Unit::Microdollars => self.microdollars,
        };
        let is_whole = if unit == Unit::Microdollars { self.is_wholly_priced } else { self.is_whole };
        match (known, is_whole) {
            (Some(known), true) => known,
            (known, _) => known.unwrap_or(0).max(held),
        }
    }
}
