//! Texts in, compiled expressions out; facts in, scopes out.

use std::collections::BTreeMap;
use std::fmt;

use cel_interpreter::context::Context;

use super::compiled::{Expression, Scope};
#[cfg(not(target_arch = "wasm32"))]
use super::explained::{Explained, explained};
use super::fact::{self, Facts};
use super::reads::{self, Reads};
use super::runnable::Runnable;
use super::steps::Steps;
use super::variables::{VARIABLES, Variables};
use super::vocabulary::Vocabulary;
use super::{functions, parsing};
use crate::config::ConfigError;

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
        let runnable = Runnable::of(parsing::parse(at, source)?, vocabulary);
        let findings = reads::of(&runnable.tree, vocabulary).map_err(|why| ConfigError::new(at, why))?;
        Ok(Expression { runnable, findings })
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
        Ok(explained(&tree, &scope.context, scope.steps, vocabulary))
    }

    /// Binds the facts that `reads` names; nothing else is computed.
    pub fn scope(&self, reads: &Reads, facts: &dyn Facts) -> Scope<'_> {
        let mut context = self.root.new_inner_scope();
        for (variable, value) in fact::bind(reads, facts) {
            context.add_variable_from_value(variable, value);
        }
        let mut scope = Scope { context, steps: &self.steps };
        if let Some(members) = reads.members(VARIABLES, None) {
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
