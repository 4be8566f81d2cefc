//! What a quota counts: requests, which are spent when they come, or what is held until it is known what a request costs.

use super::window;
use crate::config::{self, ConfigError, Unit};
use crate::ledger::{Account, Count, Counter, LedgerError, Reservation, Window};
use crate::quota::{Cost, QuotaContext, Size};

/// What one request holds at most where the configuration does not say.
const DEFAULT_TOKENS: u64 = 4096;
const DEFAULT_MICRODOLLARS: u64 = 20_000;

/// A unit, and where it is counted.
#[derive(Debug)]
pub(in crate::quota) enum Measure {
    Requests(Window),
    /// Requests in flight, or model tokens.
    Held {
        unit: Unit,
        account: Account,
        /// What one request holds at most.
        most: u64,
    },
}

impl Measure {
    pub(in crate::quota) fn compile(quota: &config::Quota, at: &str) -> Result<Self, ConfigError> {
        let refused = |field: &str, why: String| Err(ConfigError::new(format!("{at}.{field}"), why));
        let unit = quota.unit;
        match quota.reserve {
            Some(_) if !unit.is_metered() => {
                return refused(
                    "reserve",
                    format!("what one request costs in `{}` is known; leave this out", unit.name()),
                );
            }
            Some(0) => {
                return refused(
                    "reserve",
                    "`0` would let everybody through at once; write 1 or more".to_owned(),
                );
            }
            _ => {}
        }
        let most = quota.reserve.unwrap_or(match unit {
            Unit::Microdollars => DEFAULT_MICRODOLLARS,
            _ => DEFAULT_TOKENS,
        });
        let Some(window) = window::compile(quota, at)? else {
            return match unit {
                Unit::Concurrency => Ok(Self::Held { unit, account: Account::in_flight(), most: 1 }),
                _ => refused(
                    "window",
                    format!(
                        "`{}` are counted within a window; write one, such as `1m` or `month`",
                        unit.name()
                    ),
                ),
            };
        };
        match unit {
            Unit::Requests => Ok(Self::Requests(window)),
            Unit::Concurrency => {
                refused("window", "requests in flight are counted at each moment; leave this out".to_owned())
            }
            Unit::Tokens
            | Unit::InputTokens
            | Unit::OutputTokens
            | Unit::UncachedTokens
            | Unit::UncachedInputTokens
            | Unit::Microdollars => Ok(Self::Held { unit, account: Account::within(window), most }),
        }
    }

    pub(in crate::quota) fn unit(&self) -> Unit {
        match self {
            Self::Requests(_) => Unit::Requests,
            Self::Held { unit, .. } => *unit,
        }
    }

    pub(in crate::quota) fn counter(&self, key: &[u8]) -> Counter {
        match self {
            Self::Requests(window) => window.counter(key),
            Self::Held { account, .. } => account.counter(key),
        }
    }

    /// How much a request of this size takes until its cost is known.
    pub(in crate::quota) fn estimate(&self, size: &Size<'_>) -> u64 {
        match self {
            Self::Requests(_) => 1,
            Self::Held { unit, most, .. } => size.estimate(*unit, *most),
        }
    }

    /// Spends one request, or holds what it may cost.
    pub(in crate::quota) fn take(
        &self,
        (counter, limit): (&Counter, u64),
        size: &Size<'_>,
        context: QuotaContext<'_>,
    ) -> Result<(Count, Option<Reservation>), LedgerError> {
        let QuotaContext { ledger, store, allotments, now_ms, .. } = context;
        match self {
            Self::Requests(window) => {
                let count = window.spend_one(ledger, store, allotments, (counter, limit), now_ms)?;
                Ok((count, None))
            }
            Self::Held { account, .. } => {
                account.hold(ledger, store, (counter, limit), self.estimate(size), now_ms)
            }
        }
    }

    /// Undoes what was taken. What cannot be given back stays: it errs on the strict side and leaves by itself.
    pub(in crate::quota) fn give_back(
        &self,
        counter: &Counter,
        held: Option<&Reservation>,
        context: QuotaContext<'_>,
    ) {
        let QuotaContext { ledger, store, now_ms, .. } = context;
        let _ = match (self, held) {
            (Self::Requests(window), _) => window.give_back(ledger, store, counter, 1, now_ms),
            (Self::Held { account, .. }, Some(held)) => account.settle(ledger, store, held, 0, now_ms),
            (Self::Held { .. }, None) => Ok(()),
        };
    }

    /// Charges what the request cost, in the place of what it held.
    pub(in crate::quota) fn settle(
        &self,
        held: &Reservation,
        cost: &Cost,
        context: QuotaContext<'_>,
    ) -> Result<(), LedgerError> {
        match self {
            Self::Requests(_) => Ok(()),
            Self::Held { unit, account, .. } => {
                let cost = cost.of(*unit, held.amount());
                account.settle(context.ledger, context.store, held, cost, context.now_ms)
            }
        }
    }
}
