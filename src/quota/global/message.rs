//! The messages of Envoy's rate limit protocol, as far as they are used (`envoy/service/ratelimit/v3/rls.proto`,
//! `envoy/extensions/common/ratelimit/v3/ratelimit.proto`, `envoy/config/core/v3/grpc_service.proto`).
//!
//! The numbers are those of the protocol. What is not named here is skipped.

use prost::Message;

/// The codes for a request that is within a limit, and for one that is not.
pub(super) const OK: i32 = 1;
pub(super) const OVER_LIMIT: i32 = 2;

#[derive(Clone, PartialEq, Message)]
pub(super) struct RateLimitRequest {
    #[prost(string, tag = "1")]
    pub(super) domain: String,
    #[prost(message, repeated, tag = "2")]
    pub(super) descriptors: Vec<RateLimitDescriptor>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct RateLimitDescriptor {
    #[prost(message, repeated, tag = "1")]
    pub(super) entries: Vec<Entry>,
    /// In the place of the limit that the service has written down.
    #[prost(message, optional, tag = "2")]
    pub(super) limit: Option<RateLimit>,
    /// 0 asks without counting.
    #[prost(message, optional, tag = "3")]
    pub(super) hits_addend: Option<UInt64Value>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Entry {
    #[prost(string, tag = "1")]
    pub(super) key: String,
    #[prost(string, tag = "2")]
    pub(super) value: String,
}

/// `RateLimitOverride` in a request, `RateLimit` in an answer: they have the same numbers.
#[derive(Clone, Copy, PartialEq, Message)]
pub(in crate::quota) struct RateLimit {
    #[prost(uint32, tag = "1")]
    pub(super) requests_per_unit: u32,
    #[prost(int32, tag = "2")]
    pub(super) unit: i32,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct UInt64Value {
    #[prost(uint64, tag = "1")]
    pub(super) value: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct RateLimitResponse {
    #[prost(int32, tag = "1")]
    pub(super) overall_code: i32,
    #[prost(message, repeated, tag = "2")]
    pub(super) statuses: Vec<DescriptorStatus>,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(in crate::quota) struct DescriptorStatus {
    #[prost(int32, tag = "1")]
    pub(super) code: i32,
    #[prost(message, optional, tag = "2")]
    pub(super) current_limit: Option<RateLimit>,
    #[prost(uint32, tag = "3")]
    pub(super) limit_remaining: u32,
    #[prost(message, optional, tag = "4")]
    pub(super) duration_until_reset: Option<Duration>,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(in crate::quota) struct Duration {
    #[prost(int64, tag = "1")]
    pub(super) seconds: i64,
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::{
        DescriptorStatus, Duration, Entry, RateLimit, RateLimitDescriptor, RateLimitRequest,
        RateLimitResponse, UInt64Value,
    };

    /// Written down by hand from the protocol's files.
    #[test]
    fn the_bytes_are_those_of_the_protocol() {
        let request = RateLimitRequest {
            domain: "d".to_owned(),
            descriptors: vec![RateLimitDescriptor {
                entries: vec![Entry { key: "k".to_owned(), value: "v".to_owned() }],
                limit: Some(RateLimit { requests_per_unit: 300, unit: 2 }),
                hits_addend: Some(UInt64Value { value: 0 }),
            }],
        };
        let want =
            b"\x0a\x01d\x12\x11\x0a\x06\x0a\x01k\x12\x01v\x12\x05\x08\xac\x02\x10\x02\x1a\x00".as_slice();
        assert_eq!(request.encode_to_vec(), want);
    }

    #[test]
    fn an_answer_is_read_past_what_is_not_known() {
        // The overall code, one status whose limit has a name (3), a header to add (3), and a field of a later version (31).
        let bytes = b"\x08\x01\x12\x11\x08\x01\x12\x07\x08\x0a\x10\x02\x1a\x01n\x18\x09\x22\x02\x08\x1e\x1a\x00\xfa\x01\x01x";
        let answer = RateLimitResponse::decode(bytes.as_slice()).unwrap();
        let status = DescriptorStatus {
            code: 1,
            current_limit: Some(RateLimit { requests_per_unit: 10, unit: 2 }),
            limit_remaining: 9,
            duration_until_reset: Some(Duration { seconds: 30 }),
        };
        assert_eq!((answer.overall_code, answer.statuses), (1, vec![status]));
    }
}
