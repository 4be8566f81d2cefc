//! One exchange from its first header to its record, and what the gateway does between exchanges.
//!
//! Events come in, actions go out: what happens to an exchange comes to [`Stream::on`], what happens to the worker of the host
//! comes to [`Worker::on`], and what follows is done through two traits, [`Exchange`] and [`House`]. It knows no host beside
//! them, and it never decides: that is the gateway's.
//!
//! # Phases and events
//! A request is complete at the first of: headers with end of stream, body with end of stream, trailers; an
//! upgrade is complete at its headers. All lead into the same walk. Every row is a test with a scripted host
//! (`lifecycle/tests`) and a test in a real Envoy (`tests/e2e/test_lifecycle.py`; room in `test_bounds.py`; an issuer's word in
//! `test_opaque_tokens.py`; tokens for providers in
//! `test_upstream_tokens.py` and `test_user_exchange.py`; the rate limit service in `test_global_quota*.py`; revocation in `test_revocation.py`; metering in
//! `test_metering.py`; panics in `test_panics.py`; long forms in `test_dialects.py`; Envoy's errors in `test_local_replies.py`).
//!
//! | phase | event | what happens |
//! | --- | --- | --- |
//! | fresh | headers, with or without end of stream; upgrade | walk |
//! | waiting for the body | body chunk | hold; past the limit refuse `body_too_large` |
//! | waiting for the body | chunk of a form that may be too long to hold | walk with its beginning |
//! | waiting for the body | end of the body; trailers | walk with the body |
//! | waiting for anything | more has come than there is room for | refuse `overloaded` |
//! | waiting for keys, or an issuer's word | body chunk, end of the body, trailers | hold, and keep the body; past the limit refuse `identity_unavailable` |
//! | waiting for keys | a newer key set | walk |
//! | waiting for keys | the issuer's timeout; a fetch refused at dispatch, in the worker that tried | walk without patience |
//! | waiting for an issuer's word on a token | its answer; none | walk; walk without patience |
//! | waiting for a token for the provider | a newer one, here or in another worker; a failure that another try cannot mend soon | walk |
//! | waiting for a token for the provider | the endpoint's timeout; more wait than may | walk without patience |
//! | waiting for a token for the provider that the caller's is exchanged for | what comes of it; the endpoint's timeout | walk; walk without patience |
//! | waiting for a token for the provider | body chunk, end of the body, trailers | hold, and keep the body; past the limit refuse `upstream_token_unavailable` |
//! | waiting for the rate limit service | its answer; none, a timeout, a question refused at dispatch | walk with what it said, or with why it said nothing |
//! | waiting for the rate limit service | body chunk, end of the body, trailers | hold, and keep the body; past the limit refuse `quota_unavailable` |
//! | waiting for any of these | `hold_timeout` | refuse `hold_timeout` |
//! | forwarded | body, its end | pass; read what follows a decided beginning, and refuse what it should have rested on |
//! | any | trailers | take off what headers lose |
//! | answered, by a refusal or with a token | body, trailers | hold: the local reply is on its way |
//! | forwarded | response headers of another cluster | refuse `route_changed` |
//! | forwarded | response headers, trailers | edit them |
//! | forwarded | response headers by which a provider refuses the gateway's token | the next one is due at once; one that the caller's was exchanged for is forgotten |
//! | forwarded | response headers by which a provider holds back or refuses one of several keys | it rests, or is left out |
//! | forwarded | body of a provider's answer | read what it cost; take out the usage that only the gateway asked for |
//! | forwarded, waiting for any of these | an error of Envoy's own | give it the caller's dialect |
//! | forwarded | a newer revocation list that names the credential or the model | refuse `revoked_in_flight`; cut off what has begun |
//! | answered | an error of Envoy's own, instead of our answer | put our answer in its place |
//! | any | a panic, in an event of it | refuse `internal_error`; cut off what has begun |
//! | waiting for any of these | a panic in an event of the house | refuse `internal_error` |
//! | any | log (also after an abort, also without any event before) | write the record, count |

mod host;
mod context;
mod phase;
mod state;
mod metrics;
mod fetching;
mod pools;
mod rate_limits;
mod worker;
mod stream;
mod attempt;

pub use attempt::{AT_CLUSTER, AtCluster, Attempt, ClusterHalf};
pub use fetching::Delivery;
pub use host::{
    Attribute, Errand, Exchange, Family, Fetch, GrpcCall, House, Item, Level, MetricKind, Part, Side,
};
pub use stream::{Event, Next, Stream};
pub use worker::{HouseEvent, Worker};

#[cfg(test)]
mod tests;
