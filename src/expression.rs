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

mod fact;
mod functions;
mod glob;
mod members;
mod models;
mod reads;
mod steps;
mod vocabulary;

use std::fmt;

use cel_interpreter::context::Context;
use cel_interpreter::parser::PrattParser;
use cel_interpreter::{ExecutionError, IdedExpr, Value};

use crate::config::{ConfigError, DescriptorValue};
pub use fact::{Fact, Facts};
pub use functions::scope_covers;
pub use glob::matches_glob;
pub use members::Members;
pub use models::{allows_model, forbids_model};
pub use reads::Reads;
use reads::{Findings, ScopeQuestion};
use steps::{MOST_STEPS, Steps};
pub use vocabulary::{Field, Vocabulary};

/// The longest expression that is compiled, in bytes.
const LENGTH_BOUND: usize = 8 * 1024;
/// The deepest nesting that is compiled.
const NESTING_BOUND: u16 = 32;
/// The most nodes an expression may have.
const NODE_BOUND: usize = 1000;

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

/// Why an expression had no value. Its text is for operators: it shows no value of a variable but for a key or
/// an argument that an expression computed of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    why: String,
    depends_on_facts: bool,
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
        let error = |why: String| ConfigError::new(at, why);
        if source.len() > LENGTH_BOUND {
            return Err(error(format!(
                "the expression has {} bytes; the bound is {LENGTH_BOUND}",
                source.len()
            )));
        }
        // The crate takes comments, but not an expression of nothing else.
        if source.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with("//")) {
            return Err(error("there is no expression; write one that must be `true`".to_owned()));
        }
        let mut tree = PrattParser::new()
            .max_recursion_depth(NESTING_BOUND)
            .max_expression_node_count(NODE_BOUND)
            .parse(source)
            .map_err(|errors| {
                let first = errors.errors.first();
                let (line, column) = first.map_or((1, 1), |error| error.pos);
                let why = first.map_or("cannot be parsed", |error| error.msg.as_str());
                let text =
                    usize::try_from(line).ok().and_then(|line| source.lines().nth(line.saturating_sub(1)));
                ConfigError::new(
                    format!("{at}:{line}:{column}"),
                    format!("`{}` is not CEL: {}", text.unwrap_or(source).trim(), why.to_lowercase()),
                )
            })?;
        models::ask_for_models(&mut tree, vocabulary);
        let walks = steps::count(&mut tree);
        let findings = reads::of(&tree, vocabulary).map_err(error)?;
        Ok(Expression { tree, findings, walks })
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
            Value::Int(number) => u64::try_from(number).map_err(|_| Fault {
                why: "the number is negative; it must be 0 or more".to_owned(),
                depends_on_facts: true,
            }),
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

    fn value(&self, scope: &Scope<'_>) -> Result<Value, Fault> {
        let value = self.counted(scope, || scope.context.resolve(&self.tree));
        value.ok_or_else(Fault::too_far)?.map_err(|error| Fault::from_execution(&error))
    }

    /// `None` where it walks too far.
    fn counted<T>(&self, scope: &Scope<'_>, evaluate: impl FnOnce() -> T) -> Option<T> {
        if self.walks { scope.steps.within(evaluate) } else { Some(evaluate()) }
    }
}

impl Fault {
    fn wrong_type(wanted: &str, value: &Value) -> Self {
        let why = format!("the expression gives `{}`; it must give {wanted}", value.type_of());
        Self { why, depends_on_facts: false }
    }

    /// Another caller's lists may be shorter.
    fn too_far() -> Self {
        Self { why: format!("its macros walk more than {MOST_STEPS} entries"), depends_on_facts: true }
    }

    /// Only the kind of error and names from the expression are told: the crate's own text shows values.
    fn from_execution(error: &ExecutionError) -> Self {
        let why = match error {
            ExecutionError::NoSuchKey(name) => {
                format!("there is no `{name}`; guard it with `has(…)` where it may be absent")
            }
            ExecutionError::IndexOutOfBounds(_) => "an index is out of bounds".to_owned(),
            ExecutionError::UndeclaredReference(name) => format!("`{name}` does not exist"),
            ExecutionError::NoSuchOverload(overload) => overload.to_string(),
            ExecutionError::InvalidArgumentCount { expected, actual } => {
                format!("a function wants {expected} arguments and got {actual}")
            }
            ExecutionError::FunctionError { function, message } => format!("`{function}`: {message}"),
            ExecutionError::UnexpectedType { want, .. } => format!("a value is not of the type `{want}`"),
            ExecutionError::ValuesNotComparable(..) => {
                "two values of different types are compared".to_owned()
            }
            ExecutionError::UnsupportedBinaryOperator(operator, ..) => {
                format!("the operator `{operator}` does not fit its values")
            }
            ExecutionError::Overflow(operator, ..) => format!("`{operator}` overflows"),
            ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
                "division by zero".to_owned()
            }
            _ => "the expression cannot be evaluated".to_owned(),
        };
        Self { why, depends_on_facts: may_depend_on_facts(error) }
    }

    /// True where other facts could give a value: a key that this caller happens not to have.
    pub fn depends_on_facts(&self) -> bool {
        self.depends_on_facts
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.why)
    }
}

/// A key, an index, a number or a text to convert may be right for another caller; a name, a type or a network
/// that is written wrong is wrong for everybody.
fn may_depend_on_facts(error: &ExecutionError) -> bool {
    match error {
        ExecutionError::NoSuchKey(_)
        | ExecutionError::IndexOutOfBounds(_)
        | ExecutionError::DivisionByZero(_)
        | ExecutionError::RemainderByZero(_)
        | ExecutionError::Overflow(..) => true,
        ExecutionError::FunctionError { function, .. } => !functions::is_own(function),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
