//! The rules: each must be `true`, and an error is a denial.
//!
//! `authorize` returns a [`Permit`], which only this room can make; without one no provider credential is
//! attached. There are no deny-expressions, because an erroring one would let people in.

mod facts;
mod message;
#[cfg(test)]
pub(crate) mod fixture;

use std::collections::BTreeMap;

use crate::config::{self, ConfigError, Mode, RuleReason};
use crate::denial::{Denial, Reason};
use crate::dialect::Wanted;
use crate::expression::{Engine, Expression, Fault, Reads, Scope, VARIABLES, Vocabulary};

use message::Message;

pub use facts::{
    CallFacts, PRINCIPAL, UpstreamFacts, VOCABULARY, asked_of_bodies, fields_read, is_feature, is_in_body,
    principal_fact, reads_model, reads_size,
};

/// The compiled rules of one configuration.
#[derive(Debug)]
pub struct PolicySet {
    rules: Vec<Rule>,
    /// What decides.
    judged_by: Reads,
    reads: Reads,
}

#[derive(Debug)]
struct Rule {
    id: String,
    when: Option<Expression>,
    expression: Expression,
    reason: Reason,
    scopes: Vec<String>,
    message: Message,
    mode: Mode,
    /// What has to be read of the bodies that it is for.
    wanted: Wanted,
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

/// An engine that knows the expressions of the section `variables` by their names.
///
/// # Errors
/// One that does not compile, or that has no value for anybody.
pub fn engine(variables: &BTreeMap<String, String>) -> Result<Engine, ConfigError> {
    let mut engine = Engine::new()?;
    engine.define(VARIABLES, variables, &VOCABULARY)?;
    for (name, expression) in engine.defined() {
        dry_run(&format!("{VARIABLES}.{name}"), expression, &engine, Expression::has_value)?;
    }
    Ok(engine)
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
        let (mut judged_by, mut messages) = (Reads::default(), Reads::default());
        for (index, rule) in rules.iter().enumerate() {
            let at = format!("policies[{index}]");
            let rule = Rule::compile(rule, &at, engine)?;
            if compiled.iter().any(|other| other.id == rule.id) {
                return Err(ConfigError::new(at, format!("the rule `{}` is listed twice", rule.id)));
            }
            judged_by.extend(rule.expression.reads());
            rule.when.iter().for_each(|when| judged_by.extend(when.reads()));
            rule.message.expression().into_iter().for_each(|text| messages.extend(text.reads()));
            compiled.push(rule);
        }
        let mut reads = judged_by.clone();
        reads.extend(&messages);
        Ok(Self { rules: compiled, judged_by, reads })
    }

    /// What all rules together read to decide; what they tell of a refusal is not among it.
    pub fn judged_by(&self) -> &Reads {
        &self.judged_by
    }

    /// What all rules together read.
    pub fn reads(&self) -> &Reads {
        &self.reads
    }

    /// True where a rule applies to this call, judged before its body is known, and reads what is `wanted`. A `when` that
    /// itself reads what `settled` says is not known yet makes its rule apply.
    pub fn applying_reads(
        &self,
        engine: &Engine,
        facts: &CallFacts<'_>,
        settled: impl Fn(&Reads) -> bool,
        wanted: impl Fn(&Reads) -> bool,
    ) -> bool {
        // A rule that reads nothing of it need not be asked whether it applies.
        self.rules.iter().any(|rule| rule.reads(&wanted) && rule.may_apply(engine, facts, &settled))
    }

    /// What the rules that apply to this call, judged so, want to know of its body.
    pub fn wanted(&self, engine: &Engine, facts: &CallFacts<'_>, settled: impl Fn(&Reads) -> bool) -> Wanted {
        let wanting = self.rules.iter().filter(|rule| !rule.wanted.is_empty());
        let mut wanted = Wanted::default();
        wanting
            .filter(|rule| rule.may_apply(engine, facts, &settled))
            .for_each(|rule| wanted.join(&rule.wanted));
        wanted
    }

    /// As [`Self::applying_reads`], of the rules that could refuse the call once all of it is known.
    pub fn enforced_reads(
        &self,
        engine: &Engine,
        facts: &CallFacts<'_>,
        wanted: impl Fn(&Reads) -> bool,
    ) -> bool {
        let mut enforced = self.rules.iter().filter(|rule| rule.mode == Mode::Enforce);
        enforced.any(|rule| rule.reads(&wanted) && rule.may_apply(engine, facts, &|_: &Reads| true))
    }

    /// Proves that every enforced rule holds, or says which one refused.
    pub fn authorize(&self, engine: &Engine, facts: &CallFacts<'_>) -> Result<Permit, Denial> {
        let scope = engine.scope(&self.judged_by, facts);
        let mut shadow_denials = Vec::new();
        for rule in &self.rules {
            match (rule.require(&scope), rule.mode) {
                (Ok(()), _) => {}
                (Err(denial), Mode::Enforce) => return Err(rule.message.told_with(denial, engine, facts)),
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
        let boolean = |at: &str, text: &str| compile(engine, (at, text), &VOCABULARY, Expression::boolean);
        let expression = boolean(&rule.file, text)?;
        let when = rule.when.as_deref().map(|when| boolean(&format!("{at}.when"), when)).transpose()?;
        let message = Message::compile(rule, at, |at, text| {
            compile(engine, (at, text), &VOCABULARY, Expression::text)
        })?;
        let mut reads = expression.reads().clone();
        when.iter().for_each(|when| reads.extend(when.reads()));
        let (asked, told) = (asked_of_bodies(&reads), message.expression().map(Expression::reads));
        let mut wanted = match rule.mode {
            Mode::Enforce => Wanted { demanded: asked, ..Wanted::default() },
            Mode::Shadow => Wanted { noted: asked, ..Wanted::default() },
        };
        told.into_iter().for_each(|reads| wanted.noted.join(&asked_of_bodies(reads)));
        Ok(Self {
            id: id.to_owned(),
            wanted,
            when,
            expression,
            reason: reason(rule.reason),
            scopes: rule.scopes.clone(),
            message,
            mode: rule.mode,
        })
    }

    /// True where its `when` or its expression reads what is wanted.
    fn reads(&self, wanted: &impl Fn(&Reads) -> bool) -> bool {
        self.when.iter().chain([&self.expression]).any(|expression| wanted(expression.reads()))
    }

    /// True unless its `when` is settled and `false`.
    fn may_apply(&self, engine: &Engine, facts: &CallFacts<'_>, settled: &impl Fn(&Reads) -> bool) -> bool {
        self.when.as_ref().is_none_or(|when| {
            !settled(when.reads()) || when.boolean(&engine.scope(when.reads(), facts)) != Ok(false)
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

/// Compiles a text, which stands at a place, and runs it on a typical call, so that a type error shows when the configuration
/// loads.
///
/// # Errors
/// What does not compile, and whatever no other caller could make right.
pub(crate) fn compile<T>(
    engine: &Engine,
    (at, text): (&str, &str),
    vocabulary: &Vocabulary,
    value: fn(&Expression, &Scope<'_>) -> Result<T, Fault>,
) -> Result<Expression, ConfigError> {
    let expression = engine.compile(at, text, vocabulary)?;
    dry_run(at, &expression, engine, value)?;
    Ok(expression)
}

fn dry_run<T>(
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
