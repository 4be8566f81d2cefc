//! What is wrong with a file, and where.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use super::node::Place;

/// What a finding asks of whoever reads it, the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::cli) enum Severity {
    /// It must be mended: the command ends with status 2.
    Error,
    /// It should be mended.
    Warning,
    /// Nothing is wrong; this is what could not be seen.
    Note,
}

/// One thing to mend: `file:line:column: path: why`, and where it has them `; remedy [code]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(in crate::cli) struct Finding {
    severity: Severity,
    /// A stable name, for findings that people count, look up or filter.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    file: Box<str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u64>,
    /// The field, such as `keys[3].hash`; empty where it is the whole file.
    path: Box<str>,
    why: Box<str>,
    /// What to write instead, where `why` does not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<Box<str>>,
}

impl Finding {
    pub(in crate::cli) fn in_file(file: &Path, why: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code: None,
            file: file.display().to_string().into(),
            line: None,
            column: None,
            path: Box::default(),
            why: why.into().into(),
            remedy: None,
        }
    }

    #[cfg(test)]
    pub(in crate::cli) fn code(&self) -> Option<&'static str> {
        self.code
    }

    #[cfg(test)]
    pub(in crate::cli) fn path(&self) -> &str {
        &self.path
    }

    pub(in crate::cli) fn severity(&self) -> Severity {
        self.severity
    }

    pub(in crate::cli) fn why(&self) -> &str {
        &self.why
    }

    #[must_use]
    pub(in crate::cli) fn at(self, place: Place) -> Self {
        Self { line: Some(place.line), column: Some(place.column), ..self }
    }

    #[must_use]
    pub(in crate::cli) fn on(self, path: impl Into<String>) -> Self {
        Self { path: path.into().into(), ..self }
    }

    #[must_use]
    pub(in crate::cli) fn weighing(self, severity: Severity) -> Self {
        Self { severity, ..self }
    }

    #[must_use]
    pub(in crate::cli) fn coded(self, code: &'static str, remedy: String) -> Self {
        Self { code: Some(code), remedy: Some(remedy.into()), ..self }
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
        write!(formatter, ": {}", self.why)?;
        if let Some(remedy) = &self.remedy {
            write!(formatter, "; {remedy}")?;
        }
        match self.code {
            Some(code) => write!(formatter, " [{code}]"),
            None => Ok(()),
        }
    }
}
