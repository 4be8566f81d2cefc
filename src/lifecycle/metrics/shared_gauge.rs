//! A gauge that is the sum over all workers: each tells it by how much its own part has changed.

use std::cell::Cell;

use crate::lifecycle::host::House;

pub(super) struct SharedGauge {
    id: u32,
    /// This worker's part.
    told: Cell<usize>,
}

impl SharedGauge {
    pub(super) fn new(id: u32) -> Self {
        Self { id, told: Cell::new(0) }
    }

    pub(super) fn tell(&self, house: &dyn House, part: usize) {
        let more = signed(part).saturating_sub(signed(self.told.replace(part)));
        if more != 0 {
            house.add(self.id, more);
        }
    }
}

pub(super) fn signed(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
