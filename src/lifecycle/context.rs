//! What an event of the house is worked on with.

use super::host::House;
use crate::gateway::{Gateway, Memory};

/// One configuration in one worker.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) house: &'a dyn House,
    pub(super) memory: &'a Memory,
}
