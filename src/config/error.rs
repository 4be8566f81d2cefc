//! Why a configuration is refused.

use std::fmt;

/// Why a configuration is refused: where it is wrong, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The path of the field, such as `keys[3].hash`, or a file with line and column.
    pub at: String,
    /// One line with the offending input in backticks and the remedy.
    pub why: String,
}

impl ConfigError {
    pub fn new(at: impl Into<String>, why: impl Into<String>) -> Self {
        Self { at: one_line(at.into()), why: one_line(why.into()) }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.at, self.why)
    }
}

impl std::error::Error for ConfigError {}

/// What the operator wrote is quoted back, and a line break in it would look like another error, or like another
/// line of Envoy's log.
fn one_line(text: String) -> String {
    let mut line = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter.is_control() {
            true => line.extend(letter.escape_default()),
            false => line.push(letter),
        }
    }
    line
}
