//! The rate limit service in memory, for tests: it counts as envoyproxy/ratelimit does.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use prost::Message;

use super::message::{
    DescriptorStatus, Duration, OK, OVER_LIMIT, RateLimit, RateLimitDescriptor, RateLimitRequest,
    RateLimitResponse,
};

/// The length of each unit in seconds, by its number.
const UNIT_SECONDS: [(i32, u64); 6] = [(1, 1), (2, 60), (3, 3600), (4, 86_400), (7, 604_800), (5, 2_592_000)];

/// One service, for however many Envoys.
#[derive(Default)]
pub(crate) struct Scripted {
    /// The limit of each quota in the service's file.
    limits: BTreeMap<String, RateLimit>,
    unlimited: Vec<String>,
    counted: RefCell<BTreeMap<String, u64>>,
    requests: Cell<usize>,
}

impl Scripted {
    pub(crate) fn new(limits: &[(&str, u32, i32)]) -> Self {
        let limits = limits.iter().map(|(id, requests_per_unit, unit)| {
            ((*id).to_owned(), RateLimit { requests_per_unit: *requests_per_unit, unit: *unit })
        });
        Self { limits: limits.collect(), ..Self::default() }
    }

    pub(crate) fn unlimited(mut self, id: &str) -> Self {
        self.unlimited.push(id.to_owned());
        self
    }

    /// How many requests came since the last call.
    pub(crate) fn take_requests(&self) -> usize {
        self.requests.take()
    }

    /// What is counted of each key, as in Redis.
    pub(crate) fn counted(&self) -> BTreeMap<String, u64> {
        self.counted.borrow().clone()
    }

    /// Takes one message and answers it.
    pub(crate) fn answer(&self, message: &[u8], now_ms: u64) -> Vec<u8> {
        self.requests.set(self.requests.get() + 1);
        let request = RateLimitRequest::decode(message).unwrap();
        assert!(!request.domain.is_empty() && !request.descriptors.is_empty());
        let statuses: Vec<_> = request
            .descriptors
            .iter()
            .map(|descriptor| self.judge(&request.domain, descriptor, now_ms / 1000))
            .collect();
        let is_over = statuses.iter().any(|status| status.code == OVER_LIMIT);
        RateLimitResponse { overall_code: if is_over { OVER_LIMIT } else { OK }, statuses }.encode_to_vec()
    }

    fn judge(&self, domain: &str, descriptor: &RateLimitDescriptor, now: u64) -> DescriptorStatus {
        let quota = descriptor.entries[0].value.as_str();
        if self.unlimited.iter().any(|id| id == quota) {
            return DescriptorStatus { code: OK, limit_remaining: u32::MAX, ..DescriptorStatus::default() };
        }
        let Some(limit) = descriptor.limit.or_else(|| self.limits.get(quota).copied()) else {
            return DescriptorStatus { code: OK, ..DescriptorStatus::default() };
        };
        let seconds = UNIT_SECONDS.iter().find(|(number, _)| *number == limit.unit).unwrap().1;
        let entries = descriptor.entries.iter().map(|entry| format!("{}_{}_", entry.key, entry.value));
        let key = format!("{domain}_{}{}", entries.collect::<String>(), now / seconds * seconds);
        let used = {
            let mut counted = self.counted.borrow_mut();
            let used = counted.entry(key).or_default();
            *used += descriptor.hits_addend.map_or(1, |hits| hits.value);
            *used
        };
        let left = u64::from(limit.requests_per_unit).checked_sub(used);
        let until_reset = i64::try_from(seconds - now % seconds).unwrap();
        DescriptorStatus {
            code: if left.is_some() { OK } else { OVER_LIMIT },
            current_limit: Some(limit),
            limit_remaining: u32::try_from(left.unwrap_or_default()).unwrap(),
            duration_until_reset: Some(Duration { seconds: until_reset }),
        }
    }
}

/// An answer that says so of each of `count` descriptors.
pub(crate) fn saying(code: i32, count: usize) -> Vec<u8> {
    let status = DescriptorStatus { code, ..DescriptorStatus::default() };
    RateLimitResponse { overall_code: code, statuses: vec![status; count] }.encode_to_vec()
}
