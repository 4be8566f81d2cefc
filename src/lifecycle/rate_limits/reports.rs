//! Reports to the rate limit service of what requests have cost: many requests in one report.
//!
//! A report is sent again until it is answered. One whose answer is lost may count twice, which errs on the strict side.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use hashbrown::HashMap;

use super::notices::Notices;
use super::send::send;
use crate::lifecycle::context::Context;
use crate::quota::Report;

/// Nobody waits for the answer to a report, and one that is given up too soon may count twice.
const REPORT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long to wait after a report that failed, in milliseconds.
const PAUSE_MS: u64 = 1000;
/// The most reports under way.
const MOST_REPORTS: usize = 4;
/// How long a configuration that is over tries to report what is owed, in milliseconds.
const FAREWELL_MS: u64 = 60_000;

/// The reports of one worker under one configuration.
#[derive(Default)]
pub(super) struct Reports {
    /// Each with when it was sent.
    under_way: RefCell<HashMap<u32, (Report, u64)>>,
    /// From when on the next report is sent.
    next_ms: Cell<u64>,
    /// When the configuration ended.
    over_since_ms: Cell<Option<u64>>,
}

impl Reports {
    pub(super) fn is_under_way(&self, token: u32) -> bool {
        self.under_way.borrow().contains_key(&token)
    }

    pub(super) fn receive(
        &self,
        context: Context<'_>,
        notices: &Notices,
        token: u32,
        message: Result<Vec<u8>, String>,
    ) {
        let report = self.under_way.borrow_mut().remove(&token);
        if let Some(report) = report {
            self.reported(context, notices, report, message);
        }
    }

    pub(super) fn tick(&self, context: Context<'_>, notices: &Notices) {
        let Context { gateway, house, memory } = context;
        let Some(service) = gateway.rate_limit_service() else { return };
        notices.metrics(house).tell_unreported(house, memory.unreported());
        let now_ms = house.now_ms();
        if now_ms < self.next_ms.get() {
            return;
        }
        // A tick that comes a little early is not put off to the next.
        let every_ms = service.charge_every_ms();
        self.next_ms.set(now_ms.saturating_add(every_ms.saturating_sub(every_ms / 8)));
        while self.under_way.borrow().len() < MOST_REPORTS {
            let Some(report) = gateway.report_charges(memory, now_ms) else { return };
            match send(house, service, report.message(), REPORT_TIMEOUT) {
                Ok(token) => {
                    self.under_way.borrow_mut().insert(token, (report, now_ms));
                }
                Err(why) => return self.reported(context, notices, (report, now_ms), Err(why)),
            }
        }
    }

    pub(super) fn close(&self, context: Context<'_>, notices: &Notices) -> bool {
        let Context { house, memory, .. } = context;
        let now_ms = house.now_ms();
        if self.over_since_ms.get().is_none() {
            self.over_since_ms.set(Some(now_ms));
            self.next_ms.set(0);
        }
        memory.unreported().close();
        self.tick(context, notices);
        let since_ms = self.over_since_ms.get().unwrap_or(now_ms);
        if now_ms.saturating_sub(since_ms) >= FAREWELL_MS {
            memory.unreported().discard();
            notices.metrics(house).tell_unreported(house, memory.unreported());
            return true;
        }
        memory.unreported().is_empty() && self.under_way.borrow().is_empty()
    }

    fn reported(
        &self,
        Context { gateway, house, memory }: Context<'_>,
        notices: &Notices,
        report: (Report, u64),
        answer: Result<Vec<u8>, String>,
    ) {
        let now_ms = house.now_ms();
        let (counters, failed) = (report.0.len(), answer.is_err());
        let answer = answer.as_deref().map_err(Clone::clone);
        match gateway.charges_reported(report, answer, (house, memory), now_ms) {
            Ok(()) => notices.metrics(house).count_report(house, "ok", counters),
            Err(why) => {
                notices.metrics(house).count_report(house, "failed", 0);
                notices.warn(house, &why);
                if failed {
                    self.next_ms.set(now_ms.saturating_add(PAUSE_MS));
                }
            }
        }
    }
}
