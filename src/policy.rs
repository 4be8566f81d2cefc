//! The rules: each must be `true`, and an error is a denial.
//!
//! `authorize` returns a [`Permit`], which only this room can make; without one no provider credential is
//! attached. There are no deny-expressions, because an erroring one would let people in.

mod facts;
#[cfg(test)]
pub(crate) mod fixture;

use crate::config::{self, ConfigError, Mode, RuleReason};
use crate::denial::{Denial, Reason};
use crate::expression::{Engine, Expression, Fault, Reads, Scope};

pub use facts::{BODY_FIELDS, CallFacts, PRINCIPAL, UpstreamFacts, VOCABULARY, principal_fact};

/// The compiled rules of one configuration.
#[derive(Debug)]
pub struct PolicySet {
    rules: Vec<Rule>,
    reads: Reads,
}

#[derive(Debug)]
struct Rule {
    id: String,
    when: Option<Expression>,
    expression: Expression,
    reason: Reason,
    scopes: Vec<String>,
    mode: Mode,
}

/// Proof that every enforced rule held.
#[derive(Debug)]
pub struct Permit {
    shadow_denials: Vec<String>,
}

impl Permit {
    /// The rules in shadow mode that would have refused.
    pub fn shadow_denials(&self) -> &[String] {
        &self.shadow_denials
    }
}

impl PolicySet {
    /// # Errors
    /// No rules, two with one id, a rule without its text, or an expression that does not compile or that
    /// cannot give a boolean.
    pub fn compile(rules: &[config::Rule], engine: &Engine) -> Result<Self, ConfigError> {
        if rules.is_empty() {
            return Err(ConfigError::new(
                "policies",
                "the list is empty; name at least one rule, or nobody gets in",
            ));
        }
        let mut compiled: Vec<Rule> = Vec::with_capacity(rules.len());
        let mut reads = Reads::default();
        for (index, rule) in rules.iter().enumerate() {
            let at = format!("policies[{index}]");
            let rule = Rule::compile(rule, &at, engine)?;
            if compiled.iter().any(|other| other.id == rule.id) {
                return Err(ConfigError::new(at, format!("the rule `{}` is listed twice", rule.id)));
            }
            reads.extend(rule.expression.reads());
            rule.when.iter().for_each(|when| reads.extend(when.reads()));
            compiled.push(rule);
        }
        Ok(Self { rules: compiled, reads })
    }

    /// What all rules together read.
    pub fn reads(&self) -> &Reads {
        &self.reads
    }

    /// What the rules read that apply to this call, judged before its body is known. A `when` that itself
    /// reads what `settled` says is not known yet makes its rule apply.
    pub fn reads_of(
        &self,
        engine: &Engine,
        facts: &CallFacts<'_>,
        settled: impl Fn(&Reads) -> bool,
    ) -> Reads {
        reads_of(&self.rules, engine, facts, settled)
    }

    /// What the rules read that apply to this call and could refuse it.
    pub fn enforced_reads_of(&self, engine: &Engine, facts: &CallFacts<'_>) -> Reads {
        let enforced = self.rules.iter().filter(|rule| rule.mode == Mode::Enforce);
        reads_of(enforced, engine, facts, |_| true)
    }

    /// Proves that every enforced rule holds, or says which one refused.
    pub fn authorize(&self, engine: &Engine, facts: &CallFacts<'_>) -> Result<Permit, Denial> {
        let scope = engine.scope(&self.reads, facts);
        let mut shadow_denials = Vec::new();
        for rule in &self.rules {
            match (rule.require(&scope), rule.mode) {
                (Ok(()), _) => {}
                (Err(denial), Mode::Enforce) => return Err(denial),
                (Err(_), Mode::Shadow) => shadow_denials.push(rule.id.clone()),
            }
        }
        Ok(Permit { shadow_denials })
    }
}

impl Rule {
    fn compile(rule: &config::Rule, at: &str, engine: &Engine) -> Result<Self, ConfigError> {
        let id = rule.file.strip_suffix(".cel").filter(|id| is_rule_id(id)).ok_or_else(|| {
            let why =
                format!("`{}` is not a rule's file; write letters, digits, `-`, `_` and `.cel`", rule.file);
            ConfigError::new(format!("{at}.file"), why)
        })?;
        let text = rule.expression.as_deref().ok_or_else(|| {
            ConfigError::new(
                at,
                format!("the text of `{}` is missing; make the bundle with `claimgate bundle`", rule.file),
            )
        })?;
        if rule.reason != RuleReason::InsufficientScope && !rule.scopes.is_empty() {
            return Err(ConfigError::new(
                format!("{at}.scopes"),
                "only the reason `insufficient_scope` names scopes",
            ));
        }
        let expression = engine.compile(&rule.file, text, &VOCABULARY)?;
        dry_run(&rule.file, &expression, engine, Expression::boolean)?;
        let when_at = format!("{at}.when");
        let when =
            rule.when.as_deref().map(|when| engine.compile(&when_at, when, &VOCABULARY)).transpose()?;
        when.iter().try_for_each(|when| dry_run(&when_at, when, engine, Expression::boolean))?;
        Ok(Self {
            id: id.to_owned(),
            when,
            expression,
            reason: reason(rule.reason),
            scopes: rule.scopes.clone(),
            mode: rule.mode,
        })
    }

    fn require(&self, scope: &Scope<'_>) -> Result<(), Denial> {
        let applies = self.when.as_ref().map_or(Ok(true), |when| when.boolean(scope));
        if !applies.map_err(|fault| self.faulted(&fault))? {
            return Ok(());
        }
        match self.expression.boolean(scope).map_err(|fault| self.faulted(&fault))? {
            true => Ok(()),
            false => {
                Err(Denial::new(self.reason).by_rule(&self.id).wanting_scopes(self.wanted_scopes(scope)))
            }
        }
    }

    /// Those the operator listed, else those the expression asked for.
    fn wanted_scopes(&self, scope: &Scope<'_>) -> Vec<String> {
        match (self.reason, self.scopes.is_empty()) {
            (Reason::InsufficientScope, true) => self.expression.missing_scopes(scope),
            _ => self.scopes.clone(),
        }
    }

    fn faulted(&self, fault: &Fault) -> Denial {
        Denial::new(Reason::PolicyError).by_rule(&self.id).with_note(fault.to_string())
    }
}

/// Runs an expression on a typical call, so that a type error shows when the configuration loads.
///
/// # Errors
/// Whatever no other caller could make right.
pub(crate) fn dry_run<T>(
    at: &str,
    expression: &Expression,
    engine: &Engine,
    value: fn(&Expression, &Scope<'_>) -> Result<T, Fault>,
) -> Result<(), ConfigError> {
    match facts::with_typical_call(|facts| value(expression, &engine.scope(expression.reads(), facts))) {
        Err(fault) if !fault.depends_on_facts() || expression.reads().is_empty() => {
            Err(ConfigError::new(at, fault.to_string()))
        }
        _ => Ok(()),
    }
}

fn reads_of<'a>(
    rules: impl IntoIterator<Item = &'a Rule>,
    engine: &Engine,
    facts: &CallFacts<'_>,
    settled: impl Fn(&Reads) -> bool,
) -> Reads {
    let mut reads = Reads::default();
    for rule in rules {
        if let Some(when) = &rule.when {
            let scope = engine.scope(when.reads(), facts);
            if settled(when.reads()) && when.boolean(&scope) == Ok(false) {
                continue;
            }
            reads.extend(when.reads());
        }
        reads.extend(rule.expression.reads());
    }
    reads
}

fn is_rule_id(id: &str) -> bool {
    !id.is_empty()
        && id.chars().all(|character| character.is_ascii_alphanumeric() || "-_".contains(character))
}

fn reason(reason: RuleReason) -> Reason {
    match reason {
        RuleReason::PolicyDenied => Reason::PolicyDenied,
        RuleReason::InsufficientScope => Reason::InsufficientScope,
        RuleReason::ModelNotAllowed => Reason::ModelNotAllowed,
        RuleReason::TenantMismatch => Reason::TenantMismatch,
    }
}

#[cfg(test)]
mod tests;
