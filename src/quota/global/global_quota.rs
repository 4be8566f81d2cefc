//! What a quota needs to be counted by the service.

use super::descriptor::{Descriptor, entry_value};
use super::service::Service;
use super::service_window::ServiceWindow;
use crate::config::{
    self, ConfigError, OnFailure, Period, QuotaEngine, Span, TimeZone, Unit, WindowKind, WindowLength,
};
use crate::ledger::{RemoteCounter, compose};

/// The highest limit that the service is given; one more stands for no limit in its answers.
const HIGHEST_LIMIT: u64 = u32::MAX as u64 - 1;

/// Money is counted there in steps of this many microdollars: its limits have 32 bits, and 4294 dollars are too few.
const MICRODOLLARS_PER_HIT: u64 = 100;

const LONGEST_FRESH: Span = Span::from_seconds(60);

/// What a quota needs to be counted by the service.
#[derive(Clone, Debug)]
pub struct GlobalQuota {
    id: String,
    /// What is counted, by its name in the configuration.
    counted: &'static str,
    pub(super) window: ServiceWindow,
    pub(super) per_hit: u64,
    fresh_ms: u64,
    on_failure: OnFailure,
    /// The limit in the service's file; any other one goes along with the question.
    written: Option<u64>,
}

impl GlobalQuota {
    /// `None` where this Envoy counts by itself.
    ///
    /// # Errors
    /// What the service cannot do, with the way round.
    pub fn compile(
        quota: &config::Quota,
        service: Option<&Service>,
        at: &str,
    ) -> Result<Option<Self>, ConfigError> {
        let refused = |field: &str, why: &str| Err(ConfigError::new(format!("{at}.{field}"), why));
        if quota.engine == QuotaEngine::Local {
            return match (quota.on_failure, quota.fresh_for) {
                (None, None) => Ok(None),
                (Some(_), _) => refused("on_failure", "this belongs to `engine: global`; leave it out"),
                (None, Some(_)) => refused("fresh_for", "this belongs to `engine: global`; leave it out"),
            };
        }
        if service.is_none() {
            return refused("engine", "there is no `rate_limit_service` that could count it; write one");
        }
        if quota.durability.is_some() {
            return refused("durability", "these counters outlive Envoy's process; leave it out");
        }
        let (Some(length), false) = (quota.window, quota.unit == Unit::Concurrency) else {
            return refused(
                "engine",
                "the rate limit service counts within windows and takes nothing back, so it cannot count `concurrency`; leave this out, and divide the limit by the number of Envoys",
            );
        };
        let (length, window) = window(quota, length)
            .map_err(|error| ConfigError::new(format!("{at}.{}", error.at), error.why))?;
        let per_hit = per_hit(quota.unit);
        let written = match quota.limit {
            config::Limit::Number(limit) => Some(limit),
            config::Limit::Expression(_) => None,
        };
        require_countable_limits(quota, written, per_hit, at)?;
        if let Some(fresh_for) = quota.fresh_for.filter(|fresh| *fresh > LONGEST_FRESH || *fresh > length) {
            let why = format!("`{fresh_for}` is longer than {LONGEST_FRESH}, or than the window");
            return refused("fresh_for", &why);
        }
        Ok(Some(Self {
            id: entry_value(&quota.id),
            counted: quota.unit.name(),
            window,
            per_hit,
            fresh_ms: quota.fresh_for.map_or(0, Span::milliseconds),
            on_failure: quota.on_failure.unwrap_or(OnFailure::Deny),
            written,
        }))
    }

    pub fn window(&self) -> &ServiceWindow {
        &self.window
    }

    /// The counter, at this moment, of those whom `per` names.
    pub(super) fn descriptor(&self, place: usize, per: &str, limit: u64, now_ms: u64) -> Descriptor {
        Descriptor {
            place,
            id: self.id.clone(),
            per: per.to_owned(),
            window: self.window.name(now_ms),
            limit: (self.written != Some(limit)).then(|| self.service_limit(limit)),
        }
    }

    /// What this Envoy knows of that counter.
    pub(super) fn remote_counter(&self, descriptor: &Descriptor) -> RemoteCounter {
        let window = descriptor.window.as_deref().unwrap_or_default();
        let parts = [self.counted, self.window.unit().name, &self.id, &descriptor.per, window];
        RemoteCounter::of(&compose(&parts.map(str::as_bytes)))
    }

    /// How long an answer serves further requests, in milliseconds.
    pub(super) fn fresh_ms(&self) -> u64 {
        self.fresh_ms
    }

    pub(super) fn on_failure(&self) -> OnFailure {
        self.on_failure
    }

    /// As many whole hits as an amount is, and what is left of it.
    pub(super) fn hits(&self, amount: u64) -> (u64, u64) {
        let hits = amount.checked_div(self.per_hit).unwrap_or(amount);
        (hits, amount.saturating_sub(hits.saturating_mul(self.per_hit)))
    }

    /// The highest limit that it can be given.
    pub(super) fn highest_limit(&self) -> u64 {
        HIGHEST_LIMIT.saturating_mul(self.per_hit)
    }

    /// A limit as the service counts it.
    pub fn service_limit(&self, limit: u64) -> u32 {
        let hits = limit.checked_div(self.per_hit).unwrap_or(limit).min(HIGHEST_LIMIT);
        u32::try_from(hits).unwrap_or(u32::MAX)
    }
}

/// How long the window is, and how the service keeps it.
fn window(quota: &config::Quota, length: WindowLength) -> Result<(Span, ServiceWindow), ConfigError> {
    const A_DAY: Span = Span::from_seconds(24 * 60 * 60);
    let length = match length {
        WindowLength::Span(length) if quota.window_kind == Some(WindowKind::Fixed) => length,
        WindowLength::Span(_) => {
            let why = "the rate limit service has fixed windows alone; write `fixed`, and half the limit where twice as much must not pass around the end of one";
            return Err(ConfigError::new("window_kind", why));
        }
        // The service's days are those of UTC.
        WindowLength::Calendar(Period::Day) if quota.time_zone.is_none_or(|zone| zone == TimeZone::UTC) => {
            A_DAY
        }
        WindowLength::Calendar(period) => {
            let why = format!(
                "the rate limit service has no calendar but the days of UTC, so it cannot keep this `{}`; write a length, such as `1d` or `30d`, or leave `engine: global` out",
                period.name()
            );
            return Err(ConfigError::new("window", why));
        }
    };
    Ok((length, ServiceWindow::compile(length)?))
}

/// The quota's own limit, where it is `written` down, and those of its overrides.
fn require_countable_limits(
    quota: &config::Quota,
    written: Option<u64>,
    per_hit: u64,
    at: &str,
) -> Result<(), ConfigError> {
    let highest = HIGHEST_LIMIT.saturating_mul(per_hit);
    let own = written.map(|limit| (limit, "limit".to_owned()));
    let overrides = quota.overrides.iter().enumerate();
    let overridden = overrides.map(|(index, other)| (other.limit, format!("overrides[{index}].limit")));
    match own.into_iter().chain(overridden).find(|(limit, _)| *limit > highest) {
        None => Ok(()),
        Some((limit, field)) => {
            let why = format!(
                "`{limit}` is more than {highest}, the most that the rate limit service can count; write a shorter window"
            );
            Err(ConfigError::new(format!("{at}.{field}"), why))
        }
    }
}

/// How much of a unit one hit at the service stands for.
fn per_hit(unit: Unit) -> u64 {
    match unit {
        Unit::Microdollars => MICRODOLLARS_PER_HIT,
        _ => 1,
    }
}
