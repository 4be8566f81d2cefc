//! What a decision wants to know of a connection.

use super::labels::Labels;
use super::rooms::Rooms;
use crate::config::Config;

/// What a decision wants to know of a connection beside its cluster, by this configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wants {
    /// The client's address and port.
    pub address: bool,
    pub mtls: bool,
    /// The client's address for the record: where the configuration says which address is to be believed.
    pub recorded_address: bool,
}

impl Wants {
    pub(super) fn of(
        config: &Config,
        Rooms { identity, policies, quotas, .. }: &Rooms,
        labels: &Labels,
    ) -> Self {
        let all = [policies.reads(), quotas.reads(), labels.reads()];
        let reads = |variable| all.iter().any(|reads| reads.variable(variable));
        Self {
            address: identity.asks_for_networks() || reads("source") || config.anomalies.is_some(),
            mtls: reads("connection"),
            recorded_address: config.client_address.is_some(),
        }
    }
}
