//! How a message reaches the rate limit service.

use std::time::Duration;

use crate::lifecycle::host::{GrpcCall, House};
use crate::quota::Service;

/// # Errors
/// The host does not take it: there is no such cluster, or no connection to it.
pub(super) fn send(
    house: &dyn House,
    service: &Service,
    message: &[u8],
    timeout: Duration,
) -> Result<u32, String> {
    let call = GrpcCall {
        cluster: service.cluster(),
        service: Service::NAME,
        method: Service::METHOD,
        message,
        timeout,
    };
    house.call(&call).ok_or_else(|| {
        format!(
            "the cluster `{}` takes no requests; is there such a cluster, and is it up?",
            service.cluster()
        )
    })
}
