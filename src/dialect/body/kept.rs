//! The members of a body's object that are read whole, beside the facts that every decision rests on.

use std::ops::Range;

use serde_json::{Map, Value};

use super::refusal::ambiguous;
use crate::denial::Denial;
use crate::dialect::case_folding::fold;
use crate::unique_json;

/// Which members are kept; by default none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Keep {
    /// Those of these names, which no other may look like.
    pub(super) names: Vec<String>,
    /// All the others, too.
    pub(super) all: bool,
}

impl Keep {
    pub(super) fn holds(&self, name: &str) -> bool {
        self.all || self.is_named(name)
    }

    fn is_named(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }

    /// True for what a reader that ignores case takes for one of the names.
    pub(super) fn is_alike(&self, name: &str) -> bool {
        let alike = |known: &String| known.chars().map(fold).eq(name.chars().map(fold));
        !self.is_named(name) && self.names.iter().any(alike)
    }
}

/// Where in a body the members are that are kept.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) keep: Keep,
    found: Vec<(String, Range<usize>)>,
}

impl Kept {
    pub(super) fn new(keep: Keep) -> Self {
        Self { keep, found: Vec::new() }
    }

    /// A member of the object; `place` is where in the body its value stands.
    pub(super) fn see(&mut self, name: &str, place: Range<usize>) {
        if self.keep.holds(name) {
            self.found.push((name.to_owned(), place));
        }
    }

    /// The members with their values.
    ///
    /// # Errors
    /// `body_ambiguous` where a name comes twice in an object of theirs.
    pub(super) fn read(&self, body: &str) -> Result<Map<String, Value>, Denial> {
        let member = |(name, place): &(String, Range<usize>)| {
            let value = body.get(place.clone()).and_then(unique_json::value);
            let twice = || ambiguous("a rule reads this body, in which a key comes twice in one object");
            Ok((name.clone(), value.ok_or_else(twice)?))
        };
        self.found.iter().map(member).collect()
    }
}
