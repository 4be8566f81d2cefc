//! What has been read of a body so far, in whatever form it comes.

use super::facts::BodyFacts;
use super::kept::Kept;
use super::text_volume::Volume;
use crate::request::Wire;

/// What has been read so far.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) wire: Wire,
    pub(super) facts: BodyFacts,
    /// Models named further down: by tools, or by the parts of a Gemini request.
    pub(super) further_models: Vec<String>,
    pub(super) volume: Volume,
    pub(super) kept: Kept,
}

impl Reading {
    pub(super) fn new(wire: Wire) -> Self {
        Self {
            wire,
            facts: BodyFacts::default(),
            further_models: Vec::new(),
            volume: Volume::default(),
            kept: Kept::default(),
        }
    }
}
