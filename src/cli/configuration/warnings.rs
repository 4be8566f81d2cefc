//! What works and should still be known to whoever deploys a configuration.

use std::path::Path;

use crate::cli::clock::now_seconds;
use crate::cli::document::{Finding, Severity};
use crate::config::{Config, Jwks, QuotaEngine};
use crate::identity::KeySet;

/// All warnings about the configuration in `file`.
pub(super) fn warnings(file: &Path, config: &Config) -> Vec<Finding> {
    let mut warnings = long_windows(file, config);
    warnings.extend(ended_overrides(file, config));
    warnings.extend(idle_service(file, config));
    warnings.extend(idle_algorithms(file, config));
    warnings
}

/// Who wrote `durability: process` accepted it; whoever deploys it should still know.
fn long_windows(file: &Path, config: &Config) -> Vec<Finding> {
    let quotas = config.quotas.iter().zip(0_usize..);
    quotas
        .filter(|(quota, _)| quota.durability.is_some() && quota.outlives_processes())
        .map(|(quota, index)| {
            let why = format!(
                "the counters of `{}` live in one Envoy process: they are lost when it ends, and every replica has its own",
                quota.id
            );
            let at = format!("quotas[{index}].durability");
            Finding::in_file(file, why).on(at).weighing(Severity::Warning)
        })
        .collect()
}

/// The other algorithms work, so that it is no reason to refuse the file.
fn idle_algorithms(file: &Path, config: &Config) -> Vec<Finding> {
    let mut warnings = Vec::new();
    for (issuer, index) in config.issuers.iter().zip(0_usize..) {
        let Some(Jwks::Inline(document)) = &issuer.jwks else { continue };
        let document = document.to_string();
        for (algorithm, place) in issuer.algorithms.iter().zip(0_usize..) {
            if KeySet::parse(document.as_bytes(), &[*algorithm]).is_err() {
                let at = format!("issuers[{index}].algorithms[{place}]");
                let why = format!(
                    "no key in `jwks.inline` is one for `{}`, so that no such token can match; add its key, or leave this out",
                    algorithm.name()
                );
                warnings.push(Finding::in_file(file, why).on(at).weighing(Severity::Warning));
            }
        }
    }
    warnings
}

/// They do nothing any more, which is no reason to refuse the file.
fn ended_overrides(file: &Path, config: &Config) -> Vec<Finding> {
    let now = now_seconds().unwrap_or_default();
    let mut warnings = Vec::new();
    for (quota, index) in config.quotas.iter().zip(0_usize..) {
        let overrides = quota.overrides.iter().zip(0_usize..);
        warnings.extend(overrides.filter(|(entry, _)| !entry.until.is_after(now)).map(|(entry, place)| {
            let at = format!("quotas[{index}].overrides[{place}].until");
            let why = format!("`{}` is over; delete the override, or write a later time", entry.until);
            Finding::in_file(file, why).on(at).weighing(Severity::Warning)
        }));
    }
    warnings
}

/// Who writes where the service is may believe that it counts.
fn idle_service(file: &Path, config: &Config) -> Option<Finding> {
    let is_asked = config.quotas.iter().any(|quota| quota.engine == QuotaEngine::Global);
    let is_idle = config.rate_limit_service.is_some() && !is_asked;
    is_idle.then(|| {
        let why =
            "no quota has `engine: global`, so this service is never asked, and each Envoy counts by itself";
        Finding::in_file(file, why).on("rate_limit_service").weighing(Severity::Warning)
    })
}
