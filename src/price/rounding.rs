//! Exact sums, and the one place where they are rounded.

use crate::config::Factor;

/// Millionths of a microdollar, three times by a factor in millionths: of a tier, a place and an upstream.
const SCALE: u128 = 1_000_000 * FACTORS * MULTIPLIER;
pub(super) const FACTORS: u128 = 1_000_000 * 1_000_000;
const MULTIPLIER: u128 = 1_000_000;

/// Rounded up, once.
pub(super) fn microdollars(amount: u128, multiplier: Factor) -> u64 {
    let scaled = amount.checked_mul(u128::from(multiplier.millionths()));
    scaled.and_then(|scaled| u64::try_from(scaled.div_ceil(SCALE)).ok()).unwrap_or(u64::MAX)
}
