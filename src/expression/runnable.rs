//! A syntax tree as the engine evaluates it: it asks for models under all their names, and counts how far its macros walk.

use cel_interpreter::context::Context;
use cel_interpreter::{IdedExpr, Value};

use super::fault::Fault;
use super::models;
use super::steps::{self, Steps};
use super::vocabulary::Vocabulary;

#[derive(Debug)]
pub(super) struct Runnable {
    pub(super) tree: IdedExpr,
    /// True where macros walk lists or maps, so that their steps are counted.
    walks: bool,
}

impl Runnable {
    /// Of a tree as it was parsed.
    pub(super) fn of(mut tree: IdedExpr, vocabulary: &Vocabulary) -> Self {
        models::ask_for_models(&mut tree, vocabulary);
        let walks = steps::count(&mut tree);
        Self { tree, walks }
    }

    pub(super) fn value(&self, context: &Context<'_, '_>, steps: &Steps) -> Result<Value, Fault> {
        let value = self.counted(steps, || context.resolve(&self.tree));
        value.ok_or_else(Fault::too_far)?.map_err(|error| Fault::from_execution(&error))
    }

    /// `None` where it walks too far.
    pub(super) fn counted<T>(&self, steps: &Steps, evaluate: impl FnOnce() -> T) -> Option<T> {
        if self.walks { steps.within(evaluate) } else { Some(evaluate()) }
    }
}
