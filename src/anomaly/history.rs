//! What is known of one caller, as the value of an entry.
//!
//! ```text
//! value = name period periods requests tokens ended refused request_baseline token_baseline models networks
//!         name       8 bytes   whose it is
//!         period     4 bytes   the number of the latest period with a request
//!         periods    2 bytes   how many have gone into the baselines
//!         requests   4 bytes   that came in this period
//!         tokens     8 bytes   that answers have stated in this period
//!         ended, refused       4 bytes each, halved with each period
//!         baselines  4 bytes each, of a period, as floating point
//!         models, networks     as `recently_used.rs` has them
//! ```
//!
//! All numbers are little endian. It knows neither the ledger nor what is unusual enough to be recorded.

use std::net::IpAddr;

use super::kinds::Anomaly;
use super::observation::Observation;
use super::principal_hash::{PrincipalHash, truncated_sha256};
use super::recently_used::{RecentlyUsed, ShortHash};
use super::totals::Totals;
use crate::config::AnomalySettings;

/// A share of fewer requests says little.
const LEAST_ENDED: u32 = 10;
/// How much more than its baseline a period raises it by, at most.
const MOST_RAISE: f32 = 2.0;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct History {
    name: PrincipalHash,
    period: u32,
    periods: u16,
    requests: u32,
    tokens: u64,
    ended: u32,
    refused: u32,
    request_baseline: f32,
    token_baseline: f32,
    models: RecentlyUsed,
    networks: RecentlyUsed,
}

impl History {
    pub(super) fn beginning(name: PrincipalHash, period: u32) -> Self {
        Self {
            name,
            period,
            periods: 0,
            requests: 0,
            tokens: 0,
            ended: 0,
            refused: 0,
            request_baseline: 0.0,
            token_baseline: 0.0,
            models: RecentlyUsed::default(),
            networks: RecentlyUsed::default(),
        }
    }

    pub(super) fn is_of(&self, name: PrincipalHash) -> bool {
        self.name == name
    }

    /// True where nothing has come for so many periods.
    pub(super) fn is_idle(&self, period: u32, periods: u32) -> bool {
        period.saturating_sub(self.period) > periods
    }

    /// Lets the period that is over go into the baselines. A worker whose clock is behind stays in the latest one.
    pub(super) fn advance(&mut self, period: u32, settings: &AnomalySettings) {
        let passed = period.saturating_sub(self.period);
        if passed == 0 {
            return;
        }
        if self.requests > 0 {
            let is_warm = self.is_warm(settings);
            self.periods = self.periods.saturating_add(1);
            let weight = 1.0 / f32::from(self.periods.min(settings.memory).max(1));
            let raise = |baseline: f32, least: u32, count: f32| {
                let most = if is_warm { MOST_RAISE * baseline.max(as_f32(least.into())) } else { f32::MAX };
                baseline + weight * (count.min(most) - baseline)
            };
            self.request_baseline =
                raise(self.request_baseline, settings.least_requests, as_f32(self.requests.into()));
            self.token_baseline = raise(self.token_baseline, settings.least_tokens, as_f32(self.tokens));
        }
        self.period = period;
        (self.requests, self.tokens) = (0, 0);
        self.ended = self.ended.checked_shr(passed).unwrap_or_default();
        self.refused = self.refused.checked_shr(passed).unwrap_or_default();
    }

    /// Adds what requests have come to.
    pub(super) fn add(&mut self, totals: &Totals) {
        self.ended = self.ended.saturating_add(totals.requests);
        self.refused = self.refused.saturating_add(totals.refused);
        self.tokens = self.tokens.saturating_add(totals.tokens);
    }

    /// Adds a request, and says what is unusual about it.
    pub(super) fn observe(&mut self, observation: &Observation<'_>, settings: &AnomalySettings) -> Anomaly {
        self.requests = self.requests.saturating_add(1);
        let has_new_model =
            observation.model.is_some_and(|model| self.models.insert(short_hash(model.as_bytes())));
        let network = observation.address.and_then(network);
        let has_new_network = network.is_some_and(|network| self.networks.insert(network));
        let denial_share = match self.ended {
            LEAST_ENDED.. => f64::from(self.refused) / f64::from(self.ended),
            _ => 0.0,
        };
        if !self.is_warm(settings) {
            return Anomaly { denial_share, ..Anomaly::NONE };
        }
        Anomaly {
            request_rate: ratio(self.requests.into(), self.request_baseline, settings.least_requests),
            token_rate: ratio(self.tokens, self.token_baseline, settings.least_tokens),
            new_model: has_new_model,
            new_network: has_new_network,
            denial_share,
        }
    }

    fn is_warm(&self, settings: &AnomalySettings) -> bool {
        self.periods >= settings.warm_up
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut value = self.name.0.to_vec();
        value.extend(self.period.to_le_bytes());
        value.extend(self.periods.to_le_bytes());
        value.extend(self.requests.to_le_bytes());
        value.extend(self.tokens.to_le_bytes());
        value.extend(self.ended.to_le_bytes());
        value.extend(self.refused.to_le_bytes());
        value.extend(self.request_baseline.to_le_bytes());
        value.extend(self.token_baseline.to_le_bytes());
        self.models.encode_into(&mut value);
        self.networks.encode_into(&mut value);
        value
    }

    /// `None` where the value is not one that [`History::encode`] writes.
    pub(super) fn decode(value: &[u8]) -> Option<Self> {
        let (name, rest) = value.split_first_chunk()?;
        let (period, rest) = rest.split_first_chunk()?;
        let (periods, rest) = rest.split_first_chunk()?;
        let (requests, rest) = rest.split_first_chunk()?;
        let (tokens, rest) = rest.split_first_chunk()?;
        let (ended, rest) = rest.split_first_chunk()?;
        let (refused, rest) = rest.split_first_chunk()?;
        let (request_baseline, rest) = rest.split_first_chunk()?;
        let (token_baseline, rest) = rest.split_first_chunk()?;
        let (models, rest) = RecentlyUsed::decode(rest)?;
        let (networks, rest) = RecentlyUsed::decode(rest)?;
        let history = Self {
            name: PrincipalHash(*name),
            period: u32::from_le_bytes(*period),
            periods: u16::from_le_bytes(*periods),
            requests: u32::from_le_bytes(*requests),
            tokens: u64::from_le_bytes(*tokens),
            ended: u32::from_le_bytes(*ended),
            refused: u32::from_le_bytes(*refused),
            request_baseline: f32::from_le_bytes(*request_baseline),
            token_baseline: f32::from_le_bytes(*token_baseline),
            models,
            networks,
        };
        let is_finite = history.request_baseline.is_finite() && history.token_baseline.is_finite();
        (rest.is_empty() && is_finite).then_some(history)
    }
}

fn short_hash(bytes: &[u8]) -> ShortHash {
    let [first, second, third, fourth, ..] = truncated_sha256(bytes);
    [first, second, third, fourth]
}

/// The /24 of an IPv4 address, the /48 of an IPv6 one.
fn network(address: &str) -> Option<ShortHash> {
    let address = address.parse::<IpAddr>().ok()?.to_canonical();
    Some(match address {
        IpAddr::V4(address) => {
            let [first, second, third, _] = address.octets();
            short_hash(&[first, second, third])
        }
        IpAddr::V6(address) => {
            let [first, second, third, ..] = address.segments();
            short_hash(&[first, second, third].map(u16::to_be_bytes).concat())
        }
    })
}

fn ratio(count: u64, baseline: f32, least: u32) -> f64 {
    f64::from(as_f32(count)) / f64::from(baseline).max(least.into())
}

#[expect(clippy::cast_precision_loss, reason = "a ratio of counts needs no more digits than this has")]
fn as_f32(count: u64) -> f32 {
    count as f32
}
