//! Texts in, compiled expressions out; facts in, scopes out.

use std::collections::BTreeMap;
use std::fmt;

use cel_interpreter::context::Context;
use cel_interpreter::parser::PrattParser;

use super::compiled::{Expression, Scope};
use super::fact::{self, Facts};
use super::reads::{self, Reads};
use super::steps::{self, Steps};
use super::variables::{VARIABLES, Variables};
use super::vocabulary::Vocabulary;
use super::{functions, models};
use crate::config::ConfigError;

/// The longest expression that is compiled, in bytes.
const LENGTH_BOUND: usize = 8 * 1024;
/// The deepest nesting that is compiled.
const NESTING_BOUND: u16 = 32;
/// The most nodes an expression may have.
const NODE_BOUND: usize = 1000;

/// The functions every expression may call, and what the configuration names for them; built once per configuration.
pub struct Engine {
    root: Context<'static, 'static>,
    steps: Steps,
    variables: Variables,
}

impl Engine {
    /// # Errors
    /// Only where the CEL crate declares one of our function names itself.
    pub fn new() -> Result<Self, ConfigError> {
        let (mut root, steps) = (Context::default(), Steps::default());
        functions::declare(&mut root)
            .and_then(|()| steps.declare(&mut root))
            .map_err(|error| ConfigError::new("expression", format!("cannot declare functions: {error}")))?;
        Ok(Self { root, steps, variables: Variables::default() })
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
        let mut expression = self.parse(at, source, vocabulary)?;
        self.variables
            .read_through(&mut expression.findings.reads)
            .map_err(|why| ConfigError::new(at, why))?;
        Ok(expression)
    }

    /// Gives names to expressions over this vocabulary, which others over it read from now on as `variables.<name>`.
    ///
    /// # Errors
    /// What is no name, what does not compile, and expressions that read each other in a circle.
    pub fn define(
        &mut self,
        at: &str,
        texts: &BTreeMap<String, String>,
        vocabulary: &Vocabulary,
    ) -> Result<(), ConfigError> {
        let parse = |place: &str, text: &str| self.parse(place, text, vocabulary);
        self.variables = Variables::compile(at, texts, parse)?;
        Ok(())
    }

    /// What has names, each after those that it reads.
    pub fn defined(&self) -> impl Iterator<Item = (&str, &Expression)> {
        self.variables.iter()
    }

    /// The expression without what the variables that it reads do.
    fn parse(&self, at: &str, source: &str, vocabulary: &Vocabulary) -> Result<Expression, ConfigError> {
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
        let mut scope = Scope { context, steps: &self.steps };
        if let Some(members) = reads.members(VARIABLES) {
            self.variables.bind(members, &mut scope);
        }
        scope
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Engine")
    }
}
