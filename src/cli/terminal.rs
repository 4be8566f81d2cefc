//! Where a command reads and writes, how its results are written, and how it ends.

use std::io::{self, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::ValueEnum;

use crate::cli::document::{Finding, Severity};

/// Where the command reads and writes.
pub struct Terminal<'a> {
    pub input: &'a mut dyn Read,
    pub output: &'a mut dyn Write,
    pub errors: &'a mut dyn Write,
}

/// How the command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Fine,
    TestFailed,
    /// What was evaluated is `false`.
    IsFalse,
    /// Two accounts of the same do not agree.
    Differs,
    Wrong,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Fine => 0,
            Exit::TestFailed | Exit::IsFalse | Exit::Differs => 1,
            Exit::Wrong => 2,
        })
    }
}

/// How results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    #[default]
    Text,
    Json,
}

impl Terminal<'_> {
    /// Writes one finding as one line, errors as they are.
    pub(super) fn tell(&mut self, finding: &Finding) -> io::Result<()> {
        match finding.severity() {
            Severity::Error => writeln!(self.errors, "{finding}"),
            Severity::Warning => writeln!(self.errors, "warning: {finding}"),
            Severity::Note => writeln!(self.errors, "note: {finding}"),
        }
    }

    /// Tells what is wrong with a file as a whole.
    pub(super) fn refuse(&mut self, file: &Path, why: &str) -> io::Result<Exit> {
        writeln!(self.errors, "error: {}: {why}", file.display())?;
        Ok(Exit::Wrong)
    }

    /// Tells findings with which a command ends.
    pub(super) fn complain(&mut self, findings: &[Finding]) -> io::Result<Exit> {
        findings.iter().try_for_each(|finding| self.tell(finding))?;
        Ok(Exit::Wrong)
    }
}
