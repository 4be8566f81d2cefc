//! Why nothing is reported.

use std::io;
use std::path::Path;

use crate::cli::document::Finding;

/// What ends a report before its sums are written.
pub(super) enum Failure {
    Input(String),
    Prices(Vec<Finding>),
    Output(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

pub(super) fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::Input(format!("{}: cannot be read: {error}", path.display()))
}
