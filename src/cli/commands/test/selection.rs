//! Which calls are played, under which rules, and when.

use clap::Args;

use super::script::ScriptFile;
use crate::cli::configuration::{Sources, rule_id};
use crate::cli::document::Finding;
use crate::config::{Config, Timestamp};

/// What of the scripts is asked for; by default all.
#[derive(Args, Debug)]
pub(super) struct Selection {
    /// Judges by this rule alone, and by no quota, and plays the scripts that are about it
    #[arg(long, value_name = "ID")]
    rule: Option<String>,
    /// Reports only the calls whose name holds this text; those before them in their script are played as well
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// When the calls happen that say no time, in RFC 3339
    #[arg(long, value_name = "TIME", value_parser = Timestamp::parse)]
    now: Option<Timestamp>,
}

impl Selection {
    /// True where nothing is left out.
    pub(super) fn is_all(&self) -> bool {
        self.rule.is_none() && self.filter.is_none()
    }

    /// When a call happens that says no time, in Unix seconds; `None` where its script decides.
    pub(super) fn now(&self) -> Option<u64> {
        self.now.and_then(|now| u64::try_from(now.unix_seconds()).ok())
    }

    pub(super) fn reports(&self, name: &str) -> bool {
        self.filter.as_deref().is_none_or(|text| name.contains(text))
    }

    /// The configuration that judges.
    ///
    /// # Errors
    /// A rule that is not there.
    pub(super) fn judge(&self, sources: &Sources, config: &Config) -> Result<Config, Finding> {
        let mut judge = config.clone();
        let Some(asked) = &self.rule else { return Ok(judge) };
        judge.policies.retain(|rule| rule_id(&rule.file) == asked);
        judge.quotas.clear();
        if judge.policies.is_empty() {
            let ids: Vec<&str> = config.policies.iter().map(|rule| rule_id(&rule.file)).collect();
            let why = format!("there is no rule `{asked}`; there are `{}`", ids.join("`, `"));
            return Err(Finding::in_file(&sources.config, why).on("policies"));
        }
        Ok(judge)
    }

    /// The scripts that are asked for.
    ///
    /// # Errors
    /// Nothing is left of them.
    pub(super) fn of(
        &self,
        sources: &Sources,
        mut scripts: Vec<ScriptFile>,
    ) -> Result<Vec<ScriptFile>, Finding> {
        let is_about = |asked: &str, read: &ScriptFile| read.script.policy.as_deref() == Some(asked);
        if let Some(asked) = &self.rule {
            scripts.retain(|read| is_about(asked, read));
        }
        let has_any =
            |read: &ScriptFile| read.script.calls.iter().any(|call| self.reports(&read.name_of(call)));
        scripts.retain(has_any);
        let what = match (&self.rule, &self.filter) {
            (_, Some(text)) => format!("no call's name holds `{text}`"),
            (Some(rule), None) => format!("no script says `policy: {rule}`"),
            (None, None) => return Ok(scripts),
        };
        if scripts.is_empty() { Err(Finding::in_file(&sources.policies, what)) } else { Ok(scripts) }
    }
}
