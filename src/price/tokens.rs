//! What model tokens of each kind cost.

use crate::config::{Dollars, TokenPrices};

/// Each in millionths of a microdollar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TokenRates {
    pub(super) input: u64,
    pub(super) output: u64,
    pub(super) cache_read: u64,
    pub(super) cache_write: u64,
    pub(super) cache_write_hour: u64,
    pub(super) audio_input: u64,
    pub(super) image_input: u64,
    pub(super) audio_cache_read: u64,
    pub(super) image_cache_read: u64,
    pub(super) audio_output: u64,
    pub(super) image_output: u64,
}

/// Of `prices`, those that are written, and for the rest those of `below`.
pub(super) fn over(prices: TokenPrices, mut below: TokenPrices) -> TokenPrices {
    below.iter_mut().zip(prices).for_each(|(place, price)| *place = price.or(*place));
    below
}

impl TokenRates {
    /// What is written nowhere costs as what it is a kind of. A dollar for a million is a microdollar for one.
    pub(super) fn of(prices: TokenPrices) -> Self {
        let [input, output, read, write, hour, audio, image, audio_read, image_read, audio_out, image_out] =
            prices;
        let or = |price: Option<Dollars>, other: u64| price.map_or(other, Dollars::microdollars);
        let (input, output) = (or(input, 0), or(output, 0));
        let (cache_read, cache_write) = (or(read, input), or(write, input));
        Self {
            input,
            output,
            cache_read,
            cache_write,
            cache_write_hour: or(hour, cache_write),
            audio_input: or(audio, input),
            image_input: or(image, input),
            audio_cache_read: or(audio_read, cache_read),
            image_cache_read: or(image_read, cache_read),
            audio_output: or(audio_out, output),
            image_output: or(image_out, output),
        }
    }
}
