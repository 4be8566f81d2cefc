//! YAML into a [`Node`], every part with the place it has in the text.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use serde_saphyr::{Location, Spanned};

use super::{Entry, Item, Node, Place, Shape};

/// A document may nest this deep.
const MOST_LEVELS: usize = 128;

/// Why a text is not YAML.
#[derive(Debug)]
pub(in crate::cli) struct NotYaml {
    pub(in crate::cli) place: Option<Place>,
    pub(in crate::cli) why: String,
}

impl Node {
    /// # Errors
    /// Text that is not one YAML document, or that names a key twice.
    pub(in crate::cli) fn parse(text: &str) -> Result<Self, NotYaml> {
        let options = serde_saphyr::options! {
            budget: serde_saphyr::budget! {
                // Every level costs stack; Envoy's own files stay below 64.
                max_depth: MOST_LEVELS,
                flow_nesting_limit: MOST_LEVELS,
                // The file is the operator's own; a large fleet has 100,000 keys in it.
                max_events: usize::MAX,
                max_nodes: usize::MAX,
                max_aliases: usize::MAX,
                max_anchors: usize::MAX,
                max_total_scalar_bytes: usize::MAX,
                enforce_alias_anchor_ratio: false,
            },
            strict_booleans: true,
            with_snippet: false,
        };
        serde_saphyr::from_str_with_options(text, options).map_err(|error| {
            let place = error.location().map(Place::from);
            let rendered = error.without_snippet().render();
            let first = rendered.lines().next().unwrap_or_default().to_owned();
            NotYaml { place, why: plain(&first) }
        })
    }
}

/// The parser's words, without the place, which is told in front, and without advice to programmers.
fn plain(rendered: &str) -> String {
    let why = rendered.split(" at line ").next().unwrap_or_default();
    let why = why.split(", set ").next().unwrap_or_default().trim_start_matches("error: ");
    match why.strip_prefix("duplicate mapping key: ") {
        Some(name) => format!("the field `{name}` is written twice; leave one out"),
        None => format!("this is not YAML: {why}"),
    }
}

impl From<Location> for Place {
    fn from(location: Location) -> Self {
        Self { line: location.line(), column: location.column() }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Shape>::deserialize(deserializer)?;
        Ok(Self { place: spanned.referenced.into(), shape: spanned.value, is_damaged: false })
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyShape)
    }
}

struct AnyShape;

impl<'de> Visitor<'de> for AnyShape {
    type Value = Shape;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("text, a number, `true`, `false`, a list or a mapping")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Shape, E> {
        Ok(Shape::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Shape, E> {
        Ok(Shape::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Shape, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Shape, E> {
        Ok(Shape::Bool(value))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Shape, E> {
        Ok(Shape::Number(number.into()))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Shape, E> {
        Ok(Shape::Number(number.into()))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Shape, E> {
        let number = Number::from_f64(number);
        number.map(Shape::Number).ok_or_else(|| E::custom("the number is not finite; write a finite one"))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Shape, E> {
        Ok(Shape::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Shape, A::Error> {
        let mut items = Vec::new();
        while let Some(node) = list.next_element()? {
            items.push(Item { index: items.len(), node });
        }
        Ok(Shape::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
        let mut entries = Vec::new();
        while let Some((name, node)) = map.next_entry::<Spanned<String>, Node>()? {
            entries.push(Entry { name: name.value, place: name.referenced.into(), node });
        }
        Ok(Shape::Map(entries))
    }
}
