//! A YAML file as a tree that remembers where each node stands.
//!
//! The tree can lose a node that was found wrong, so that the next attempt to read it finds the next error.
//! A lost node's siblings keep the index they were written with.

mod accessors;
mod yaml;

use serde_json::{Map, Number, Value};

use super::path::Segment;

/// A line and a column, both counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::cli) struct Place {
    pub(in crate::cli) line: u64,
    pub(in crate::cli) column: u64,
}

/// One node and what stands below it.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Node {
    place: Place,
    shape: Shape,
    /// Something below was taken out, so what is wrong with this node now says nothing about the file.
    is_damaged: bool,
}

#[derive(Clone, Debug)]
enum Shape {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Item>),
    Map(Vec<Entry>),
}

#[derive(Clone, Debug)]
struct Item {
    index: usize,
    node: Node,
}

#[derive(Clone, Debug)]
struct Entry {
    name: String,
    place: Place,
    node: Node,
}

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Resolved {
    pub(in crate::cli) place: Place,
    /// The path as far as the file has it, such as `keys[3].hash`.
    pub(in crate::cli) path: String,
    /// How many segments of the path the file has.
    pub(in crate::cli) found: usize,
    pub(in crate::cli) is_damaged: bool,
}

impl Node {
    pub(in crate::cli) fn to_json(&self) -> Value {
        match &self.shape {
            Shape::Null => Value::Null,
            Shape::Bool(value) => Value::Bool(*value),
            Shape::Number(number) => Value::Number(number.clone()),
            Shape::Text(text) => Value::String(text.clone()),
            Shape::List(items) => items.iter().map(|item| item.node.to_json()).collect(),
            Shape::Map(entries) => {
                let pairs = entries.iter().map(|entry| (entry.name.clone(), entry.node.to_json()));
                Value::Object(pairs.collect::<Map<_, _>>())
            }
        }
    }

    /// Follows `path` as far as they lead; an entry's place is that of its name.
    pub(in crate::cli) fn find(&self, path: &[Segment]) -> Resolved {
        let mut resolved =
            Resolved { place: self.place, path: String::new(), found: 0, is_damaged: self.is_damaged };
        let mut node = self;
        for segment in path {
            let (place, written) = match (&node.shape, segment) {
                (Shape::List(items), Segment::Index(position)) => {
                    let Some(item) = items.get(*position) else { break };
                    node = &item.node;
                    (item.node.place, Segment::Index(item.index))
                }
                (Shape::Map(entries), Segment::Field(name)) => {
                    let Some(entry) = entries.iter().find(|entry| entry.name == *name) else { break };
                    node = &entry.node;
                    (entry.place, segment.clone())
                }
                _ => break,
            };
            written.append_to(&mut resolved.path);
            resolved.place = place;
            resolved.found = resolved.found.saturating_add(1);
            resolved.is_damaged = node.is_damaged;
        }
        resolved
    }

    /// Takes the node at `path` out; false where there is none, as for the root.
    pub(in crate::cli) fn take_out(&mut self, path: &[Segment]) -> bool {
        let Some((last, parents)) = path.split_last() else { return false };
        let mut node = self;
        for segment in parents {
            let Some(below) = node.below(segment) else { return false };
            node = below;
        }
        let taken = match (&mut node.shape, last) {
            (Shape::List(items), Segment::Index(position)) if *position < items.len() => {
                items.remove(*position);
                true
            }
            (Shape::Map(entries), Segment::Field(name)) => {
                let before = entries.len();
                entries.retain(|entry| entry.name != *name);
                entries.len() < before
            }
            _ => false,
        };
        node.is_damaged |= taken;
        taken
    }

    /// Gives the field at `path` another name, unless there is one of that name.
    pub(in crate::cli) fn rename(&mut self, path: &[Segment], name: &str) -> bool {
        let Some((Segment::Field(old), parents)) = path.split_last() else { return false };
        let mut node = self;
        for segment in parents {
            let Some(below) = node.below(segment) else { return false };
            node = below;
        }
        let Shape::Map(entries) = &mut node.shape else { return false };
        if entries.iter().any(|entry| entry.name == name) {
            return false;
        }
        let entry = entries.iter_mut().find(|entry| entry.name == *old);
        entry.map(|entry| name.clone_into(&mut entry.name)).is_some()
    }

    fn below(&mut self, segment: &Segment) -> Option<&mut Self> {
        match (&mut self.shape, segment) {
            (Shape::List(items), Segment::Index(position)) => {
                items.get_mut(*position).map(|item| &mut item.node)
            }
            (Shape::Map(entries), Segment::Field(name)) => {
                entries.iter_mut().find(|entry| entry.name == *name).map(|entry| &mut entry.node)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Node, Place};
    use crate::cli::document::Segment;

    const TEXT: &str =
        "# first\nkeys:\n  - id: a\n    hash: 12\n  - id: b\n    cidrs: [10.0.0.0/8, yes]\nlimit: 1.5\n";

    #[test]
    fn nodes_know_their_place() {
        let node = Node::parse(TEXT).unwrap();
        for (path, line, column) in [
            ("keys", 2, 1),
            ("keys[0].hash", 4, 5),
            ("keys[1]", 5, 5),
            ("keys[1].cidrs[1]", 6, 25),
            ("limit", 7, 1),
        ] {
            let resolved = node.find(&Segment::parse(path));
            assert_eq!((resolved.place, resolved.path.as_str()), (Place { line, column }, path));
        }
        let resolved = node.find(&Segment::parse("keys[1].nothing.more"));
        assert_eq!((resolved.path.as_str(), resolved.found), ("keys[1]", 2));
    }

    #[test]
    fn scalars_are_read_as_yaml_1_2_has_them() {
        let json = Node::parse(TEXT).unwrap().to_json();
        assert_eq!(
            json,
            serde_json::json!({
                "keys": [{"id": "a", "hash": 12}, {"id": "b", "cidrs": ["10.0.0.0/8", "yes"]}],
                "limit": 1.5,
            })
        );
    }

    #[test]
    fn what_is_left_keeps_its_index() {
        let mut node = Node::parse(TEXT).unwrap();
        assert!(node.take_out(&Segment::parse("keys[0]")));
        let resolved = node.find(&Segment::parse("keys[0].id"));
        assert_eq!(resolved.path, "keys[1].id");
        assert!(node.find(&Segment::parse("keys")).is_damaged && !resolved.is_damaged);
        assert!(!node.take_out(&[]), "the root stays");
    }

    #[test]
    fn what_is_not_yaml_is_located() {
        for (text, line, needle) in
            [("a: 1\na: 2\n", 2, "`a` is written twice"), ("a: [1\nb: 2\n", 2, ""), ("a: 'x\n", 2, "")]
        {
            let error = Node::parse(text).unwrap_err();
            assert!(error.why.contains(needle), "{text}: {}", error.why);
            assert!(error.place.is_some_and(|place| place.line >= line - 1), "{text}: {:?}", error.place);
        }
    }
}
