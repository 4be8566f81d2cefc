//! How a call ended, as far as the host knows.

use std::sync::Arc;

use crate::audit::{AnsweredBy, Price};
use crate::meter::Usage;
use crate::quota::Charged;

/// How a call ended, as far as the host knows.
#[derive(Clone, Debug)]
pub struct Ending {
    pub now_ms: u64,
    pub answered_by: AnsweredBy,
    /// `None` where nobody was answered.
    pub status: Option<u32>,
    pub aborted: bool,
    /// How long it waited for a token for the provider; `None` where it did not.
    pub upstream_wait_ms: Option<u64>,
    /// Which of several keys went on, where that was chosen at the cluster.
    pub pool_member: Option<String>,
    /// The provider's own request id, where it told one.
    pub provider_request_id: Option<String>,
    /// What the provider's answer cost, where it was metered.
    pub usage: Option<Usage>,
    /// That in money, where there are prices.
    pub price: Option<Price>,
    /// What quotas were charged for it.
    pub charged: Vec<Charged>,
    /// What the operator has the record tell beside.
    pub labels: Vec<(Arc<str>, String)>,
}
