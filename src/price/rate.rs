//! What one model costs.

use std::collections::BTreeMap;

use super::rounding::{FACTORS, microdollars};
use super::split::Split;
use super::tokens::{TokenRates, over};
use crate::config::{self, ConfigError, Dollars, Factor, TierPrice, TokenPrices};
use crate::dialect::{Counts, PaidCall, Spelling};

/// A compiled price.
#[derive(Debug)]
pub struct Rate {
    /// Its place in the list.
    place: usize,
    /// As models' names are compared, whatever their case.
    pattern: Spelling,
    upstreams: Vec<String>,
    from_seconds: i64,
    standard: Ladder,
    tiers: BTreeMap<String, Tier>,
    geos: BTreeMap<String, Factor>,
    pieces: Pieces,
}

/// What the tokens of requests cost, by how long these are.
#[derive(Debug)]
struct Ladder {
    /// The longest first: beyond so much input.
    above: Vec<(u64, TokenRates)>,
    others: TokenRates,
}

#[derive(Debug)]
enum Tier {
    Factor(Factor),
    Prices(Ladder),
}

/// What is charged by the piece or the length, in microdollars.
#[derive(Debug)]
struct Pieces {
    /// Of a thousand.
    calls: Vec<(PaidCall, u64)>,
    /// Of a thousand answers.
    request: u64,
    image: Option<u64>,
    minute: Option<u64>,
    /// Of a million characters.
    characters: Option<u64>,
}

impl Rate {
    pub(super) fn compile(price: &config::Price, place: usize) -> Result<Self, ConfigError> {
        let at = format!("prices.models[{place}]");
        if price.model.trim().is_empty() {
            let why = "an empty text; write a pattern of models, such as `gpt-4o*`";
            return Err(ConfigError::new(format!("{at}.model"), why));
        }
        for tier in price.tiers.keys() {
            if tier.is_empty() || tier.chars().any(|letter| letter.is_ascii_uppercase()) {
                let why = format!("`{tier}` is no tier; write it in small letters, such as `priority`");
                return Err(ConfigError::new(format!("{at}.tiers"), why));
            }
            if ["standard", "default"].contains(&tier.as_str()) {
                let why = format!("`{tier}` is the tier of the prices themselves; leave it out");
                return Err(ConfigError::new(format!("{at}.tiers"), why));
            }
        }
        let standard = Ladder::compile(price.tokens(), &price.above, None, &format!("{at}.above"))?;
        let mut tiers = BTreeMap::new();
        for (name, tier) in &price.tiers {
            let tier = match tier {
                TierPrice::Factor(factor) => Tier::Factor(*factor),
                TierPrice::Prices(prices) => {
                    let over_those = (prices.tokens(), prices.above.as_slice());
                    let at = format!("{at}.tiers.{name}.above");
                    Tier::Prices(Ladder::compile(price.tokens(), &price.above, Some(over_those), &at)?)
                }
            };
            tiers.insert(name.clone(), tier);
        }
        Ok(Self {
            place,
            pattern: Spelling::of(&price.model),
            upstreams: price.upstreams.clone(),
            from_seconds: price.from.map_or(i64::MIN, |from| from.unix_seconds()),
            standard,
            tiers,
            geos: price.inference_geo.clone(),
            pieces: Pieces::compile(price),
        })
    }

    pub(super) fn pattern(&self) -> &Spelling {
        &self.pattern
    }

    /// The price with the larger one counts.
    pub(super) fn closeness(&self) -> (bool, bool, usize, i64) {
        let pattern = self.pattern.as_sent();
        let is_exact = !pattern.contains('*');
        (is_exact, !self.upstreams.is_empty(), pattern.len(), self.from_seconds)
    }

    /// True where nothing tells which of the two counts.
    pub(super) fn is_as_close_as(&self, other: &Self) -> bool {
        let shares_upstream = match (self.upstreams.is_empty(), other.upstreams.is_empty()) {
            (false, false) => self.upstreams.iter().any(|upstream| other.upstreams.contains(upstream)),
            (one, other) => one && other,
        };
        self.pattern == other.pattern && self.from_seconds == other.from_seconds && shares_upstream
    }

    pub(super) fn clusters(&self) -> impl Iterator<Item = (usize, &str)> {
        self.upstreams.iter().map(|cluster| (self.place, cluster.as_str()))
    }

    pub(super) fn is_at(&self, cluster: Option<&str>) -> bool {
        self.upstreams.is_empty()
            || cluster.is_some_and(|cluster| self.upstreams.iter().any(|upstream| upstream == cluster))
    }

    pub(super) fn is_begun(&self, unix_seconds: u64) -> bool {
        u64::try_from(self.from_seconds).map_or(true, |from| from <= unix_seconds)
    }

    /// In microdollars, of counts alone, at an upstream with this multiplier; `None` where too little was counted.
    pub fn cost(&self, counts: &Counts, multiplier: Factor) -> Option<u64> {
        self.amount(counts, None, None).map(|amount| microdollars(amount, multiplier))
    }

    /// In millionths of a microdollar, times [`FACTORS`]; `None` where too little was counted.
    pub(super) fn amount(&self, counts: &Counts, tier: Option<&str>, geo: Option<&str>) -> Option<u128> {
        let has_tokens = counts.input.or(counts.output).or(counts.total).is_some();
        let pieces = self.pieces.amount(counts);
        (has_tokens || pieces.is_telling).then(|| {
            let pieces = pieces.amount.saturating_mul(FACTORS);
            self.tokens_amount(counts, tier, geo).saturating_add(pieces)
        })
    }

    /// True where these counts of the request tell all that it costs: what is charged by the text that is to be spoken is not
    /// charged by what comes of it.
    pub(super) fn is_fixed_by(&self, counts: &Counts) -> bool {
        self.pieces.characters.is_some() && counts.characters.is_some()
    }

    /// What the model tokens cost.
    pub(super) fn tokens_amount(&self, counts: &Counts, tier: Option<&str>, geo: Option<&str>) -> u128 {
        let (ladder, factor) = match tier.and_then(|tier| self.tiers.get(tier)) {
            Some(Tier::Prices(ladder)) => (ladder, Factor::ONE),
            Some(Tier::Factor(factor)) => (&self.standard, *factor),
            None => (&self.standard, Factor::ONE),
        };
        let geo = geo.and_then(|geo| self.geos.get(geo)).copied().unwrap_or(Factor::ONE);
        let factors = u128::from(factor.millionths()).saturating_mul(geo.millionths().into());
        ladder.amount(counts).saturating_mul(factors)
    }
}

impl Ladder {
    /// The steps of the prices themselves and of those that stand over them.
    fn compile(
        prices: TokenPrices,
        above: &[config::Above],
        over_those: Option<(TokenPrices, &[config::Above])>,
        at: &str,
    ) -> Result<Self, ConfigError> {
        let (upper, upper_above) = over_those.unwrap_or(([None; 11], &[]));
        let mut steps: Vec<u64> = above.iter().chain(upper_above).map(|step| step.input_tokens).collect();
        steps.sort_unstable_by(|one, other| other.cmp(one));
        steps.dedup();
        for steps in [above, upper_above] {
            let mut seen: Vec<u64> = steps.iter().map(|step| step.input_tokens).collect();
            seen.sort_unstable();
            if seen.windows(2).any(|pair| matches!(pair, [one, other] if one == other)) {
                return Err(ConfigError::new(at, "two entries have the same `input_tokens`; leave one out"));
            }
        }
        let at_step = |steps: &[config::Above], step: Option<u64>| {
            let passed = steps.iter().filter(|above| step.is_some_and(|step| above.input_tokens <= step));
            let last = passed.max_by_key(|above| above.input_tokens);
            last.map_or([None; 11], config::Above::tokens)
        };
        let rates = |step| {
            let standard = over(at_step(above, step), prices);
            TokenRates::of(over(at_step(upper_above, step), over(upper, standard)))
        };
        let above = steps.into_iter().map(|step| (step, rates(Some(step)))).collect();
        Ok(Self { above, others: rates(None) })
    }

    fn amount(&self, counts: &Counts) -> u128 {
        let input = counts.longest_input.or(counts.input).unwrap_or(0);
        let rates =
            self.above.iter().find(|(step, _)| input > *step).map_or(&self.others, |(_, rates)| rates);
        if let (None, None, Some(total)) = (counts.input, counts.output, counts.total) {
            // Nothing tells what it was; of what makes no output, such as embeddings, it is all input.
            return u128::from(total).saturating_mul(rates.input.max(rates.output).into());
        }
        let split = Split::of(counts);
        let parts = [
            (rates.input, split.text),
            (rates.audio_input, split.audio),
            (rates.image_input, split.image),
            (rates.cache_read, split.cached_text),
            (rates.audio_cache_read, split.cached_audio),
            (rates.image_cache_read, split.cached_image),
            (rates.cache_write, split.written),
            (rates.cache_write_hour, split.written_for_an_hour),
            (rates.output, split.output_text),
            (rates.audio_output, split.output_audio),
            (rates.image_output, split.output_image),
        ];
        parts.iter().fold(0_u128, |sum, (rate, count)| {
            sum.saturating_add(u128::from(*rate).saturating_mul(u128::from(*count)))
        })
    }
}

/// What pieces cost, in millionths of a microdollar.
struct PiecesAmount {
    amount: u128,
    /// What was charged so is what the answer cost, though no model tokens are stated.
    is_telling: bool,
}

impl Pieces {
    fn compile(price: &config::Price) -> Self {
        let microdollars = |price: Option<Dollars>| price.map(Dollars::microdollars);
        let calls = &price.calls;
        let of = |call| match call {
            PaidCall::WebSearch => calls.web_search,
            PaidCall::GroundedPrompt => calls.grounded_prompt,
            PaidCall::MapsPrompt => calls.maps_prompt,
            PaidCall::FileSearch => calls.file_search,
            PaidCall::CodeInterpreter => calls.code_interpreter,
            PaidCall::ImageGeneration => calls.image_generation,
            PaidCall::XSearch => calls.x_search,
            PaidCall::SearchUnit => calls.search_unit,
            PaidCall::Page => calls.page,
        };
        Self {
            calls: PaidCall::ALL
                .into_iter()
                .filter_map(|call| Some((call, microdollars(of(call))?)))
                .collect(),
            request: microdollars(calls.request).unwrap_or(0),
            image: microdollars(price.per_image),
            minute: microdollars(price.per_minute),
            characters: microdollars(price.per_million_characters),
        }
    }

    fn amount(&self, counts: &Counts) -> PiecesAmount {
        const MILLIONTHS: u128 = 1_000_000;
        const MILLISECONDS: u128 = 60_000;
        let times = |price: u64, count: u64| u128::from(price).saturating_mul(count.into());
        let calls =
            self.calls.iter().filter_map(|(call, price)| Some((*call, *price, counts.calls.get(*call)?)));
        // Of a thousand: a thousandth of a microdollar is a thousand millionths.
        let (mut amount, mut is_telling) = (u128::from(self.request).saturating_mul(1000), false);
        for (call, price, count) in calls {
            amount = amount.saturating_add(times(price, count).saturating_mul(1000));
            is_telling |= matches!(call, PaidCall::SearchUnit | PaidCall::Page);
        }
        if let (Some(price), Some(images)) = (self.image, counts.images) {
            amount = amount.saturating_add(times(price, images).saturating_mul(MILLIONTHS));
            is_telling = true;
        }
        if let (Some(price), Some(milliseconds)) = (self.minute, counts.audio_ms) {
            let length = times(price, milliseconds).saturating_mul(MILLIONTHS);
            amount = amount.saturating_add(length.div_ceil(MILLISECONDS));
            is_telling = true;
        }
        if let (Some(price), Some(characters)) = (self.characters, counts.characters) {
            // Of a million: a millionth of a microdollar.
            amount = amount.saturating_add(times(price, characters));
            is_telling = true;
        }
        PiecesAmount { amount, is_telling }
    }
}
