//! The result of one call of a script, and how it reads.

use serde::Serialize;

use super::caller::Caller;
use super::outcome::Got;
use super::read_values::{ReadValue, read_by};
use super::runner::CallResult;
use super::script::{ScriptCall, ScriptFile, Want};
use crate::cli::document::Place;
use crate::config::Config;
use crate::gateway::Gateway;

/// One call that was made, as it is reported.
#[derive(Serialize)]
pub(super) struct TestResult<'a> {
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
    values: Vec<ReadValue>,
}

impl<'a> TestResult<'a> {
    pub(super) fn of(
        read: &ScriptFile,
        (call, place): (&'a ScriptCall, Place),
        ran: CallResult,
        judge: (&Gateway, &Config),
    ) -> Self {
        let about = read.script.policy.as_deref();
        let CallResult { call: decided, got, moment, unmet } = ran;
        let rule = got.rule.as_deref().or(call.want.rule.as_deref()).or(about);
        let values = match rule.filter(|_| !unmet.is_empty()) {
            Some(rule) => read_by(rule, judge, &decided, moment),
            None => Vec::new(),
        };
        Self {
            name: read.name_of(call),
            passed: unmet.is_empty(),
            at: format!("{}:{}:{}", read.file.display(), place.line, place.column),
            sent: sent(call),
            wanted: &call.want,
            got,
            unmet,
            values,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn has_passed(&self) -> bool {
        self.passed
    }

    pub(super) fn detail(&self) -> String {
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
