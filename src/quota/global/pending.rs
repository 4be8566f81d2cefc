//! A call that waits for the service: what it asks, and what its quotas make of the answer.

use super::answer::Answer;
use super::batch::Ask;
use super::counting::ResponseOutcome;
use super::descriptor_query::DescriptorQuery;
use super::request;
use crate::denial::{Denial, Reason};
use crate::quota::reservations::Reservations;
use crate::quota::{QuotaContext, QuotaSet};

/// A call that has taken its part of every quota that this Envoy counts, and waits for the service.
#[derive(Debug)]
pub struct Pending {
    pub(in crate::quota) reservations: Reservations,
    pub(in crate::quota) queries: Vec<DescriptorQuery>,
    ask: Ask,
}

impl Pending {
    pub fn ask(&self) -> &Ask {
        &self.ask
    }
}

impl QuotaSet {
    /// What the call waits for.
    pub(in crate::quota) fn pending(
        &self,
        reservations: Reservations,
        queries: Vec<DescriptorQuery>,
    ) -> Pending {
        let asked = queries.iter().filter_map(|query| {
            let quota = self.quotas.get(query.place)?;
            let global = quota.global.as_ref()?;
            let hits = if quota.is_counted_at_once(global) { query.amount } else { 0 };
            Some((global, &*query.descriptor, hits))
        });
        let ask = Ask::new(request::encode(asked), queries.len());
        Pending { reservations, queries, ask }
    }

    /// Takes the part of each quota that was asked for, by what the service answered.
    pub(in crate::quota) fn take_responses(
        &self,
        reservations: &mut Reservations,
        queries: &[DescriptorQuery],
        answer: &Answer,
        context: QuotaContext<'_>,
    ) -> Result<(), Denial> {
        for (index, query) in queries.iter().enumerate() {
            let quota = self.quotas.get(query.place);
            let Some((quota, global)) = quota.and_then(|quota| Some((quota, quota.global.as_ref()?))) else {
                return Err(Reason::QuotaUnavailable.into());
            };
            match quota.take_response(global, query, answer.response(index, global), context) {
                Ok(ResponseOutcome { taken, count, counts_alone }) => {
                    reservations.add(query.place, taken);
                    if let Some(count) = count {
                        reservations.note_count(quota.mode, quota.measure.unit(), count);
                    }
                    if counts_alone {
                        reservations.counted_alone(&quota.id);
                    }
                }
                Err(denial) => reservations.refuse(quota.mode, &quota.id, denial)?,
            }
        }
        Ok(())
    }
}
