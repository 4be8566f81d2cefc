//! How the results of a test run are told: as Rust's test programs tell theirs, or as JSON.

use std::io;

use serde_json::json;

use super::test_result::TestResult;
use crate::cli::document::{Finding, Severity};
use crate::cli::terminal::{Exit, Format, Terminal};

/// The results so far.
pub(super) struct TestReport<'a> {
    format: Format,
    planned: usize,
    results: Vec<TestResult<'a>>,
}

impl<'a> TestReport<'a> {
    pub(super) fn begin(format: Format, planned: usize) -> Self {
        Self { format, planned, results: Vec::with_capacity(planned) }
    }

    pub(super) fn announce(&self, terminal: &mut Terminal<'_>) -> io::Result<()> {
        match self.format {
            Format::Text => {
                writeln!(
                    terminal.output,
                    "\nrunning {} test{}",
                    self.planned,
                    if self.planned == 1 { "" } else { "s" }
                )
            }
            Format::Json => Ok(()),
        }
    }

    pub(super) fn tell(&mut self, terminal: &mut Terminal<'_>, result: TestResult<'a>) -> io::Result<()> {
        if self.format == Format::Text {
            writeln!(
                terminal.output,
                "test {} ... {}",
                result.name(),
                if result.has_passed() { "ok" } else { "FAILED" }
            )?;
        }
        self.results.push(result);
        Ok(())
    }

    /// Sums up. Gaps of coverage are warnings unless they are errors.
    pub(super) fn end(
        self,
        terminal: &mut Terminal<'_>,
        gaps: Vec<Finding>,
        strict: bool,
    ) -> io::Result<Exit> {
        let severity = if strict { Severity::Error } else { Severity::Warning };
        let gaps: Vec<Finding> = gaps.into_iter().map(|gap| gap.weighing(severity)).collect();
        let failed: Vec<&TestResult<'_>> =
            self.results.iter().filter(|result| !result.has_passed()).collect();
        let passed = self.results.len().saturating_sub(failed.len());
        match self.format {
            Format::Json => {
                let document = json!({
                    "tests": self.results,
                    "passed": passed,
                    "failed": failed.len(),
                    "uncovered": gaps,
                });
                writeln!(terminal.output, "{document:#}")?;
            }
            Format::Text => tell_failures(terminal, &failed, passed)?,
        }
        if strict || self.format == Format::Text {
            gaps.iter().try_for_each(|gap| terminal.tell(gap))?;
        }
        let has_failed = !failed.is_empty() || (strict && !gaps.is_empty());
        Ok(if has_failed { Exit::TestFailed } else { Exit::Fine })
    }
}

fn tell_failures(terminal: &mut Terminal<'_>, failed: &[&TestResult<'_>], passed: usize) -> io::Result<()> {
    if !failed.is_empty() {
        writeln!(terminal.output, "\nfailures:\n")?;
        failed.iter().try_for_each(|result| writeln!(terminal.output, "{}", result.detail()))?;
        writeln!(terminal.output, "failures:")?;
        failed.iter().try_for_each(|result| writeln!(terminal.output, "    {}", result.name()))?;
    }
    let outcome = if failed.is_empty() { "ok" } else { "FAILED" };
    writeln!(
        terminal.output,
        "\ntest result: {outcome}. {passed} passed; {} failed; 0 ignored\n",
        failed.len()
    )
}
