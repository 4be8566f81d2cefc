//! Which answers are metered, and what their requests need for it.

use super::{Call, Gateway};
use crate::config::MeteredUsage;
use crate::dialect::Operation;
use crate::meter::Meter;
use crate::request::Headers;
use crate::upstream::HeaderPatch;

impl Gateway {
    /// Starts to meter a provider's answer; `None` where there is nothing to meter.
    pub fn meter(&self, call: &Call, status: u32, headers: &Headers) -> Option<Meter> {
        Meter::open(self.metered(call)?, status, headers)
    }

    /// A compressed answer would have to be unpacked to be read.
    pub(super) fn ask_for_readable_answer(&self, call: &Call, patch: &mut HeaderPatch) {
        if self.metered(call).is_some() {
            patch.ask_for_plain_answer(&call.head);
        }
    }

    /// What is asked, where it costs something and that is recorded.
    fn metered<'a>(&self, call: &'a Call) -> Option<&'a Operation> {
        let operation = call.operation.as_deref()?;
        let is_metered = self.settings.usage == MeteredUsage::Record && operation.is_metered();
        is_metered.then_some(operation)
    }
}
