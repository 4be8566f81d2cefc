//! The values that a rule read of a call, so that whoever wrote it sees why it decided as it did.

use std::fmt;

use serde::Serialize;
use serde_json::json;

use crate::cli::configuration::rule_id;
use crate::config::{Config, Limit};
use crate::expression::{Fact, Facts, Reads};
use crate::gateway::{Call, Gateway};
use crate::policy::{self, VOCABULARY, fields_read};
use crate::request::Moment;

/// One field and what it held; `None` where the call does not have it.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct ReadValue {
    field: String,
    value: Option<serde_json::Value>,
}

impl fmt::Display for ReadValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(formatter, "{} = {value}", self.field),
            None => write!(formatter, "{} is absent", self.field),
        }
    }
}

/// What the rule or quota `id` reads of the call; nothing where the caller is not proven.
pub(super) fn read_by(
    id: &str,
    (gateway, config): (&Gateway, &Config),
    call: &Call,
    moment: Moment,
) -> Vec<ReadValue> {
    let (Some(facts), Some(reads)) = (gateway.facts_of(call, moment), reads_of(id, config)) else {
        return Vec::new();
    };
    let value = |(variable, field): (&str, &str)| ReadValue {
        field: format!("{variable}.{field}"),
        value: json_of(facts.fact(variable, Some(field))),
    };
    fields_read(&reads).map(value).collect()
}

/// The expressions compiled when the configuration was loaded, so none of them fails here.
fn reads_of(id: &str, config: &Config) -> Option<Reads> {
    let rules = config.policies.iter().filter(|rule| rule_id(&rule.file) == id);
    let rules = rules.flat_map(|rule| rule.expression.iter().chain(&rule.when));
    let quotas = config.quotas.iter().filter(|quota| quota.id == id);
    let quotas = quotas.flat_map(|quota| {
        let limit = match &quota.limit {
            Limit::Number(_) => None,
            Limit::Expression(text) => Some(text),
        };
        quota.per.iter().chain(&quota.when).chain(limit)
    });
    let engine = policy::engine(&config.variables).ok()?;
    let mut reads = Reads::default();
    for text in rules.chain(quotas) {
        reads.extend(engine.compile(id, text, &VOCABULARY).ok()?.reads());
    }
    Some(reads)
}

fn json_of(fact: Fact) -> Option<serde_json::Value> {
    Some(match fact {
        Fact::Absent => return None,
        Fact::Bool(value) => json!(value),
        Fact::Number(number) => json!(number),
        Fact::Double(number) => json!(number),
        Fact::Text(text) => json!(text),
        Fact::Time(unix_ms) => {
            let time = i64::try_from(unix_ms).ok().and_then(chrono::DateTime::from_timestamp_millis)?;
            json!(time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
        }
        Fact::List(items) => items.into_iter().filter_map(json_of).collect(),
        Fact::Map(entries) => serde_json::Value::Object(
            entries.into_iter().filter_map(|(name, fact)| Some((name, json_of(fact)?))).collect(),
        ),
        Fact::Json(json) => json,
    })
}
