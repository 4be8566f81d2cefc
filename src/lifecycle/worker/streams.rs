//! The exchanges of one worker that something may still happen to: those that wait, and those that were let through.

mod open;
mod waiting;

pub(in crate::lifecycle) use open::OpenStreams;
pub(in crate::lifecycle) use waiting::{Due, Waiting};
