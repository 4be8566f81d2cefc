//! The limits of global quotas as the file that envoyproxy/ratelimit reads, so that a limit is written once.
//!
//! A limit that CEL gives is not in it: the gateway tells it with each question, as it does where a quota has overrides.

use std::fmt::Write;

use crate::config::{Config, ConfigError, Limit, Quota};
use crate::quota::{GlobalQuota, PER_KEY, QUOTA_KEY, Service, WINDOW_KEY, entry_value};

const HEAD: &str = "\
# Written by `claimgate bundle --wrap rate-limit`; change the quotas in gateway.yaml and write it again.
";

/// The whole file.
///
/// # Errors
/// There is no `rate_limit_service`, or a quota that it cannot count.
pub(super) fn rate_limits(config: &Config) -> Result<String, ConfigError> {
    let Some(section) = &config.rate_limit_service else {
        let why = "there is none, so there is nothing to write for it; leave `--wrap rate-limit` out";
        return Err(ConfigError::new("rate_limit_service", why));
    };
    let service = Service::compile(section, config.hold_timeout)?;
    let mut descriptors = String::new();
    for (quota, index) in config.quotas.iter().zip(0_usize..) {
        let global = GlobalQuota::compile(quota, Some(&service), &format!("quotas[{index}]"))?;
        if let (Some(global), Limit::Number(limit)) = (global, &quota.limit) {
            descriptors.push_str(&descriptor(quota, &global, *limit));
        }
    }
    let list = if descriptors.is_empty() { " []\n" } else { "\n" };
    Ok(format!("{HEAD}domain: \"{}\"\ndescriptors:{list}{descriptors}", section.domain))
}

/// One quota, its entries nested in their order, the limit at the last.
fn descriptor(quota: &Quota, global: &GlobalQuota, limit: u64) -> String {
    let window = global.window();
    let mut keys = vec![PER_KEY];
    if window.is_named() {
        keys.push(WINDOW_KEY);
    }
    // An encoded value has nothing in it that a text in quotes would need escaped.
    let mut text = format!("  - key: {QUOTA_KEY}\n    value: \"{}\"\n", entry_value(&quota.id));
    let mut indent = 4_usize;
    for key in keys {
        let _ = writeln!(text, "{:indent$}descriptors:\n{:indent$}  - key: {key}", "", "");
        indent = indent.saturating_add(4);
    }
    let (unit, limit) = (window.unit().name, global.service_limit(limit));
    let _ = writeln!(text, "{:indent$}rate_limit: {{ unit: {unit}, requests_per_unit: {limit} }}", "");
    text
}
