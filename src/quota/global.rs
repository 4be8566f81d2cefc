//! Quotas that the rate limit service counts for all Envoys together.

mod descriptor;
mod window;

use crate::config::{self, ConfigError, OnFailure, QuotaEngine, RateLimitService, Span, Unit, WindowKind};

pub use descriptor::{PER_KEY, QUOTA_KEY, WINDOW_KEY, entry_value};
pub use window::{ServiceUnit, ServiceWindow};

/// The highest limit that the service is given; one more stands for no limit in its answers.
const HIGHEST_LIMIT: u64 = u32::MAX as u64 - 1;

/// Money is counted there in steps of this many microdollars: its limits have 32 bits, and 4294 dollars are too few.
const MICRODOLLARS_PER_HIT: u64 = 100;

const LONGEST_FRESH: Span = Span::from_seconds(60);

/// What a quota needs to be counted by the service.
#[derive(Clone, Debug)]
pub struct Global {
    window: ServiceWindow,
    per_hit: u64,
    fresh_ms: u64,
    on_failure: OnFailure,
}

impl Global {
    /// `None` where this Envoy counts by itself.
    ///
    /// # Errors
    /// What the service cannot do, with the way round.
    pub fn compile(
        quota: &config::Quota,
        service: Option<&RateLimitService>,
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
        if quota.window_kind != WindowKind::Fixed {
            return refused(
                "window_kind",
                "the rate limit service has fixed windows alone; write `fixed`, and half the limit where twice as much must not pass around the end of one",
            );
        }
        let window = ServiceWindow::compile(length)
            .map_err(|error| ConfigError::new(format!("{at}.window"), error.why))?;
        let per_hit = per_hit(quota.unit);
        if let config::Limit::Number(limit) = quota.limit
            && limit / per_hit > HIGHEST_LIMIT
        {
            let why = format!(
                "`{limit}` is more than {}, the most that the rate limit service can count; write a shorter window",
                HIGHEST_LIMIT.saturating_mul(per_hit)
            );
            return refused("limit", &why);
        }
        if let Some(fresh_for) = quota.fresh_for.filter(|fresh| *fresh > LONGEST_FRESH || *fresh > length) {
            let why = format!("`{fresh_for}` is longer than {LONGEST_FRESH}, or than the window");
            return refused("fresh_for", &why);
        }
        Ok(Some(Self {
            window,
            per_hit,
            fresh_ms: quota.fresh_for.map_or(0, Span::milliseconds),
            on_failure: quota.on_failure.unwrap_or(OnFailure::Deny),
        }))
    }

    pub fn window(&self) -> &ServiceWindow {
        &self.window
    }

    /// A limit as the service counts it.
    pub fn service_limit(&self, limit: u64) -> u32 {
        let hits = limit.checked_div(self.per_hit).unwrap_or(limit).min(HIGHEST_LIMIT);
        u32::try_from(hits).unwrap_or(u32::MAX)
    }
}

/// How much of a unit one hit at the service stands for.
fn per_hit(unit: Unit) -> u64 {
    match unit {
        Unit::Microdollars => MICRODOLLARS_PER_HIT,
        Unit::Requests | Unit::Tokens | Unit::InputTokens | Unit::OutputTokens | Unit::Concurrency => 1,
    }
}

/// What is wrong with the section itself.
///
/// # Errors
/// The first field that is.
pub fn check_service(service: &RateLimitService, hold_timeout: Span) -> Result<(), ConfigError> {
    const LONGEST_CLUSTER: usize = 100;
    let refused =
        |field: &str, why: String| Err(ConfigError::new(format!("rate_limit_service.{field}"), why));
    let RateLimitService { cluster, domain, timeout, charge_every } = service;
    if cluster.is_empty() || cluster.len() > LONGEST_CLUSTER || !cluster.is_ascii() {
        return refused("cluster", format!("`{cluster}` must have 1 to {LONGEST_CLUSTER} letters of ASCII"));
    }
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-');
    if domain.is_empty() || !domain.chars().all(is_plain) {
        return refused("domain", format!("`{domain}` must have letters, digits, `.` and `-` alone"));
    }
    let longest = Span::from_seconds(10);
    if *timeout > longest || *timeout >= hold_timeout {
        return refused(
            "timeout",
            format!("`{timeout}` must be at most {longest}, and less than `hold_timeout`"),
        );
    }
    let (shortest, longest) = (Span::from_milliseconds(10), Span::from_seconds(60));
    if !(shortest..=longest).contains(charge_every) {
        return refused("charge_every", format!("`{charge_every}` is not between {shortest} and {longest}"));
    }
    Ok(())
}
