//! The labels of a call's record.

use std::sync::Arc;

use crate::gateway::Gateway;
use crate::gateway::call::Call;
use crate::request::Moment;

impl Gateway {
    /// What the operator has its record tell beside; nothing where the caller or the operation is not known.
    pub(in crate::gateway) fn labels_of(&self, call: &Call) -> Vec<(Arc<str>, String)> {
        if self.labels.is_empty() {
            return Vec::new();
        }
        // It is told of the request, which no randomness is part of.
        let moment = Moment { unix_ms: call.arrival.started_ms, entropy: [0; 16] };
        let facts = self.facts_of(call, moment);
        facts.map(|facts| self.labels.of(&self.rooms.engine, &facts)).unwrap_or_default()
    }
}
