//! The exchanges of one worker that something may still happen to: those that wait, and those that were let through.

mod open;
mod waiting;

pub(super) use open::OpenStreams;
pub(super) use waiting::{Due, Waiting};
