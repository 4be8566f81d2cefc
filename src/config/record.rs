//! The section `record`: what else the audit record tells.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What else the audit record tells.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RecordSettings {
    /// Expressions (CEL) by the name that their value has in `claimgate.labels`: a text, a number or a boolean. One without a
    /// value for a call is left out. `claimgate report --by-label` sums up by it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

impl RecordSettings {
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }
}
