//! Other limits for some descriptors of a quota, each until a point in time.
//!
//! What is remembered of a call holds both limits and is asked for the one of the moment, so that an override ends by itself.

use std::collections::BTreeMap;

use crate::config::{self, ConfigError, DescriptorValue, Timestamp};

/// The overrides of one quota, by descriptor.
#[derive(Debug)]
pub(super) struct Overrides {
    by_descriptor: BTreeMap<Vec<String>, Override>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Override {
    limit: u64,
    until: Timestamp,
}

/// The limit of one descriptor, now and later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::quota) struct Limits {
    lasting: u64,
    passing: Option<Override>,
}

impl Overrides {
    /// # Errors
    /// An entry whose values are not as many as the `parts` of the quota's descriptor, or two for one descriptor.
    pub(super) fn compile(entries: &[config::Override], parts: usize, at: &str) -> Result<Self, ConfigError> {
        let mut by_descriptor = BTreeMap::new();
        for (index, entry) in entries.iter().enumerate() {
            let at = format!("{at}.overrides[{index}].per");
            if entry.per.len() != parts {
                let why = format!(
                    "the quota's `per` has {parts} entries and this has {}; write one value for each, in the same order",
                    entry.per.len()
                );
                return Err(ConfigError::new(at, why));
            }
            let passing = Override { limit: entry.limit, until: entry.until };
            let descriptor = entry.per.iter().cloned().map(DescriptorValue::encoded).collect();
            if by_descriptor.insert(descriptor, passing).is_some() {
                let values: Vec<String> = entry.per.iter().map(DescriptorValue::to_string).collect();
                let why = format!("`{}` has an override already; keep one of them", values.join(", "));
                return Err(ConfigError::new(at, why));
            }
        }
        Ok(Self { by_descriptor })
    }

    /// The limits of the descriptor whose quota gives it `lasting`.
    pub(super) fn limits(&self, descriptor: &Vec<String>, lasting: u64) -> Limits {
        Limits { lasting, passing: self.by_descriptor.get(descriptor).copied() }
    }
}

impl Limits {
    pub(in crate::quota) fn at(&self, now_ms: u64) -> u64 {
        match self.passing {
            Some(passing) if passing.until.is_after(now_ms / 1000) => passing.limit,
            _ => self.lasting,
        }
    }
}
