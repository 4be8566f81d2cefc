//! A call that waits for the service: what it asks, and what its quotas make of the answer.

use super::answer::Answer;
use super::batch::Ask;
use super::counting::Heard;
use super::descriptor_query::Due;
use super::request;
use crate::denial::{Denial, Reason};
use crate::quota::reservations::Basket;
use crate::quota::{QuotaSet, Till};

/// A call that has taken its part of every quota that this Envoy counts, and waits for the service.
#[derive(Debug)]
pub struct Pending {
    pub(in crate::quota) basket: Basket,
    pub(in crate::quota) due: Vec<Due>,
    ask: Ask,
}

impl Pending {
    pub fn ask(&self) -> &Ask {
        &self.ask
    }
}

impl QuotaSet {
    /// What the call waits for.
    pub(in crate::quota) fn pending(&self, basket: Basket, due: Vec<Due>) -> Pending {
        let asked = due.iter().filter_map(|due| {
            let quota = self.quotas.get(due.place)?;
            let global = quota.global.as_ref()?;
            let hits = if quota.is_counted_at_once(global) { due.amount } else { 0 };
            Some((global, &*due.descriptor, hits))
        });
        let ask = Ask::new(request::encode(asked), due.len());
        Pending { basket, due, ask }
    }

    /// Takes the part of each quota that was asked for, by what the service said.
    pub(in crate::quota) fn hear(
        &self,
        basket: &mut Basket,
        due: &[Due],
        answer: &Answer,
        till: Till<'_>,
    ) -> Result<(), Denial> {
        for (index, due) in due.iter().enumerate() {
            let quota = self.quotas.get(due.place);
            let Some((quota, global)) = quota.and_then(|quota| Some((quota, quota.global.as_ref()?))) else {
                return Err(Reason::QuotaUnavailable.into());
            };
            match quota.hear(global, due, answer.word(index, global), till) {
                Ok(Heard { portion, count, is_alone }) => {
                    basket.put(due.place, portion);
                    if let Some(count) = count {
                        basket.tell(quota.mode, quota.measure.unit(), count);
                    }
                    if is_alone {
                        basket.counted_alone(&quota.id);
                    }
                }
                Err(denial) => basket.refuse(quota.mode, &quota.id, denial)?,
            }
        }
        Ok(())
    }
}
