//! What a script says is unusual about a call.

use serde::Deserialize;

use crate::anomaly::Anomaly;

/// The fields of `principal.anomaly`; one that is left out is as of a caller of whom nothing is known.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::cli) struct AssumedAnomaly {
    request_rate: f64,
    token_rate: f64,
    new_model: bool,
    new_network: bool,
    denial_share: f64,
}

impl Default for AssumedAnomaly {
    fn default() -> Self {
        let Anomaly { request_rate, token_rate, new_model, new_network, denial_share } = Anomaly::NONE;
        Self { request_rate, token_rate, new_model, new_network, denial_share }
    }
}

impl From<&AssumedAnomaly> for Anomaly {
    fn from(assumed: &AssumedAnomaly) -> Self {
        let AssumedAnomaly { request_rate, token_rate, new_model, new_network, denial_share } = *assumed;
        Self { request_rate, token_rate, new_model, new_network, denial_share }
    }
}
