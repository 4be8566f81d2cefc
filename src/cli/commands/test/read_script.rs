//! A script as it stands in its file.

use std::path::PathBuf;

use super::cast::Cast;
use super::script::{Script, ScriptCall};
use crate::cli::document::{Finding, Place, Segment, attempt_all, read_document, read_node};

/// Monday 2026-01-05T12:00:00Z: an ordinary working hour, so that a script says `at` only where time matters.
const DEFAULT_TIME: u64 = 1_767_614_400;

/// One file that can be played.
pub(super) struct ReadScript {
    pub(super) file: PathBuf,
    pub(super) script: Script,
    /// Where each call stands.
    pub(super) places: Vec<Place>,
}

impl ReadScript {
    pub(super) fn read(file: PathBuf, cast: &Cast) -> Result<Self, Vec<Finding>> {
        let document = read_document(&file).map_err(|finding| vec![finding])?;
        let script = attempt_all(&file, document.clone(), |node| {
            let script: Script = read_node(node)?;
            script.suits(cast).map(|()| script)
        })?;
        let place = |index| document.find(&[Segment::Field("calls".to_owned()), Segment::Index(index)]).place;
        let places = (0..script.calls.len()).map(place).collect();
        Ok(Self { file, script, places })
    }
}

impl ScriptCall {
    /// The moment of the call, in Unix seconds.
    pub(super) fn seconds(&self, script: &Script, now: u64) -> u64 {
        let default = if script.live { now } else { DEFAULT_TIME };
        self.at.and_then(|at| u64::try_from(at.unix_seconds()).ok()).unwrap_or(default)
    }
}
