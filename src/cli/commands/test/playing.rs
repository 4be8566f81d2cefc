//! One call of a script, played after those before it, for commands that look at a call.

use std::path::{Path, PathBuf};

use super::credentials::TestCredentials;
use super::runner::ScriptRunner;
use super::script::{ScriptCall, ScriptFile, on_one_line};
use crate::cli::clock::now_seconds;
use crate::cli::configuration::stand_in;
use crate::cli::document::Finding;
use crate::config::Config;
use crate::gateway::{Call, Gateway};
use crate::request::Moment;

/// `policies/x.test.yaml#the name of a call`.
#[derive(Clone, Debug)]
pub(in crate::cli) struct CallName {
    file: PathBuf,
    name: String,
}

/// A call that was decided, and by which gateway.
pub(in crate::cli) struct Played {
    pub(in crate::cli) gateway: Gateway,
    pub(in crate::cli) call: Call,
    pub(in crate::cli) moment: Moment,
}

impl CallName {
    pub(in crate::cli) fn parse(text: &str) -> Result<Self, String> {
        // Without a name, those that there are will be told.
        let (file, name) = text.split_once('#').unwrap_or((text, ""));
        match file.is_empty() {
            true => {
                Err("write a script and the name of a call, such as `policies/x.test.yaml#a call`".to_owned())
            }
            false => Ok(Self { file: file.into(), name: on_one_line(name) }),
        }
    }

    /// The place of the call among those of these names: by its name, or by the beginning of it that no other has.
    fn find(&self, names: &[String]) -> Result<usize, Finding> {
        if let Some(place) = names.iter().position(|name| *name == self.name) {
            return Ok(place);
        }
        let mut begun = names.iter().enumerate().filter(|(_, name)| name.starts_with(&self.name));
        if let (false, Some((place, _)), None) = (self.name.is_empty(), begun.next(), begun.next()) {
            return Ok(place);
        }
        let subject = match self.name.as_str() {
            "" => "no call is named; write `#` and its name behind the file".to_owned(),
            name => format!("no call, or more than one, begins with `{name}`"),
        };
        Err(Finding::in_file(&self.file, format!("{subject}; there are `{}`", names.join("`, `"))))
    }
}

/// Plays the script up to the call. It happens at `now`, in Unix seconds, where that is given.
pub(in crate::cli) fn play(
    config: Config,
    asked: &CallName,
    now: Option<u64>,
) -> Result<Played, Vec<Finding>> {
    let wrong = |why: String| vec![Finding::in_file(Path::new(&asked.file), why)];
    let credentials = TestCredentials::new(config).map_err(|error| wrong(error.to_string()))?;
    let read = ScriptFile::read(asked.file.clone(), &credentials)?;
    let calls = &read.script.calls;
    let names: Vec<String> = calls.iter().map(ScriptCall::name).collect();
    let place = asked.find(&names).map_err(|finding| vec![finding])?;
    let config = credentials.config();
    let gateway = Gateway::compile(config, &stand_in(config)).map_err(|error| wrong(error.to_string()))?;
    let clock = match now {
        Some(now) => now,
        None => now_seconds().map_err(|error| wrong(error.to_string()))?,
    };
    let runner = ScriptRunner::new(&credentials, &gateway);
    let mut decided = None;
    for (index, call) in calls.iter().enumerate().take(place.saturating_add(1)) {
        let written = call.seconds(&read.script, (None, clock));
        let seconds = if index == place { now.unwrap_or(written) } else { written };
        decided = Some(runner.run(call, seconds));
    }
    let ran = decided.ok_or_else(|| wrong("there are no calls".to_owned()))?;
    let (call, moment) = (ran.call, ran.moment);
    drop(runner);
    Ok(Played { gateway, call, moment })
}
