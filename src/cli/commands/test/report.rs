//! How the results of a test run are told: as Rust's test programs tell theirs, or as JSON.

use std::io;
use std::path::Path;

use serde::Serialize;
use serde_json::json;

use super::caller::Caller;
use super::play::{Got, Played};
use super::script::{ScriptCall, Want};
use super::values::{self, Value};
use crate::cli::document::{Finding, Place, Severity};
use crate::cli::terminal::{Exit, Format, Terminal};
use crate::config::Config;
use crate::gateway::Gateway;

/// One call that was played.
#[derive(Serialize)]
pub(super) struct Trial<'a> {
    name: String,
    passed: bool,
    /// `file:line:column` of the call.
    at: String,
    sent: String,
    wanted: &'a Want,
    got: Got,
    /// One line per wish that did not come true.
    unmet: Vec<String>,
    /// What the rule in question read; of failed calls only.
    values: Vec<Value>,
}

impl<'a> Trial<'a> {
    pub(super) fn of(
        file: &Path,
        place: Place,
        call: &'a ScriptCall,
        played: Played,
        (about, judge): (Option<&str>, (&Gateway, &Config)),
    ) -> Self {
        let file = file.display();
        let Played { call: decided, got, moment, unmet } = played;
        let rule = got.rule.as_deref().or(call.want.rule.as_deref()).or(about);
        let values = match rule.filter(|_| !unmet.is_empty()) {
            Some(rule) => values::read_by(rule, judge, &decided, moment),
            None => Vec::new(),
        };
        Self {
            name: format!("{file}::{}", call.note.split_whitespace().collect::<Vec<_>>().join(" ")),
            passed: unmet.is_empty(),
            at: format!("{file}:{}:{}", place.line, place.column),
            sent: sent(call),
            wanted: &call.want,
            got,
            unmet,
            values,
        }
    }

    fn detail(&self) -> String {
        let mut text = format!("---- {} ----\n     at  {}\n   sent  {}\n", self.name, self.at, self.sent);
        let mut line = |label: &str, value: &str| text.push_str(&format!("{label:>7}  {value}\n"));
        line("wanted", &wanted(self.wanted));
        line("got", &decision(&self.got));
        self.unmet.iter().for_each(|unmet| line("differs", unmet));
        self.got.note.iter().for_each(|note| line("note", note));
        for value in &self.values {
            line("read", &value.to_string());
        }
        text
    }
}

/// What has been played so far.
pub(super) struct Report<'a> {
    format: Format,
    planned: usize,
    trials: Vec<Trial<'a>>,
}

impl<'a> Report<'a> {
    pub(super) fn begin(format: Format, planned: usize) -> Self {
        Self { format, planned, trials: Vec::with_capacity(planned) }
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

    pub(super) fn tell(&mut self, terminal: &mut Terminal<'_>, trial: Trial<'a>) -> io::Result<()> {
        if self.format == Format::Text {
            writeln!(
                terminal.output,
                "test {} ... {}",
                trial.name,
                if trial.passed { "ok" } else { "FAILED" }
            )?;
        }
        self.trials.push(trial);
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
        let failed: Vec<&Trial<'_>> = self.trials.iter().filter(|trial| !trial.passed).collect();
        let passed = self.trials.len().saturating_sub(failed.len());
        match self.format {
            Format::Json => {
                let document = json!({
                    "tests": self.trials,
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

fn tell_failures(terminal: &mut Terminal<'_>, failed: &[&Trial<'_>], passed: usize) -> io::Result<()> {
    if !failed.is_empty() {
        writeln!(terminal.output, "\nfailures:\n")?;
        failed.iter().try_for_each(|trial| writeln!(terminal.output, "{}", trial.detail()))?;
        writeln!(terminal.output, "failures:")?;
        failed.iter().try_for_each(|trial| writeln!(terminal.output, "    {}", trial.name))?;
    }
    let outcome = if failed.is_empty() { "ok" } else { "FAILED" };
    writeln!(
        terminal.output,
        "\ntest result: {outcome}. {passed} passed; {} failed; 0 ignored\n",
        failed.len()
    )
}

/// The call in one line.
fn sent(call: &ScriptCall) -> String {
    let send = &call.send;
    let mut line = format!("{} {}", send.method, send.path);
    let caller = match &send.caller {
        Some(Caller { key: Some(key), .. }) => format!(" with key `{key}`"),
        Some(Caller { issuer: Some(issuer), claims, .. }) => {
            format!(" with a token of `{issuer}` and {}", serde_json::Value::Object(claims.clone()))
        }
        _ => " without a credential".to_owned(),
    };
    line.push_str(&caller);
    line.extend(send.from.map(|from| format!(" from {from}")));
    line.extend(call.at.map(|at| format!(" at {at}")));
    line.extend(send.body.as_ref().map(|body| format!(", body {body}")));
    if call.times.get() > 1 {
        line.push_str(&format!(", {} times", call.times));
    }
    line
}

fn wanted(want: &Want) -> String {
    let mut text = want.decision.to_string();
    text.extend(want.reason.as_ref().map(|reason| format!(" {reason}")));
    text.extend(want.rule.as_ref().map(|rule| format!(" by `{rule}`")));
    text.extend(want.status.map(|status| format!(", {status}")));
    text
}

fn decision(got: &Got) -> String {
    let mut text = got.decision.to_string();
    text.extend(got.reason.map(|reason| format!(" {reason}")));
    text.extend(got.rule.as_ref().map(|rule| format!(" by `{rule}`")));
    text.extend(got.status.map(|status| format!(", {status}")));
    if !got.shadow.is_empty() {
        text.push_str(&format!("; in shadow mode denied by `{}`", got.shadow.join("`, `")));
    }
    text
}
