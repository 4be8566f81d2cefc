//! What the fuzz targets share: requests made of bytes, operations, callers who are known, and a second opinion on bodies.
//!
//! A target asserts what must hold of everything that is accepted. It does not say what must be accepted: the
//! unit tests do.

pub mod callers;
pub mod messages;
pub mod operations;
pub mod opinion;
