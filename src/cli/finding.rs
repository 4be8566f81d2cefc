//! What is wrong with a file, and where.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use super::document::Place;

/// One thing to mend: `file:line:column: path: why`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u64>,
    /// The field, such as `keys[3].hash`; empty where it is the whole file.
    path: String,
    why: String,
}

impl Finding {
    pub(super) fn in_file(file: &Path, why: impl Into<String>) -> Self {
        Self {
            file: file.display().to_string(),
            line: None,
            column: None,
            path: String::new(),
            why: why.into(),
        }
    }

    #[must_use]
    pub(super) fn at(self, place: Place) -> Self {
        Self { line: Some(place.line), column: Some(place.column), ..self }
    }

    #[must_use]
    pub(super) fn on(self, path: impl Into<String>) -> Self {
        Self { path: path.into(), ..self }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.file)?;
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(formatter, ":{line}:{column}")?;
        }
        if !self.path.is_empty() {
            write!(formatter, ": {}", self.path)?;
        }
        write!(formatter, ": {}", self.why)
    }
}
