//! What a call would be charged: a function of its facts, worked out before anything is spent.

use super::QuotaSet;
use super::compiled_quota::Charge;
use crate::config::Mode;
use crate::denial::Denial;
use crate::expression::Engine;
use crate::identity::Principal;
use crate::ledger::Budget;
use crate::policy::CallFacts;

/// What a call would be charged: a function of its facts, worked out before anything is spent.
#[derive(Debug)]
pub struct Charges {
    /// What is left of a minted token, which each request of it costs.
    pub(super) budget: Option<Budget>,
    pub(super) due: Vec<Charge>,
    pub(super) shadow_denials: Vec<String>,
}

impl QuotaSet {
    /// What this call would be charged.
    ///
    /// # Errors
    /// An expression of an enforced quota that errs.
    pub fn charges(&self, engine: &Engine, facts: &CallFacts<'_>) -> Result<Charges, Denial> {
        let due = Vec::with_capacity(self.quotas.len());
        let mut charges = Charges { budget: budget(facts.principal), due, shadow_denials: Vec::new() };
        if self.quotas.is_empty() {
            return Ok(charges);
        }
        let owner = facts.principal.owner();
        let scope = engine.scope(&self.reads, facts);
        for (place, quota) in self.quotas.iter().enumerate() {
            match (quota.charge((place, owner), facts.operation, &scope), quota.mode) {
                (Ok(charge), _) => charges.due.extend(charge),
                (Err(_), Mode::Shadow) => charges.shadow_denials.push(quota.id.to_string()),
                (Err(denial), Mode::Enforce) => return Err(denial),
            }
        }
        Ok(charges)
    }
}

/// What a minted token may spend at most.
fn budget(principal: &Principal) -> Option<Budget> {
    let requests = principal.minted.as_ref()?.limits.requests?;
    let ends_ms = principal.expires_at.unwrap_or_default().saturating_mul(1000);
    Some(Budget::new(principal.credential_id.as_bytes(), requests, ends_ms).made_by(principal.owner()))
}
