//! Responses that the provider is told not to keep, because several tenants share the account they would be kept under.

use super::Upstream;
use crate::config::{self, ConfigError};
use crate::dialect::Reasoning;
use crate::expression::matches_glob;
use crate::request::Dialect;

pub(super) fn require_responses(upstream: &config::Upstream, at: &str) -> Result<(), ConfigError> {
    let has_responses = matches!(upstream.dialect, Dialect::Openai | Dialect::Azure);
    match upstream.stateless_responses.is_some() && !has_responses {
        true => {
            let why = format!("`{}` has no responses; leave this out", upstream.dialect);
            Err(ConfigError::new(format!("{at}.stateless_responses"), why))
        }
        false => Ok(()),
    }
}

impl Upstream {
    /// True where bodies are written into.
    pub fn has_stateless_responses(&self) -> bool {
        self.stateless_responses.is_some()
    }

    /// What is known of the model's reasoning, where a response must not be kept under an account of several; `None` where it may.
    pub fn forgets_responses(&self, model: Option<&str>) -> Option<Reasoning> {
        let wanted = self.stateless_responses.as_ref()?;
        let is_like = |patterns: &[String]| {
            model.is_some_and(|model| patterns.iter().any(|pattern| matches_glob(pattern, model)))
        };
        Some(match is_like(&wanted.reasoning_models) && !is_like(&wanted.other_models) {
            true => Reasoning::Known,
            false => Reasoning::AsAsked,
        })
    }
}
