//! Which members of an open map, such as the claims of a token, an expression reads: all, or those that it names.

use std::collections::BTreeSet;

/// Members of an open map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Members {
    All,
    Named(BTreeSet<String>),
}

impl Members {
    /// The one of this name; all where there is none.
    pub(super) fn of(name: Option<&str>) -> Self {
        name.map_or(Self::All, |name| Self::Named([name.to_owned()].into()))
    }

    /// True where the member of this name is read.
    pub fn hold(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.contains(name),
        }
    }

    pub(super) fn join(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Named(names), Self::Named(others)) => names.extend(others.iter().cloned()),
            _ => *self = Self::All,
        }
    }
}
