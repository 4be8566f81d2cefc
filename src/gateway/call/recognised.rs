//! What is asked: the operation, and what the body says of it.

use std::rc::Rc;

use super::read_body::ReadBody;
use crate::cache::Fingerprint;
use crate::dialect::{BodyFacts, Operation};

/// What a call asks of its upstream.
#[derive(Debug)]
pub(in crate::gateway) struct Recognised {
    pub(in crate::gateway) operation: Rc<Operation>,
    /// The name of what the path asks of this upstream.
    pub(in crate::gateway) name: Fingerprint,
    /// `None` until the body is read, and where nothing reads it.
    pub(in crate::gateway) body: Option<ReadBody>,
}

impl Recognised {
    pub(in crate::gateway) fn new(operation: Rc<Operation>, name: Fingerprint) -> Self {
        Self { operation, name, body: None }
    }

    pub(in crate::gateway) fn facts(&self) -> Option<&BodyFacts> {
        self.body.as_ref().map(|body| &body.facts)
    }

    /// The model, as far as it is known: the path's where it names one, else the body's.
    pub(in crate::gateway) fn model(&self) -> Option<&str> {
        self.operation.path_model().or_else(|| self.facts()?.model.as_deref())
    }
}
