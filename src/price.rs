//! What an answer cost in money: a price table's rates, applied to what was counted.
//!
//! It does not know who pays, nor when a model is refused for want of a price.

use crate::config::{self, ConfigError, Dollars, Unpriced};
use crate::dialect::Counts;
use crate::expression::matches_glob;

/// The compiled section `prices`.
#[derive(Debug)]
pub struct PriceTable {
    version: String,
    /// What counts first stands first.
    rates: Vec<Rate>,
    unpriced: Unpriced,
}

/// What one model's tokens cost, each in millionths of a microdollar.
#[derive(Debug)]
pub struct Rate {
    pattern: String,
    from_seconds: i64,
    input: u64,
    output: u64,
    cache_read: u64,
    cache_write: u64,
    audio_input: u64,
    image_input: u64,
    audio_output: u64,
    image_output: u64,
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
            let at = format!("prices.models[{index}]");
            if price.model.trim().is_empty() {
                return Err(ConfigError::new(
                    format!("{at}.model"),
                    "an empty text; write a pattern of models, such as `gpt-4o*`",
                ));
            }
            let rate = Rate::compile(price);
            if rates
                .iter()
                .any(|other| other.pattern == rate.pattern && other.from_seconds == rate.from_seconds)
            {
                let why = format!(
                    "`{}` has another price from the same time on; give the newer one a `from`",
                    rate.pattern
                );
                return Err(ConfigError::new(at, why));
            }
            rates.push(rate);
        }
        rates.sort_by_key(|rate| std::cmp::Reverse((rate.pattern.len(), rate.from_seconds)));
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

    /// What `model` costs at this time (Unix seconds).
    pub fn rate(&self, model: &str, unix_seconds: u64) -> Option<&Rate> {
        let is_begun =
            |rate: &&Rate| u64::try_from(rate.from_seconds).map_or(true, |from| from <= unix_seconds);
        self.rates.iter().filter(is_begun).find(|rate| matches_glob(&rate.pattern, model))
    }
}

impl Rate {
    fn compile(price: &config::Price) -> Self {
        let (input, output) = (price.input.per_token(), price.output.per_token());
        let or = |price: Option<Dollars>, other: u64| price.map_or(other, Dollars::per_token);
        Self {
            pattern: price.model.clone(),
            from_seconds: price.from.map_or(i64::MIN, |from| from.unix_seconds()),
            input,
            output,
            cache_read: or(price.cache_read, input),
            cache_write: or(price.cache_write, input),
            audio_input: or(price.audio_input, input),
            image_input: or(price.image_input, input),
            audio_output: or(price.audio_output, output),
            image_output: or(price.image_output, output),
        }
    }

    /// In microdollars, rounded up; `None` where neither input nor output was counted.
    pub fn cost(&self, counts: &Counts) -> Option<u64> {
        counts.input.or(counts.output)?;
        let rest = |all: Option<u64>, parts: &[Option<u64>]| {
            parts.iter().flatten().fold(all.unwrap_or(0), |rest, part| rest.saturating_sub(*part))
        };
        let apart = [counts.cache_read, counts.cache_write, counts.audio_input, counts.image_input];
        let parts = [
            (self.input, Some(rest(counts.input, &apart))),
            (self.cache_read, counts.cache_read),
            (self.cache_write, counts.cache_write),
            (self.audio_input, counts.audio_input),
            (self.image_input, counts.image_input),
            (self.output, Some(rest(counts.output, &[counts.audio_output, counts.image_output]))),
            (self.audio_output, counts.audio_output),
            (self.image_output, counts.image_output),
        ];
        let millionths = parts.iter().fold(0_u128, |sum, (rate, count)| {
            sum.saturating_add(u128::from(*rate).saturating_mul(u128::from(count.unwrap_or(0))))
        });
        Some(u64::try_from(millionths.div_ceil(1_000_000)).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::PriceTable;
    use crate::config::Prices;
    use crate::dialect::Counts;

    const NOW: u64 = 1_800_000_000;

    fn table(models: Value) -> Result<PriceTable, String> {
        let prices: Prices = serde_json::from_value(json!({ "version": "v1", "models": models })).unwrap();
        PriceTable::compile(&prices).map_err(|error| error.to_string())
    }

    fn counts(input: u64, output: u64) -> Counts {
        Counts { input: Some(input), output: Some(output), ..Counts::default() }
    }

    #[test]
    fn the_closest_price_in_force_counts() {
        let table = table(json!([
            { "model": "gpt-*", "input": 1, "output": 0 },
            { "model": "gpt-4o*", "input": 2, "output": 0 },
            { "model": "gpt-4o*", "input": 3, "output": 0, "from": "2026-01-01T00:00:00Z" },
            { "model": "gpt-4o*", "input": 4, "output": 0, "from": "2030-01-01T00:00:00Z" },
            { "model": "gpt-4o-mini", "input": 5, "output": 0 },
        ]))
        .unwrap();
        let of_a_million = |model: &str, at| table.rate(model, at)?.cost(&counts(1_000_000, 0));
        for (model, at, dollars, note) in [
            ("gpt-5", NOW, Some(1), "the widest"),
            ("gpt-4o-2024", NOW, Some(3), "a longer one, the latest in force"),
            ("gpt-4o-2024", 0, Some(2), "before that"),
            ("gpt-4o-2024", 1_900_000_000, Some(4), "after the next"),
            ("gpt-4o-mini", NOW, Some(5), "the longest"),
            ("claude", NOW, None, "none"),
        ] {
            assert_eq!(of_a_million(model, at), dollars.map(|dollars| dollars * 1_000_000), "{note}");
        }
    }

    #[test]
    fn each_part_has_its_own_price() {
        let table = table(json!([{
            "model": "m", "input": 10, "output": 100, "cache_read": 1, "cache_write": 20,
            "audio_input": 40, "image_output": 400,
        }]))
        .unwrap();
        let rate = table.rate("m", NOW).unwrap();
        let parts =
            Counts { cache_read: Some(30), cache_write: Some(10), audio_input: Some(5), ..counts(100, 10) };
        for (counts, microdollars, note) in [
            (counts(100, 10), Some(2000), "input and output"),
            (
                parts,
                Some(55 * 10 + 30 + 200 + 200 + 1000),
                "of the input, what is priced apart is not counted twice",
            ),
            (Counts { image_output: Some(4), ..counts(0, 10) }, Some(600 + 1600), "of the output too"),
            (Counts { cache_read: Some(500), ..counts(100, 0) }, Some(500), "a part larger than the whole"),
            (Counts { output: None, ..counts(1, 0) }, Some(10), "input alone"),
            (Counts { total: Some(5), ..Counts::default() }, None, "nothing but a total"),
            (counts(0, 0), Some(0), "nothing"),
            (counts(u64::MAX, u64::MAX), Some(u64::MAX), "more than there is"),
        ] {
            assert_eq!(rate.cost(&counts), microdollars, "{note}");
        }
        let cheap = self::table(json!([{ "model": "m", "input": 0.01875, "output": 0 }])).unwrap();
        assert_eq!(cheap.rate("m", NOW).unwrap().cost(&counts(1, 0)), Some(1), "a fraction is rounded up");
    }

    #[test]
    fn a_table_that_cannot_be_used_is_refused() {
        let price = |model: &str| json!({ "model": model, "input": 1, "output": 1 });
        for (models, want) in [
            (json!([]), "prices.models: the list is empty"),
            (json!([price(" ")]), "prices.models[0].model: an empty text"),
            (
                json!([price("a"), price("a")]),
                "prices.models[1]: `a` has another price from the same time on",
            ),
        ] {
            let error = table(models).unwrap_err();
            assert!(error.starts_with(want), "{error}");
        }
    }
}
