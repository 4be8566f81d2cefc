//! What the service is asked: the part of a request that is one call's.

use prost::Message;

use super::descriptor::{Descriptor, PER_KEY, QUOTA_KEY, WINDOW_KEY};
use super::global_quota::GlobalQuota;
use super::message::{Entry, RateLimit, RateLimitDescriptor, RateLimitRequest, UInt64Value};

/// These descriptors, each with what it adds, as a part of a request.
pub(super) fn encode<'a>(asked: impl Iterator<Item = (&'a GlobalQuota, &'a Descriptor, u64)>) -> Vec<u8> {
    let descriptors = asked.map(|(global, descriptor, hits)| written(global, descriptor, hits)).collect();
    RateLimitRequest { domain: String::new(), descriptors }.encode_to_vec()
}

fn written(global: &GlobalQuota, descriptor: &Descriptor, hits: u64) -> RateLimitDescriptor {
    let entry = |key: &str, value: &str| Entry { key: key.to_owned(), value: value.to_owned() };
    let mut entries = vec![entry(QUOTA_KEY, &descriptor.id), entry(PER_KEY, &descriptor.per)];
    entries.extend(descriptor.window.iter().map(|window| entry(WINDOW_KEY, window)));
    let unit = global.window.unit().number;
    let limit = descriptor.limit.map(|requests_per_unit| RateLimit { requests_per_unit, unit });
    RateLimitDescriptor { entries, limit, hits_addend: Some(UInt64Value { value: hits }) }
}
