//! What stands in a [`Node`], for whoever reads a document without giving it a type.

use serde_json::Number;

use super::{Node, Place, Shape};

impl Node {
    pub(in crate::cli) fn place(&self) -> Place {
        self.place
    }

    pub(in crate::cli) fn text(&self) -> Option<&str> {
        match &self.shape {
            Shape::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(in crate::cli) fn number(&self) -> Option<&Number> {
        match &self.shape {
            Shape::Number(number) => Some(number),
            _ => None,
        }
    }

    pub(in crate::cli) fn flag(&self) -> Option<bool> {
        match &self.shape {
            Shape::Bool(flag) => Some(*flag),
            _ => None,
        }
    }

    /// The items of a list with their index; nothing for every other shape.
    pub(in crate::cli) fn items(&self) -> impl Iterator<Item = (usize, &Self)> {
        let items = match &self.shape {
            Shape::List(items) => items.as_slice(),
            _ => &[],
        };
        items.iter().map(|item| (item.index, &item.node))
    }

    /// The fields of a mapping with the place of their name; nothing for every other shape.
    pub(in crate::cli) fn fields(&self) -> impl Iterator<Item = (&str, Place, &Self)> {
        let entries = match &self.shape {
            Shape::Map(entries) => entries.as_slice(),
            _ => &[],
        };
        entries.iter().map(|entry| (entry.name.as_str(), entry.place, &entry.node))
    }

    pub(in crate::cli) fn is_map(&self) -> bool {
        matches!(self.shape, Shape::Map(_))
    }
}
