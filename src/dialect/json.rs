//! JSON (RFC 8259), read in one pass over its text without a tree.

pub(super) mod scanner;
pub(super) mod string;
pub(super) mod syntax_error;
