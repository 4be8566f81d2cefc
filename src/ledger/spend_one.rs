//! One request at a time, from what was charged ahead where something is left of that.

use super::{Allotments, Change, Count, Counter, Ledger, LedgerError, Store, Window};

impl Window {
    /// Spends one request, from what was charged ahead where something is left of that.
    pub fn spend_one(
        &self,
        ledger: &Ledger,
        store: &dyn Store,
        allotments: &Allotments,
        charge: (&Counter, u64),
        now_ms: u64,
    ) -> Result<Count, LedgerError> {
        let (counter, limit) = charge;
        if let Some(count) = allotments.take(counter, limit, now_ms) {
            return Ok(count);
        }
        let left = allotments.reclaim(counter, now_ms);
        let spent = ledger.update_named(store, counter.name(), now_ms, |value| {
            let Some(tally) = self.tally(value, now_ms) else { return Change::Keep(None) };
            let tally = self.less(&tally, left, now_ms);
            let count = self.judge(&tally, limit, 1, now_ms);
            let ahead = allotments.ahead(counter, count.used, limit, now_ms);
            let cost = if count.admitted { ahead.saturating_add(1) } else { 0 };
            if cost == 0 && left == 0 {
                return Change::Keep(Some((count, 0)));
            }
            let tally = tally.plus(cost);
            let count = Count { used: tally.used(), reset_ms: self.reset_ms(&tally, now_ms), ..count };
            let ahead = if count.admitted { ahead } else { 0 };
            self.put(&tally, Some((count, ahead)))
        });
        let (count, ahead) = spent?.ok_or(LedgerError::Absent)?;
        allotments.put(self, counter, ahead, count, now_ms);
        Ok(Count { used: count.used.saturating_sub(ahead), ..count })
    }
}
