//! A script as it stands in its file.

use std::path::PathBuf;

use super::format::{Script, ScriptCall};
use crate::cli::commands::test::credentials::TestCredentials;
use crate::cli::document::{Finding, Place, Segment, attempt_all, read_document, read_node};

/// One file that can be run.
pub(in crate::cli) struct ScriptFile {
    pub(in crate::cli) file: PathBuf,
    pub(in crate::cli) script: Script,
    /// Where each call stands.
    pub(in crate::cli) places: Vec<Place>,
}

impl ScriptFile {
    pub(in crate::cli) fn read(file: PathBuf, credentials: &TestCredentials) -> Result<Self, Vec<Finding>> {
        let document = read_document(&file).map_err(|finding| vec![finding])?;
        let script = attempt_all(&file, document.clone(), |node| {
            let script: Script = read_node(node)?;
            script.suits(credentials).map(|()| script)
        })?;
        let place = |index| document.find(&[Segment::Field("calls".to_owned()), Segment::Index(index)]).place;
        let places = (0..script.calls.len()).map(place).collect();
        Ok(Self { file, script, places })
    }

    /// The name of one of its calls among those of all scripts.
    pub(in crate::cli) fn name_of(&self, call: &ScriptCall) -> String {
        format!("{}::{}", self.file.display(), call.name())
    }
}
