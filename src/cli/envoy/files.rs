//! Reads Envoy's files into resources, whose nodes know where they stand.

mod config_node;
mod document;
mod resources;
mod writable;

pub(super) use config_node::ConfigNode;
#[cfg(test)]
pub(super) use config_node::lower_camel;
pub(super) use document::read_files;
pub(super) use resources::Resources;
pub(super) use writable::writable_by_anybody;
