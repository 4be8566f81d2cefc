//! Tells how full the ledger is, and how near its callers come to their share of it, by a few pages of it at a time.

use std::cell::Cell;

use crate::gateway::Gateway;
use crate::ledger::Occupancy;
use crate::lifecycle::host::{Family, House};

/// How many pages are looked at in turn: keys spread evenly, so that few tell of all.
const SAMPLE: u32 = 8;
const EVERY_MS: u64 = 1000;

const FILL_PERCENT: Family = Family::gauge("claimgate.ledger.fill_percent");
const LARGEST_CALLER_PERCENT: Family = Family::gauge("claimgate.ledger.largest_caller_percent");

pub(super) const FAMILIES: [Family; 2] = [FILL_PERCENT, LARGEST_CALLER_PERCENT];

/// What one worker tells; every worker tells about the same.
pub(in crate::lifecycle) struct LedgerGauge {
    fill_percent: Option<u32>,
    largest_caller_percent: Option<u32>,
    next_page: Cell<u32>,
    told_ms: Cell<u64>,
}

impl LedgerGauge {
    pub(in crate::lifecycle) fn define(house: &dyn House) -> Self {
        Self {
            fill_percent: house.metric(&FILL_PERCENT, &[]),
            largest_caller_percent: house.metric(&LARGEST_CALLER_PERCENT, &[]),
            next_page: Cell::default(),
            told_ms: Cell::default(),
        }
    }

    /// Called on each tick; looks once a second.
    pub(in crate::lifecycle) fn tell(&self, gateway: &Gateway, house: &dyn House, now_ms: u64) {
        if self.told_ms.get().abs_diff(now_ms) < EVERY_MS {
            return;
        }
        self.told_ms.set(now_ms);
        let ledger = gateway.ledger();
        let first = self.next_page.get();
        self.next_page.set(first.saturating_add(SAMPLE) & ledger.last_page());
        let pages = first..first.saturating_add(SAMPLE).min(ledger.last_page().saturating_add(1));
        let seen: Vec<Occupancy> =
            pages.filter_map(|page| ledger.occupancy(house, page, now_ms).ok()).collect();
        let bytes: usize = seen.iter().map(|page| page.bytes).sum();
        let largest = seen.iter().map(|page| page.largest_caller_bytes).max().unwrap_or_default();
        record(house, self.fill_percent, bytes, ledger.page_bytes().saturating_mul(seen.len()));
        record(house, self.largest_caller_percent, largest, ledger.caller_bytes());
    }
}

fn record(house: &dyn House, gauge: Option<u32>, part: usize, whole: usize) {
    let percent = part.saturating_mul(100).checked_div(whole).unwrap_or_default();
    if let Some(gauge) = gauge {
        house.set(gauge, u64::try_from(percent).unwrap_or_default());
    }
}
