//! One node of an Envoy document: what stands there, and where that is.
//!
//! It reads leniently, as Envoy has judged the shape already: a field of another shape reads as absent.
//! Names are those of the proto files; lowerCamelCase, as protobuf's JSON has them, reads the same.

use std::path::Path;

use serde_json::Value;

use crate::cli::document::{Finding, Node, Place, Segment};

/// A node, the path to it and the file it stands in.
#[derive(Clone, Debug)]
pub(in crate::cli) struct ConfigNode<'a> {
    file: &'a Path,
    node: &'a Node,
    place: Place,
    path: String,
}

impl<'a> ConfigNode<'a> {
    pub(in crate::cli) fn root(file: &'a Path, node: &'a Node) -> Self {
        Self { file, node, place: node.place(), path: String::new() }
    }

    pub(in crate::cli) fn file(&self) -> &'a Path {
        self.file
    }

    pub(in crate::cli) fn path(&self) -> &str {
        &self.path
    }

    /// True where this node is the field `name`.
    pub(in crate::cli) fn is_named(&self, name: &str) -> bool {
        let written = self.path.rsplit('.').next().unwrap_or_default();
        written == name || written == lower_camel(name)
    }

    /// The list that this node is an item of.
    pub(in crate::cli) fn whole_list(&self) -> Self {
        let path = self.path.rsplit_once('[').map_or(self.path.as_str(), |(list, _)| list);
        Self { path: path.to_owned(), ..self.clone() }
    }

    pub(in crate::cli) fn is_map(&self) -> bool {
        self.node.is_map()
    }

    pub(in crate::cli) fn field(&self, name: &str) -> Option<Self> {
        let camel = lower_camel(name);
        let (written, place, node) =
            self.node.fields().find(|(written, _, _)| *written == name || *written == camel)?;
        Some(self.below(&Segment::Field(written.to_owned()), place, node))
    }

    /// Follows one field after the other.
    pub(in crate::cli) fn find(&self, names: &[&str]) -> Option<Self> {
        names.iter().try_fold(self.clone(), |node, name| node.field(name))
    }

    /// The items of the list `name`; none where it is absent.
    pub(in crate::cli) fn list(&self, name: &str) -> Vec<Self> {
        self.field(name).map(|list| list.items()).unwrap_or_default()
    }

    /// The entries of the mapping `name` with their names.
    pub(in crate::cli) fn entries(&self, name: &str) -> Vec<(&'a str, Self)> {
        self.field(name).map(|map| map.children()).unwrap_or_default()
    }

    pub(in crate::cli) fn text(&self) -> Option<&'a str> {
        self.node.text()
    }

    /// The text of the field `name`, unless it is empty: that is what protobuf takes for absent.
    pub(in crate::cli) fn text_of(&self, name: &str) -> Option<&'a str> {
        self.field(name)?.text().filter(|text| !text.is_empty())
    }

    /// A header's name, which Envoy compares in lower case.
    pub(in crate::cli) fn header_of(&self, name: &str) -> Option<String> {
        self.text_of(name).map(str::to_ascii_lowercase)
    }

    pub(in crate::cli) fn is_true(&self, name: &str) -> bool {
        self.field(name).and_then(|field| field.node.flag()) == Some(true)
    }

    /// Protobuf's JSON writes 64-bit numbers as text.
    pub(in crate::cli) fn number_of(&self, name: &str) -> Option<u64> {
        let field = self.field(name)?;
        field.node.number().and_then(serde_json::Number::as_u64).or_else(|| field.text()?.parse().ok())
    }

    /// The value of an enum whose names are listed in the order of their numbers; the first where it is absent.
    pub(in crate::cli) fn choice_of<'n>(&self, name: &str, names: &[&'n str]) -> &'n str {
        let written = self.field(name);
        let by_name = |text: &str| names.iter().find(|name| **name == text).copied();
        let by_number = || names.get(usize::try_from(self.number_of(name)?).ok()?).copied();
        let chosen = written.and_then(|field| field.text().and_then(by_name)).or_else(by_number);
        chosen.or(names.first().copied()).unwrap_or_default()
    }

    /// What stands behind a `google.protobuf.Any`: the full name of its type, and the content.
    pub(in crate::cli) fn unpacked(&self) -> Option<(&'a str, Self)> {
        let kind = without_host(self.text_of("@type")?);
        if kind.ends_with(".TypedStruct") {
            return Some((without_host(self.text_of("type_url")?), self.field("value")?));
        }
        Some((kind, self.clone()))
    }

    /// The content of the field `typed_config`, with the full name of its type.
    pub(in crate::cli) fn typed_config(&self) -> Option<(&'a str, Self)> {
        self.field("typed_config")?.unpacked()
    }

    pub(in crate::cli) fn to_json(&self) -> Value {
        self.node.to_json()
    }

    /// This node and everything below it, in the order of the file.
    pub(in crate::cli) fn everything(&self) -> Vec<Self> {
        let mut found = Vec::new();
        let mut open = vec![self.clone()];
        while let Some(part) = open.pop() {
            let mut below: Vec<Self> = part.items();
            below.extend(part.children().into_iter().map(|(_, child)| child));
            open.extend(below.into_iter().rev());
            found.push(part);
        }
        found
    }

    /// The field `name`, or the place where it is missing.
    pub(in crate::cli) fn place_of(&self, name: &str) -> Self {
        self.field(name)
            .unwrap_or_else(|| self.below(&Segment::Field(name.to_owned()), self.place, self.node))
    }

    /// A finding about this node.
    pub(in crate::cli) fn finding(&self, why: String) -> Finding {
        Finding::in_file(self.file, why).at(self.place).on(self.path.clone())
    }

    pub(in crate::cli) fn items(&self) -> Vec<Self> {
        let items = self.node.items();
        items.map(|(index, node)| self.below(&Segment::Index(index), node.place(), node)).collect()
    }

    fn children(&self) -> Vec<(&'a str, Self)> {
        let fields = self.node.fields();
        fields
            .map(|(name, place, node)| (name, self.below(&Segment::Field(name.to_owned()), place, node)))
            .collect()
    }

    fn below(&self, segment: &Segment, place: Place, node: &'a Node) -> Self {
        let mut path = self.path.clone();
        segment.append_to(&mut path);
        Self { file: self.file, node, place, path }
    }
}

/// `use_remote_address` as `useRemoteAddress`.
pub(in crate::cli) fn lower_camel(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

/// `envoy.config.listener.v3.Listener` of `type.googleapis.com/envoy.config.listener.v3.Listener`.
fn without_host(kind: &str) -> &str {
    kind.rsplit('/').next().unwrap_or_default()
}
