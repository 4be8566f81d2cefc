//! What was unusual about a call, as its record tells it.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::anomaly::{Anomaly, AnomalyKind};

/// The part of a record that is there where something was an anomaly.
#[derive(Clone, Debug, Serialize)]
pub struct Unusual {
    #[serde(rename = "claimgate.anomalies")]
    values: Map<String, Value>,
}

impl Unusual {
    pub fn of(anomaly: &Anomaly, kinds: &[AnomalyKind]) -> Self {
        let value = |kind: &AnomalyKind| match kind {
            AnomalyKind::RequestRate => json!(rounded(anomaly.request_rate)),
            AnomalyKind::TokenRate => json!(rounded(anomaly.token_rate)),
            AnomalyKind::NewModel => json!(anomaly.new_model),
            AnomalyKind::NewNetwork => json!(anomaly.new_network),
            AnomalyKind::DenialShare => json!(rounded(anomaly.denial_share)),
        };
        Self { values: kinds.iter().map(|kind| (kind.name().to_owned(), value(kind))).collect() }
    }

    /// One object of JSON.
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

fn rounded(ratio: f64) -> f64 {
    (ratio * 100.0).round() / 100.0
}
