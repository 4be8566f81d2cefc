//! CEL: text in, compiled expressions out. The only room that names the CEL crate.
//!
//! Every expression is compiled and checked when the configuration loads: its length and nesting are
//! bounded, each variable, field and function it names must exist, and it is run once on typical facts so
//! that a type error shows before the first request. At run time an error is a [`Fault`], and its user
//! denies.
//!
//! It does not know what the variables mean. The rooms below hand in a [`Vocabulary`] and [`Facts`].
//!
//! The parser is the crate's Pratt parser, not its ANTLR one: it bounds its own recursion, and without the
//! other the wasm module is 530 KB smaller.

#[cfg(not(target_arch = "wasm32"))]
mod explained;
mod fact;
mod fault;
mod functions;
mod glob;
mod members;
mod models;
mod parsing;
mod reads;
mod steps;
mod vocabulary;

use std::fmt;

use cel_interpreter::context::Context;
use cel_interpreter::{IdedExpr, Value};

use crate::config::{ConfigError, DescriptorValue};
#[cfg(not(target_arch = "wasm32"))]
pub use explained::{CameTo, Explained, Shown};
pub use fact::{Fact, Facts};
pub use fault::Fault;
pub use functions::scope_covers;
pub use glob::matches_glob;
pub use members::Members;
pub use models::{allows_model, forbids_model};
pub use reads::Reads;
use reads::{Findings, ScopeQuestion};
use steps::Steps;
pub use vocabulary::{Field, Vocabulary};

/// The functions every expression may call; built once per configuration.
pub struct Engine {
    root: Context<'static, 'static>,
    steps: Steps,
}

/// A compiled expression and what it reads.
#[derive(Debug)]
pub struct Expression {
    tree: IdedExpr,
    findings: Findings,
    /// True where macros walk lists or maps, so that their steps are counted.
    walks: bool,
}

/// The values of the variables, bound once for all expressions of one request.
pub struct Scope<'engine> {
    context: Context<'engine, 'static>,
    steps: &'engine Steps,
}

impl Engine {
    /// # Errors
    /// Only where the CEL crate declares one of our function names itself.
    pub fn new() -> Result<Self, ConfigError> {
        let (mut root, steps) = (Context::default(), Steps::default());
        functions::declare(&mut root)
            .and_then(|()| steps.declare(&mut root))
            .map_err(|error| ConfigError::new("expression", format!("cannot declare functions: {error}")))?;
        Ok(Self { root, steps })
    }

    /// Compiles `source`, which stands at `at`, against the variables of `vocabulary`.
    ///
    /// # Errors
    /// Text that is not CEL, too long or too deeply nested, or that names what does not exist.
    pub fn compile(
        &self,
        at: &str,
        source: &str,
        vocabulary: &Vocabulary,
    ) -> Result<Expression, ConfigError> {
        let mut tree = parsing::parse(at, source)?;
        models::ask_for_models(&mut tree, vocabulary);
        let walks = steps::count(&mut tree);
        let findings = reads::of(&tree, vocabulary).map_err(|why| ConfigError::new(at, why))?;
        Ok(Expression { tree, findings, walks })
    }

    /// What `source`, which compiles, and each of its parts come to in `scope`.
    ///
    /// # Errors
    /// Text that is not CEL.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn explain(
        source: &str,
        vocabulary: &Vocabulary,
        scope: &Scope<'_>,
    ) -> Result<Explained, ConfigError> {
        let tree = parsing::parse("expression", source)?;
        Ok(explained::explained(&tree, &scope.context, scope.steps, vocabulary))
    }

    /// Binds the facts that `reads` names; nothing else is computed.
    pub fn scope(&self, reads: &Reads, facts: &dyn Facts) -> Scope<'_> {
        let mut context = self.root.new_inner_scope();
        for (variable, value) in fact::bind(reads, facts) {
            context.add_variable_from_value(variable, value);
        }
        Scope { context, steps: &self.steps }
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Engine")
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
        self.counted(scope, missing).unwrap_or_default()
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
            // Another caller's number may be large enough.
            Value::Int(number) => u64::try_from(number).map_err(|_| Fault::negative()),
            other => Err(Fault::wrong_type("a whole number", &other)),
        }
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

    fn value(&self, scope: &Scope<'_>) -> Result<Value, Fault> {
        let value = self.counted(scope, || scope.context.resolve(&self.tree));
        value.ok_or_else(Fault::too_far)?.map_err(|error| Fault::from_execution(&error))
    }

    /// `None` where it walks too far.
    fn counted<T>(&self, scope: &Scope<'_>, evaluate: impl FnOnce() -> T) -> Option<T> {
        if self.walks { scope.steps.within(evaluate) } else { Some(evaluate()) }
    }
}

#[cfg(test)]
mod tests;
