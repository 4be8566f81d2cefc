//! What was unusual about a call, as its record has it.

use serde_json::{Map, json};

use super::Line;
use super::line::Value;
use crate::anomaly::{Anomaly, AnomalyKind};

/// The part of a record that is there where something was an anomaly.
#[derive(Clone, Debug)]
pub struct Unusual(Map<String, serde_json::Value>);

impl Unusual {
    pub fn of(anomaly: &Anomaly, kinds: &[AnomalyKind]) -> Self {
        let value = |kind: &AnomalyKind| match kind {
            AnomalyKind::RequestRate => json!(rounded(anomaly.request_rate)),
            AnomalyKind::TokenRate => json!(rounded(anomaly.token_rate)),
            AnomalyKind::NewModel => json!(anomaly.new_model),
            AnomalyKind::NewNetwork => json!(anomaly.new_network),
            AnomalyKind::DenialShare => json!(rounded(anomaly.denial_share)),
        };
        Self(kinds.iter().map(|kind| (kind.name().to_owned(), value(kind))).collect())
    }

    pub fn write(self, line: &mut Line) {
        let values = serde_json::Value::Object(self.0);
        line.put([("claimgate.anomalies", Value::Written(values.to_string()))]);
    }
}

fn rounded(ratio: f64) -> f64 {
    (ratio * 100.0).round() / 100.0
}
