//! The scripts that policy authors write beside their rules.

mod anomaly;
mod file;
mod format;
mod validation;

pub(super) use file::ScriptFile;
pub(super) use format::{Script, ScriptCall, Send, Want, Wanted, on_one_line};
