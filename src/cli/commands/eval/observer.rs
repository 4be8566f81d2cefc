//! A rule that reads what the expression reads, so that the gateway finds all of it out: a body is read only for a rule.

use crate::cli::configuration::rule_id;
use crate::config::{Config, Mode, Rule, RuleReason};
use crate::expression::Reads;
use crate::gateway::Call;
use crate::policy::fields_read;

const FILE: &str = "claimgate_eval.cel";

/// The configuration with one rule more. In force it is the first and refuses whatever comes to it, which shows that a call
/// does; in shadow mode it changes no decision.
pub(super) fn with_observer(mut config: Config, reads: &Reads, mode: Mode) -> Config {
    let term = |(variable, field): (&str, &str)| format!("has({variable}.{field})");
    let mut terms: Vec<String> = fields_read(reads).map(term).collect();
    terms.push("true".to_owned());
    let (decides, place) = match mode {
        Mode::Enforce => ("false &&", 0),
        Mode::Shadow => ("true ||", config.policies.len()),
    };
    let rule = Rule {
        message: None,
        message_expression: None,
        file: FILE.to_owned(),
        expression: Some(format!("{decides} ({})", terms.join(" || "))),
        when: None,
        reason: RuleReason::default(),
        scopes: Vec::new(),
        mode,
    };
    config.policies.insert(place, rule);
    config
}

/// True where a call came to the observer in force.
pub(super) fn asked_rules(call: &Call) -> bool {
    call.denial().and_then(|denial| denial.rule()) == Some(rule_id(FILE))
}
