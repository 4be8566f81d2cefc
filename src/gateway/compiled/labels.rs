//! What the operator has the records of all calls tell beside what they tell by themselves.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::ConfigError;
use crate::expression::{Engine, Expression, Reads, is_name};
use crate::policy::{self, CallFacts, VOCABULARY};

/// The most that a record may have.
const MOST: usize = 16;

/// Expressions by the names that their values have in the record.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Labels {
    entries: Vec<(Arc<str>, Expression)>,
    reads: Reads,
}

impl Labels {
    /// # Errors
    /// What is no name, and an expression that does not compile or has no value that a label can have.
    pub(super) fn compile(texts: &BTreeMap<String, String>, engine: &Engine) -> Result<Self, ConfigError> {
        const AT: &str = "record.labels";
        if texts.len() > MOST {
            return Err(ConfigError::new(AT, format!("there are {}; the bound is {MOST}", texts.len())));
        }
        let mut labels = Self::default();
        for (name, text) in texts {
            let at = format!("{AT}.{name}");
            if !is_name(name) {
                return Err(ConfigError::new(at, "write letters, digits and `_`, a letter first"));
            }
            let expression = policy::compile(engine, (&at, text), &VOCABULARY, Expression::label)?;
            labels.reads.extend(expression.reads());
            labels.entries.push((name.as_str().into(), expression));
        }
        Ok(labels)
    }

    pub(in crate::gateway) fn reads(&self) -> &Reads {
        &self.reads
    }

    pub(in crate::gateway) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Those that have a value for this call.
    pub(in crate::gateway) fn of(&self, engine: &Engine, facts: &CallFacts<'_>) -> Vec<(Arc<str>, String)> {
        let scope = engine.scope(&self.reads, facts);
        let value = |(name, expression): &(Arc<str>, Expression)| {
            expression.label(&scope).ok().flatten().map(|value| (Arc::clone(name), value))
        };
        self.entries.iter().filter_map(value).collect()
    }
}
