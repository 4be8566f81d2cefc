//! YAML documents that people write, read so that every error in them is a finding with its place.

mod error_wording;
mod finding;
mod nearest_name;
mod node;
mod path;
mod reading;

pub(super) use finding::{Finding, Severity};
pub(super) use nearest_name::nearest;
pub(super) use node::{Node, Place};
pub(super) use path::Segment;
pub(super) use reading::{ReadError, attempt_all, read_document, read_node, unreadable};
