//! What all workers know of a pool's keys: which rest, and which are left out.

use serde::{Deserialize, Serialize};

use super::ticket::Ticket;

/// So many are remembered at most. Callers choose models; one that is forgotten is a 429 that comes once more.
const MOST: usize = 256;

/// What keys are kept from, and until when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Rests(Vec<Rest>);

/// One key does not serve for something.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
struct Rest {
    member: String,
    kept_from: KeptFrom,
    /// In milliseconds since the Unix epoch.
    until_ms: u64,
}

/// What a key is kept from, by the hash of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum KeptFrom {
    /// Rests for a model in an operation.
    Model(u64),
    /// Is left out of an operation for one caller: it may have asked for what the key must not do.
    Caller { caller: u64, operation: u64 },
    /// Is left out of an operation for all, as two callers have been refused.
    Operation(u64),
}

/// Whether a key serves; in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Serves,
    Rests { until_ms: u64 },
    IsOut { until_ms: u64 },
}

impl Rests {
    pub(super) fn standing(&self, member: &str, ticket: Ticket, now_ms: u64) -> Standing {
        let Ticket { caller, operation, model } = ticket;
        let until_ms = |kept_from| self.until_ms(member, kept_from, now_ms);
        let out_ms = until_ms(KeptFrom::Operation(operation));
        match (out_ms.max(until_ms(KeptFrom::Caller { caller, operation })), until_ms(KeptFrom::Model(model)))
        {
            (Some(until_ms), _) => Standing::IsOut { until_ms },
            (None, Some(until_ms)) => Standing::Rests { until_ms },
            (None, None) => Standing::Serves,
        }
    }

    /// What a refusal keeps the key from: one caller's own request may be why, those of two are not.
    pub(super) fn refused(&self, member: &str, ticket: Ticket, now_ms: u64) -> KeptFrom {
        let Ticket { caller, operation, .. } = ticket;
        let is_of_another = |rest: &Rest| match rest.kept_from {
            KeptFrom::Caller { caller: other, operation: same } => other != caller && same == operation,
            KeptFrom::Model(_) | KeptFrom::Operation(_) => false,
        };
        let lasts = |rest: &Rest| rest.member == member && rest.until_ms > now_ms;
        match self.0.iter().any(|rest| lasts(rest) && is_of_another(rest)) {
            true => KeptFrom::Operation(operation),
            false => KeptFrom::Caller { caller, operation },
        }
    }

    /// With one more; of one that lasts already, whichever ends later.
    pub(super) fn with(&self, member: &str, kept_from: KeptFrom, until_ms: u64, now_ms: u64) -> Self {
        let until_ms = until_ms.max(self.until_ms(member, kept_from, now_ms).unwrap_or_default());
        let is_another = |rest: &&Rest| (rest.member.as_str(), rest.kept_from) != (member, kept_from);
        let others = self.0.iter().filter(|rest| rest.until_ms > now_ms).filter(is_another).cloned();
        let mut rests: Vec<Rest> = others.collect();
        if rests.len() >= MOST {
            // What is refused stays, and of the others what ends last.
            let rank = |rest: &Rest| matches!(rest.kept_from, KeptFrom::Operation(_));
            rests.sort_by_key(|rest| std::cmp::Reverse((rank(rest), rest.until_ms)));
            rests.truncate(MOST.saturating_sub(1));
        }
        rests.push(Rest { member: member.to_owned(), kept_from, until_ms });
        Self(rests)
    }

    /// For how many models it rests, and of how many operations it is left out for all.
    pub fn count(&self, member: &str, now_ms: u64) -> (usize, usize) {
        let lasting = || self.0.iter().filter(|rest| rest.member == member && rest.until_ms > now_ms);
        let resting = lasting().filter(|rest| matches!(rest.kept_from, KeptFrom::Model(_)));
        let out = lasting().filter(|rest| matches!(rest.kept_from, KeptFrom::Operation(_)));
        (resting.count(), out.count())
    }

    fn until_ms(&self, member: &str, kept_from: KeptFrom, now_ms: u64) -> Option<u64> {
        let rest = self.0.iter().find(|rest| rest.member == member && rest.kept_from == kept_from);
        rest.map(|rest| rest.until_ms).filter(|until_ms| *until_ms > now_ms)
    }

    /// As they lie in the memory that workers share.
    pub fn write(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// What was written; none for anything else.
    pub fn read(bytes: &[u8]) -> Self {
        serde_json::from_slice(bytes).unwrap_or_default()
    }
}
