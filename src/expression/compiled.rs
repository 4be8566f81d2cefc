//! A compiled expression, and the values that it has for one call.

use cel_interpreter::Value;
use cel_interpreter::context::Context;
use cel_interpreter::objects::Key;

#[cfg(not(target_arch = "wasm32"))]
use super::explained::Shown;
use super::fact;
use super::fault::Fault;
use super::reads::{Findings, Reads, ScopeQuestion};
use super::runnable::Runnable;
use super::steps::Steps;
use crate::config::DescriptorValue;

/// A compiled expression and what it reads.
#[derive(Debug)]
pub struct Expression {
    pub(super) runnable: Runnable,
    pub(super) findings: Findings,
}

/// The values of the variables, bound once for all expressions of one request.
pub struct Scope<'engine> {
    pub(super) context: Context<'engine, 'static>,
    pub(super) steps: &'engine Steps,
}

impl Scope<'_> {
    pub(super) fn bind(&mut self, variable: &str, members: Vec<(Key, Value)>) {
        self.context.add_variable_from_value(variable, fact::map(members));
    }
}

impl Expression {
    pub fn reads(&self) -> &Reads {
        &self.findings.reads
    }

    /// The scopes that the expression asked for by `covers` and that were not granted.
    pub fn missing_scopes(&self, scope: &Scope<'_>) -> Vec<String> {
        let ungranted =
            |question: &&ScopeQuestion| scope.context.resolve(&question.call) == Ok(Value::Bool(false));
        let wanted = |question: &ScopeQuestion| match scope.context.resolve(&question.wanted) {
            Ok(Value::String(wanted)) => Some(wanted.as_str().to_owned()),
            _ => None,
        };
        let missing = || self.findings.scope_questions.iter().filter(ungranted).filter_map(wanted).collect();
        self.runnable.counted(scope.steps, missing).unwrap_or_default()
    }

    /// The value, which must be a boolean.
    pub fn boolean(&self, scope: &Scope<'_>) -> Result<bool, Fault> {
        match self.value(scope)? {
            Value::Bool(value) => Ok(value),
            other => Err(Fault::wrong_type("a boolean", &other)),
        }
    }

    /// The value, which must be text; `None` where it is null.
    pub fn text(&self, scope: &Scope<'_>) -> Result<Option<String>, Fault> {
        match self.value(scope)? {
            Value::String(text) => Ok(Some(text.as_str().to_owned())),
            Value::Null => Ok(None),
            other => Err(Fault::wrong_type("text", &other)),
        }
    }

    /// The value, which must be a list of texts; one text is split at spaces, as `scope` is.
    pub fn texts(&self, scope: &Scope<'_>) -> Result<Vec<String>, Fault> {
        match self.value(scope)? {
            Value::Null => Ok(Vec::new()),
            Value::String(text) => Ok(text.split_ascii_whitespace().map(str::to_owned).collect()),
            Value::List(items) => items
                .iter()
                .map(|item| match item {
                    Value::String(text) => Ok(text.as_str().to_owned()),
                    other => Err(Fault::wrong_type("a list of texts", other)),
                })
                .collect(),
            other => Err(Fault::wrong_type("a list of texts", &other)),
        }
    }

    /// The value, which must be a whole number of at least 0.
    pub fn number(&self, scope: &Scope<'_>) -> Result<u64, Fault> {
        match self.value(scope)? {
            Value::UInt(number) => Ok(number),
            Value::Int(number) => u64::try_from(number).map_err(|_| Fault::negative()),
            other => Err(Fault::wrong_type("a whole number", &other)),
        }
    }

    /// The value as a text for people, which must be a text, a number or a boolean; `None` where it is null.
    pub fn label(&self, scope: &Scope<'_>) -> Result<Option<String>, Fault> {
        Ok(Some(match self.value(scope)? {
            Value::Null => return Ok(None),
            Value::String(text) => text.as_str().to_owned(),
            Value::Int(number) => number.to_string(),
            Value::UInt(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            Value::Bool(value) => value.to_string(),
            other => return Err(Fault::wrong_type("text, a number or a boolean", &other)),
        }))
    }

    /// The value as one text that no other value shares, for a quota's descriptor.
    pub fn descriptor(&self, scope: &Scope<'_>) -> Result<String, Fault> {
        match self.value(scope)? {
            Value::String(text) => Ok(DescriptorValue::Text(text.to_string()).encoded()),
            Value::Int(number) => Ok(DescriptorValue::Number(number.into()).encoded()),
            Value::UInt(number) => Ok(DescriptorValue::Number(number.into()).encoded()),
            Value::Bool(value) => Ok(DescriptorValue::Boolean(value).encoded()),
            other => Err(Fault::wrong_type("text, a whole number or a boolean", &other)),
        }
    }

    /// The value, whatever it is, for people to see.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn shown(&self, scope: &Scope<'_>) -> Result<Shown, Fault> {
        self.value(scope).map(|value| Shown::of(&value))
    }

    /// Whether it has a value, of whatever type.
    pub fn has_value(&self, scope: &Scope<'_>) -> Result<(), Fault> {
        self.value(scope).map(|_| ())
    }

    pub(super) fn value(&self, scope: &Scope<'_>) -> Result<Value, Fault> {
        self.runnable.value(&scope.context, scope.steps)
    }
}
