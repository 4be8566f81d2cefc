//! What all workers know of a pool's keys: which rest, and which are left out.

use serde::{Deserialize, Serialize};

/// So many spells are remembered at most. Callers choose models, and a spell more is a 429 that comes once more.
const MOST: usize = 256;

/// The spells that keys are kept from serving for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Rests(Vec<Spell>);

/// One key does not serve, for one model or at all.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
struct Spell {
    member: String,
    kept_from: KeptFrom,
    /// In milliseconds since the Unix epoch.
    until_ms: u64,
}

/// What a key is kept from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum KeptFrom {
    Everything,
    /// By the hash of its name.
    Model(u64),
}

/// Whether a key serves; in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Serves,
    Rests { until_ms: u64 },
    IsOut { until_ms: u64 },
}

impl Rests {
    pub(super) fn standing(&self, member: &str, model: u64, now_ms: u64) -> Standing {
        let until_ms = |kept_from| self.until_ms(member, kept_from, now_ms);
        match (until_ms(KeptFrom::Everything), until_ms(KeptFrom::Model(model))) {
            (Some(until_ms), _) => Standing::IsOut { until_ms },
            (None, Some(until_ms)) => Standing::Rests { until_ms },
            (None, None) => Standing::Serves,
        }
    }

    /// With one spell more; of one that lasts already, whichever ends later.
    pub(super) fn with(&self, member: &str, kept_from: KeptFrom, until_ms: u64, now_ms: u64) -> Self {
        let until_ms = until_ms.max(self.until_ms(member, kept_from, now_ms).unwrap_or_default());
        let is_another = |spell: &&Spell| (spell.member.as_str(), spell.kept_from) != (member, kept_from);
        let others = self.0.iter().filter(|spell| spell.until_ms > now_ms).filter(is_another).cloned();
        let mut spells: Vec<Spell> = others.collect();
        if spells.len() >= MOST {
            // Those that end last stay.
            spells.sort_by_key(|spell| std::cmp::Reverse(spell.until_ms));
            spells.truncate(MOST.saturating_sub(1));
        }
        spells.push(Spell { member: member.to_owned(), kept_from, until_ms });
        Self(spells)
    }

    /// True where the provider has refused it.
    pub fn is_out(&self, member: &str, now_ms: u64) -> bool {
        self.until_ms(member, KeptFrom::Everything, now_ms).is_some()
    }

    /// For how many models it rests.
    pub fn resting(&self, member: &str, now_ms: u64) -> usize {
        let is_its = |spell: &&Spell| spell.member == member && spell.until_ms > now_ms;
        self.0.iter().filter(is_its).filter(|spell| spell.kept_from != KeptFrom::Everything).count()
    }

    fn until_ms(&self, member: &str, kept_from: KeptFrom, now_ms: u64) -> Option<u64> {
        let spell = self.0.iter().find(|spell| spell.member == member && spell.kept_from == kept_from);
        spell.map(|spell| spell.until_ms).filter(|until_ms| *until_ms > now_ms)
    }

    /// As they lie in the memory that workers share.
    pub fn write(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// What was written; no spell for anything else.
    pub fn read(bytes: &[u8]) -> Self {
        serde_json::from_slice(bytes).unwrap_or_default()
    }
}
