//! The compiled quotas of one configuration, and what they need to know of a call.

use std::collections::BTreeSet;

use super::compiled_quota::CompiledQuota;
use super::global::Service;
use crate::config::{self, ConfigError, Mode, Unit};
use crate::expression::{Engine, Reads};

/// The compiled quotas of one configuration.
#[derive(Debug)]
pub struct QuotaSet {
    pub(super) quotas: Vec<CompiledQuota>,
    pub(super) reads: Reads,
    pub(super) service: Option<Service>,
}

impl QuotaSet {
    /// # Errors
    /// Two quotas with one id, a window that cannot be kept, or an expression that does not compile.
    pub fn compile(
        quotas: &[config::Quota],
        service: Option<Service>,
        engine: &Engine,
    ) -> Result<Self, ConfigError> {
        let mut ids = BTreeSet::new();
        let mut reads = Reads::default();
        let mut compiled = Vec::with_capacity(quotas.len());
        for (index, quota) in quotas.iter().enumerate() {
            let at = format!("quotas[{index}]");
            if !ids.insert(quota.id.as_str()) {
                return Err(ConfigError::new(
                    format!("{at}.id"),
                    format!("the quota `{}` is listed twice", quota.id),
                ));
            }
            let quota = CompiledQuota::compile(quota, &at, service.as_ref(), engine)?;
            quota.read_into(&mut reads);
            compiled.push(quota);
        }
        Ok(Self { quotas: compiled, reads, service })
    }

    /// What all quotas together read.
    pub fn reads(&self) -> &Reads {
        &self.reads
    }

    /// What the quotas read that could refuse.
    pub fn enforced_reads(&self) -> Reads {
        let mut reads = Reads::default();
        let enforced = self.quotas.iter().filter(|quota| quota.mode == Mode::Enforce);
        enforced.for_each(|quota| quota.read_into(&mut reads));
        reads
    }

    /// True where a quota counts what depends on the size of a request.
    pub fn measures_size(&self) -> bool {
        self.quotas.iter().any(|quota| quota.measure.unit().is_metered())
    }

    /// True where a quota counts money.
    pub fn needs_prices(&self) -> bool {
        self.quotas.iter().any(|quota| quota.measure.unit() == Unit::Microdollars)
    }

    /// True where a quota that could refuse counts what only the provider's answer states.
    pub fn needs_usage(&self) -> bool {
        self.quotas.iter().any(|quota| quota.measure.unit().is_metered() && quota.mode == Mode::Enforce)
    }

    /// The rate limit service, where a quota is counted by it.
    pub fn service(&self) -> Option<&Service> {
        self.service.as_ref().filter(|_| self.quotas.iter().any(|quota| quota.global.is_some()))
    }

    pub(super) fn is_shared(&self, place: usize) -> bool {
        self.quotas.get(place).is_some_and(|quota| quota.global.is_some())
    }

    /// The ids and units of all quotas, in their places.
    pub fn named(&self) -> impl Iterator<Item = (&str, Unit)> {
        self.quotas.iter().map(|quota| (&*quota.id, quota.measure.unit()))
    }
}
