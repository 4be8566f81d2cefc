//! Why an expression had no value.

use std::fmt;

use cel_interpreter::{ExecutionError, Value};

use super::functions;
use super::steps::MOST_STEPS;

/// Why an expression had no value. Its text is for operators: it shows no value of a variable but for a key or
/// an argument that an expression computed of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    why: String,
    depends_on_facts: bool,
}

impl Fault {
    pub(super) fn wrong_type(wanted: &str, value: &Value) -> Self {
        let why = format!("the expression gives `{}`; it must give {wanted}", value.type_of());
        Self { why, depends_on_facts: false }
    }

    pub(super) fn negative() -> Self {
        Self { why: "the number is negative; it must be 0 or more".to_owned(), depends_on_facts: true }
    }

    /// Another caller's lists may be shorter.
    pub(super) fn too_far() -> Self {
        Self { why: format!("its macros walk more than {MOST_STEPS} entries"), depends_on_facts: true }
    }

    /// Only the kind of error and names from the expression are told: the crate's own text shows values.
    pub(super) fn from_execution(error: &ExecutionError) -> Self {
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
