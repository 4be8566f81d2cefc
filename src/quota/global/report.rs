//! Reports to the service what requests have cost, where it was only asked for them.

use std::rc::Rc;

use super::descriptor::Descriptor;
use super::global_quota::GlobalQuota;
use super::message::DescriptorStatus;
use super::request;
use super::response::{DescriptorResponse, decode, interpret};
use super::unreported_charges::{Reported, UnreportedCharges};
use crate::quota::{QuotaContext, QuotaSet};

/// A report that is under way.
#[derive(Debug)]
pub struct Report {
    charges: Vec<Reported>,
    message: Vec<u8>,
}

impl Report {
    /// The request to the service.
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// How many counters it has.
    pub fn len(&self) -> usize {
        self.charges.len()
    }

    pub fn is_empty(&self) -> bool {
        self.charges.is_empty()
    }
}

impl QuotaSet {
    /// What is to be reported now, of as many counters as one report takes.
    pub fn report(&self, unreported: &UnreportedCharges, now_ms: u64) -> Option<Report> {
        let service = self.service.as_ref()?;
        let charges =
            unreported.take(|descriptor, amount| Some(self.global(descriptor)?.hits(amount)), now_ms);
        if charges.is_empty() {
            return None;
        }
        let asked = charges
            .iter()
            .filter_map(|charge| Some((self.global(&charge.descriptor)?, &*charge.descriptor, charge.hits)));
        let message = service.request(std::iter::once(request::encode(asked).as_slice()));
        Some(Report { charges, message })
    }

    /// Takes off what the service has counted, and learns what is left. What it has not counted is to be reported again.
    ///
    /// # Errors
    /// One line for the operator.
    pub fn reported(
        &self,
        report: Report,
        answer: Result<&[u8], String>,
        asked_ms: u64,
        context: QuotaContext<'_>,
    ) -> Result<(), String> {
        let statuses = answer.and_then(|answer| decode(answer, report.charges.len()));
        let statuses = statuses.inspect_err(|_| self.restore(&report, context))?;
        let answered = report.charges.iter().zip(statuses);
        let unknown =
            answered.filter(|(charge, status)| !self.confirm(charge, status, asked_ms, context)).count();
        context.unreported.drop_charges(unknown);
        match unknown {
            0 => Ok(()),
            unknown => {
                Err(format!("the service does not know {unknown} of the counters that it was told of"))
            }
        }
    }

    /// What could not be sent is to be reported again.
    pub fn restore(&self, report: &Report, context: QuotaContext<'_>) {
        for Reported { descriptor, amount, .. } in &report.charges {
            context.unreported.add(Rc::clone(descriptor), *amount, context.now_ms);
        }
    }

    /// False where the service has not counted it.
    fn confirm(
        &self,
        charge: &Reported,
        status: &DescriptorStatus,
        asked_ms: u64,
        context: QuotaContext<'_>,
    ) -> bool {
        let Some(global) = self.global(&charge.descriptor) else { return false };
        let (status, is_known) = match interpret(status, global, asked_ms) {
            DescriptorResponse::Within(status) | DescriptorResponse::Over(status) => (Some(status), true),
            DescriptorResponse::Unlimited => (None, true),
            DescriptorResponse::Unconfigured(_) => (None, false),
        };
        let counter = global.remote_counter(&charge.descriptor);
        // Where that fails it stays on the ledger: it errs on the strict side and leaves by itself.
        let _ = counter.release((context.ledger, context.store), charge.amount, status, context.now_ms);
        is_known
    }

    fn global(&self, descriptor: &Descriptor) -> Option<&GlobalQuota> {
        self.quotas.get(descriptor.place)?.global.as_ref()
    }
}
