//! Expressions that the configuration gives names, for others to read as `variables.<name>`.
//!
//! What reads one reads all that it reads, so that whoever binds facts, or remembers an outcome, need not know of them.

use std::collections::BTreeMap;

use cel_interpreter::Value;
use cel_interpreter::objects::Key;

use super::compiled::{Expression, Scope};
use super::members::Members;
use super::reads::Reads;
use super::vocabulary;
use crate::config::ConfigError;

/// The variable whose members they are.
pub const VARIABLES: &str = "variables";
/// The most that a configuration may name.
const MOST: usize = 64;

/// The named expressions of one configuration, each after those that it reads.
#[derive(Default)]
pub(super) struct Variables(Vec<NamedExpression>);

struct NamedExpression {
    name: String,
    expression: Expression,
}

impl Variables {
    /// Compiles them, whichever reads which.
    ///
    /// # Errors
    /// What is no name, what does not compile, and expressions that read each other in a circle.
    pub(super) fn compile(
        at: &str,
        texts: &BTreeMap<String, String>,
        parse: impl Fn(&str, &str) -> Result<Expression, ConfigError>,
    ) -> Result<Self, ConfigError> {
        if texts.len() > MOST {
            return Err(ConfigError::new(at, format!("there are {}; the bound is {MOST}", texts.len())));
        }
        let mut waiting = Vec::with_capacity(texts.len());
        for (name, text) in texts {
            let place = format!("{at}.{name}");
            if !is_name(name) {
                let why =
                    "an expression cannot read this name; write letters, digits and `_`, a letter first";
                return Err(ConfigError::new(place, why));
            }
            let expression = parse(&place, text)?;
            waiting.push((place, NamedExpression { name: name.clone(), expression }));
        }
        let mut variables = Self::default();
        while !waiting.is_empty() {
            // One that reads what nobody has named is no circle.
            let is_waited_for = |name: &str| waiting.iter().any(|(_, other)| other.name == name);
            let ready = waiting.iter().position(|(_, named)| !named.expression.names_any(is_waited_for));
            let Some(ready) = ready else {
                let names: Vec<&str> = waiting.iter().map(|(_, named)| named.name.as_str()).collect();
                let why = format!("`{}` cannot be read by one another in a circle", names.join("`, `"));
                return Err(ConfigError::new(at, why));
            };
            let (place, mut named) = waiting.remove(ready);
            let reads = &mut named.expression.findings.reads;
            variables.read_through(reads).map_err(|why| ConfigError::new(place, why))?;
            variables.0.push(named);
        }
        Ok(variables)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Expression)> {
        self.0.iter().map(|named| (named.name.as_str(), &named.expression))
    }

    /// Adds to what is read what that reads.
    ///
    /// # Errors
    /// A name that there is not.
    pub(super) fn read_through(&self, reads: &mut Reads) -> Result<(), String> {
        let Some(members) = reads.members(VARIABLES, None).cloned() else { return Ok(()) };
        if let Members::Named(names) = &members {
            let known: Vec<&str> = self.iter().map(|(name, _)| name).collect();
            names.iter().try_for_each(|name| vocabulary::find_name(&known, name, Some(VARIABLES)))?;
        }
        for (_, expression) in self.iter().filter(|(name, _)| members.hold(name)) {
            reads.extend(expression.reads());
        }
        Ok(())
    }

    /// Works out those that are read. One whose expression has no value for this call is absent.
    pub(super) fn bind(&self, members: &Members, scope: &mut Scope<'_>) {
        let mut values: Vec<(Key, Value)> = Vec::new();
        for (name, expression) in self.iter().filter(|(name, _)| members.hold(name)) {
            if expression.reads().variable(VARIABLES) {
                scope.bind(VARIABLES, values.clone());
            }
            values.extend(expression.value(scope).ok().map(|value| (Key::from(name), value)));
        }
        scope.bind(VARIABLES, values);
    }
}

impl Expression {
    /// True where it reads one of these by its name, or all of them.
    fn names_any(&self, is_meant: impl Fn(&str) -> bool) -> bool {
        match self.reads().members(VARIABLES, None) {
            None => false,
            Some(Members::All) => true,
            Some(Members::Named(names)) => names.iter().any(|name| is_meant(name)),
        }
    }
}

/// What can stand behind a point.
pub fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
}
