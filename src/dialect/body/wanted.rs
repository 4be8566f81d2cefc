//! What of a body is read because an expression names it, beside the facts that every decision rests on.

use std::collections::BTreeSet;

use super::features::{self, Feature};
use super::kept::Keep;
use crate::request::Wire;

/// What is wanted of bodies; by default nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// A body of which it cannot be told is refused.
    pub demanded: Asked,
    /// What is merely written down is absent there.
    pub noted: Asked,
}

/// Features of a request, and members of its JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    features: BTreeSet<Feature>,
    members: BTreeSet<String>,
    whole: bool,
}

impl Wanted {
    pub fn join(&mut self, other: &Self) {
        self.demanded.join(&other.demanded);
        self.noted.join(&other.noted);
    }

    pub fn is_empty(&self) -> bool {
        self.demanded.is_empty() && self.noted.is_empty()
    }

    pub(super) fn all(&self) -> Asked {
        let mut all = self.demanded.clone();
        all.join(&self.noted);
        all
    }
}

impl Asked {
    /// Reads the feature.
    pub fn add_feature(&mut self, feature: Feature) {
        self.features.insert(feature);
    }

    /// Keeps this member of the body's object.
    pub fn add_member(&mut self, name: &str) {
        self.members.insert(name.to_owned());
    }

    /// Keeps the whole body.
    pub fn add_body(&mut self) {
        self.whole = true;
    }

    pub fn join(&mut self, other: &Self) {
        self.features.extend(&other.features);
        self.members.extend(other.members.iter().cloned());
        self.whole |= other.whole;
    }

    pub fn is_empty(&self) -> bool {
        self.features.is_empty() && self.members.is_empty() && !self.whole
    }

    pub(super) fn features(&self) -> impl Iterator<Item = Feature> {
        self.features.iter().copied()
    }

    /// True where this member of the body is asked for itself.
    pub(super) fn holds(&self, member: &str) -> bool {
        self.whole || self.members.contains(member)
    }

    /// The members that all this is read of, in a body of this wire.
    pub(super) fn keep(&self, wire: Wire) -> Keep {
        let mut keep = Keep { names: self.members.iter().cloned().collect(), all: self.whole };
        for feature in self.features() {
            features::keep(feature, wire, &mut keep);
        }
        keep
    }
}
