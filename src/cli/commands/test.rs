//! `claimgate test`: runs the policy authors' scripts.

mod caller;
mod coverage;
mod credentials;
mod export;
mod outcome;
mod playing;
mod read_values;
mod request;
mod runner;
mod script;
mod selection;
mod test_report;
mod test_result;
mod token_signer;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::clock::now_seconds;
use crate::cli::configuration::{Sources, stand_in};
use crate::cli::document::{Finding, unreadable};
use crate::cli::terminal::{Exit, Format, Terminal};
use crate::gateway::Gateway;
use coverage::Coverage;
use credentials::TestCredentials;
use export::Export;
pub(super) use playing::{CallName, Played, play};
use runner::ScriptRunner;
use script::ScriptFile;
use selection::Selection;
use test_report::TestReport;
use test_result::TestResult;

/// Plays the scripts beside the policies on the very code that decides in Envoy
///
/// A script is a file `*.test.yaml`. It names callers by the `id` of a key or by an `issuer` with claims; the
/// player makes a fresh key or token for them, so a script holds no secret. Every call is authenticated,
/// judged by all rules and quotas, and given the provider's credential, exactly as in production.
#[derive(Args, Debug)]
#[command(after_help = include_str!("test/script.help.txt"))]
pub(in crate::cli) struct Test {
    /// Scripts, or directories of scripts; without any, the directory of the policies
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    sources: Sources,
    #[command(flatten)]
    selection: Selection,
    /// How results are written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// A rule that no script of a directory shows both to allow and to deny is an error, not a warning
    #[arg(long)]
    strict: bool,
    /// Writes the scripts marked `live` with their credentials as JSON, to be played on a real Envoy
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,
}

impl Test {
    pub(super) fn run(&self, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
        let loaded = match self.sources.load() {
            Ok(loaded) => loaded,
            Err(findings) => return terminal.complain(&findings),
        };
        let credentials = TestCredentials::new(loaded.config)?;
        let scripts = match self.read_scripts(&credentials) {
            Ok(scripts) => scripts,
            Err(findings) => return terminal.complain(&findings),
        };
        let selected = self.selection.judge(&self.sources, credentials.config());
        let selected = selected.and_then(|judge| Ok((judge, self.selection.of(&self.sources, scripts)?)));
        let (judge, scripts) = match selected {
            Ok(selected) => selected,
            Err(finding) => return terminal.complain(&[finding]),
        };
        // The credentials changed nothing but keys, so this cannot fail where loading did not.
        let gateway = Gateway::compile(&judge, &stand_in(&judge)).map_err(io::Error::other)?;
        let now = now_seconds()?;
        if let Some(file) = &self.export {
            Export::of(&credentials, &scripts, now).write(file)?;
        }
        let calls = scripts.iter().flat_map(|read| read.script.calls.iter().map(|call| read.name_of(call)));
        let mut report =
            TestReport::begin(self.format, calls.filter(|name| self.selection.reports(name)).count());
        let mut coverage = Coverage::of(credentials.config());
        report.announce(terminal)?;
        for read in &scripts {
            let runner = ScriptRunner::new(&credentials, &gateway);
            for (call, place) in read.script.calls.iter().zip(&read.places) {
                let ran = runner.run(call, call.seconds(&read.script, (self.selection.now(), now)));
                coverage.note(&read.script, &ran.got);
                if self.selection.reports(&read.name_of(call)) {
                    report.tell(terminal, TestResult::of(read, (call, *place), ran, (&gateway, &judge)))?;
                }
            }
        }
        // Single scripts and calls are not meant to show everything.
        let is_whole = self.selection.is_all() && self.paths.iter().all(|path| path.is_dir());
        let gaps = if is_whole { coverage.gaps(&self.sources) } else { Vec::new() };
        report.end(terminal, gaps, self.strict)
    }

    fn read_scripts(&self, credentials: &TestCredentials) -> Result<Vec<ScriptFile>, Vec<Finding>> {
        let directory = [self.sources.policies.clone()];
        let paths = if self.paths.is_empty() { directory.as_slice() } else { &self.paths };
        let mut scripts = Vec::new();
        let mut findings = Vec::new();
        for path in paths {
            match scripts_in(path) {
                Ok(files) if files.is_empty() => {
                    findings.push(Finding::in_file(
                        path,
                        "there are no scripts here; write one that ends in `.test.yaml`",
                    ));
                }
                Ok(files) => files.into_iter().for_each(|file| match ScriptFile::read(file, credentials) {
                    Ok(script) => scripts.push(script),
                    Err(wrong) => findings.extend(wrong),
                }),
                Err(finding) => findings.push(finding),
            }
        }
        if findings.is_empty() { Ok(scripts) } else { Err(findings) }
    }
}

/// The path itself, or the scripts in the directory, by name.
fn scripts_in(path: &Path) -> Result<Vec<PathBuf>, Finding> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path).map_err(|error| unreadable(path, &error))?;
    let files = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut scripts: Vec<PathBuf> =
        files.filter(|file| file.to_string_lossy().ends_with(".test.yaml")).collect();
    scripts.sort();
    Ok(scripts)
}
