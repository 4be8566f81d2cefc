//! The members of a body's object that are read whole, beside the facts that every decision rests on.

use std::cell::Cell;
use std::ops::Range;

use serde_json::{Map, Value};

use super::refusal::ambiguous;
use crate::denial::{Denial, Reason};
use crate::dialect::case_folding::is_alike;
use crate::unique_json::{self, Unread};

/// The most values that are read of a body: each takes some 100 bytes while it is. A model takes no more numbers in one request.
const MOST_READ: usize = 300_000;
/// The most that stay with the call, as an expression could not walk more of them either.
const MOST_KEPT: usize = 20_000;

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
        !self.is_named(name) && self.names.iter().any(|known| is_alike(known, name))
    }
}

/// Where in a body the members are that are kept.
#[derive(Debug, Default)]
pub(super) struct Kept {
    keep: Keep,
    /// Those that no other name may look like.
    demanded: Keep,
    found: Vec<(String, Range<usize>)>,
}

impl Kept {
    pub(super) fn new(keep: Keep, demanded: Keep) -> Self {
        Self { keep, demanded, found: Vec::new() }
    }

    /// True where a reader that ignores case takes the name for one that a decision rests on.
    pub(super) fn is_alike(&self, name: &str) -> bool {
        self.demanded.is_alike(name)
    }

    /// A member of the object; `place` is where in the body its value stands.
    pub(super) fn see(&mut self, name: &str, place: Range<usize>) {
        // One too many is enough to know that there are too many.
        if self.keep.holds(name) && self.found.len() <= MOST_READ {
            self.found.push((name.to_owned(), place));
        }
    }

    /// The members to be kept, with their values.
    ///
    /// # Errors
    /// `body_ambiguous` where a name comes twice in an object of theirs, `body_too_large` where they are too many values.
    pub(super) fn read(&self, body: &str, keep: &Keep) -> Result<Map<String, Value>, Denial> {
        let room = Cell::new(MOST_READ);
        let member = |(name, place): &(String, Range<usize>)| {
            let text = body.get(place.clone()).unwrap_or_default();
            let value = unique_json::value(text, &room).map_err(|unread| match unread {
                Unread::TooMany => too_many(MOST_READ),
                Unread::Ambiguous => {
                    ambiguous("a rule reads this body, in which a key comes twice in one object")
                }
            })?;
            Ok((name.clone(), value))
        };
        self.found.iter().filter(|(name, _)| keep.holds(name)).map(member).collect()
    }
}

/// Refuses what would take too much memory for as long as the call lasts.
pub(super) fn require_few<'a>(kept: impl Iterator<Item = &'a Value>) -> Result<(), Denial> {
    match kept.map(values).fold(0, usize::saturating_add) > MOST_KEPT {
        true => Err(too_many(MOST_KEPT)),
        false => Ok(()),
    }
}

/// How many values a value is, with those in it.
fn values(value: &Value) -> usize {
    let inside: usize = match value {
        Value::Array(list) => list.iter().map(values).fold(0, usize::saturating_add),
        Value::Object(object) => object.values().map(values).fold(0, usize::saturating_add),
        _ => 0,
    };
    inside.saturating_add(1)
}

fn too_many(most: usize) -> Denial {
    Denial::new(Reason::BodyTooLarge)
        .with_detail(format!("a rule reads this body, of which at most {most} values are read"))
}
