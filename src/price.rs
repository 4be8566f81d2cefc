//! What an answer cost in money: a price table's rates, applied to what was counted.
//!
//! It does not know who pays, nor when a model is refused for want of a price.

mod rate;
mod rounding;
mod split;
mod tokens;

use crate::config::{self, ConfigError, Factor, Unpriced};
use crate::dialect::{Counts, Run, Spelling};
use crate::expression::matches_glob;

pub use rate::Rate;

use rounding::microdollars;

/// The compiled section `prices`.
#[derive(Debug)]
pub struct PriceTable {
    version: String,
    /// What counts first stands first.
    rates: Vec<Rate>,
    unpriced: Unpriced,
}

/// What is charged for one answer.
#[derive(Clone, Copy, Debug)]
pub struct Consumption<'a> {
    /// With what other models took.
    pub counts: &'a Counts,
    pub others: &'a [Run],
    /// The service tier that served.
    pub tier: Option<&'a str>,
    /// Where it was served.
    pub geo: Option<&'a str>,
}

/// What a price is looked up by.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// The model that answered, where the answer names it.
    pub answered: Option<&'a str>,
    pub asked: Option<&'a str>,
    pub cluster: Option<&'a str>,
    /// When the request came.
    pub unix_seconds: u64,
    /// Of the upstream.
    pub multiplier: Factor,
}

/// What an answer cost in money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// `None` where not enough is known.
    pub microdollars: Option<u64>,
    /// The request told it, so that it is the same whatever became of the answer.
    pub is_fixed: bool,
    /// A model has no price: the one that answered and was asked for, or one that took part.
    pub is_unpriced: bool,
}

impl PriceTable {
    /// # Errors
    /// A table without a name or without prices, or two prices between which nothing tells.
    pub fn compile(prices: &config::Prices) -> Result<Self, ConfigError> {
        if prices.version.trim().is_empty() {
            let why = "an empty text; name this table, such as `2026-11-01`, so that records tell which one a cost is by";
            return Err(ConfigError::new("prices.version", why));
        }
        if prices.models.is_empty() {
            let why = "the list is empty; write what at least one model costs, or leave out `prices`";
            return Err(ConfigError::new("prices.models", why));
        }
        let mut rates: Vec<Rate> = Vec::with_capacity(prices.models.len());
        for (index, price) in prices.models.iter().enumerate() {
            let rate = Rate::compile(price, index)?;
            if rates.iter().any(|other| other.is_as_close_as(&rate)) {
                let why = format!(
                    "`{}` has another price from the same time on; give the newer one a `from`",
                    price.model
                );
                return Err(ConfigError::new(format!("prices.models[{index}]"), why));
            }
            rates.push(rate);
        }
        rates.sort_by_key(|rate| std::cmp::Reverse(rate.closeness()));
        Ok(Self { version: prices.version.clone(), rates, unpriced: prices.unpriced })
    }

    /// The name of the table.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// True where a model without a price is let through for nothing.
    pub fn lets_unpriced_through(&self) -> bool {
        self.unpriced == Unpriced::Flag
    }

    /// The clusters that prices are for, each with the place of its price in the list.
    pub fn clusters(&self) -> impl Iterator<Item = (usize, &str)> {
        self.rates.iter().flat_map(Rate::clusters)
    }

    /// What `model` costs at this upstream and time (Unix seconds), by the name as it was sent or else by a shorter one.
    pub fn rate(&self, model: &str, cluster: Option<&str>, unix_seconds: u64) -> Option<&Rate> {
        let holds = |rate: &&Rate| rate.is_at(cluster) && rate.is_begun(unix_seconds);
        let of = |name: &str| {
            self.rates.iter().filter(holds).find(|rate| matches_glob(rate.pattern().as_sent(), name))
        };
        Spelling::of(model).all().find_map(of)
    }

    /// What an answer cost, by the model that answered, or that was asked for where that one has no price. Each run of another
    /// model costs what that one does; where it has no price, as the one that answered.
    pub fn charge(&self, consumption: &Consumption<'_>, by: &Circumstances<'_>) -> Charge {
        let rate = |model| self.rate(model, by.cluster, by.unix_seconds);
        let Some(own) = by.answered.and_then(rate).or_else(|| by.asked.and_then(rate)) else {
            return Charge { microdollars: None, is_fixed: false, is_unpriced: true };
        };
        let Consumption { counts, others, tier, geo } = *consumption;
        let counts = others.iter().fold(*counts, |rest, run| rest.without(&run.counts));
        let mut amount = own.amount(&counts, tier, geo);
        let mut is_unpriced = false;
        for run in others {
            let priced = rate(&run.model);
            is_unpriced |= priced.is_none();
            let more = priced.unwrap_or(own).tokens_amount(&run.counts, tier, geo);
            amount = amount.map(|amount| amount.saturating_add(more));
        }
        Charge {
            microdollars: amount.map(|amount| microdollars(amount, by.multiplier)),
            is_fixed: own.is_fixed_by(&counts),
            is_unpriced,
        }
    }
}

#[cfg(test)]
mod tests;
