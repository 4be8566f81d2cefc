//! What lies below the keys that are read: passed over, but for what reaches beyond the request.
//!
//! It looks for references to things kept under the provider's account and for further models. It errs towards
//! finding a reference; values that are the caller's own data (tool arguments, JSON schemas, metadata) are
//! not searched, because no provider looks for references there.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::class::{Class, classify};
use super::item::{Item, Kind};
use super::json::Reading;
use crate::request::Dialect;

/// The deepest nesting that is read, the body's own braces included; below what any reader refuses.
const MAX_DEPTH: u8 = 64;

/// What kind of value was passed over; an empty text or list is `Empty`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Null,
    False,
    Scalar,
    Empty,
    Text(Kind),
    List,
    Object,
}

/// Where a value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Plain,
    /// Where a `model` further down is a model that may answer.
    Models,
    /// At such a `model`.
    Model,
    /// OpenAI's list of input items.
    Items,
    /// One of them.
    Item,
    /// Where `id` names something kept under the account.
    Owner,
    /// In the caller's own data.
    Data,
}

impl Place {
    /// Where the value at a key of this class stands.
    pub(super) fn below(self, class: Class) -> Self {
        match (self, class) {
            (Self::Data, _) | (_, Class::Data) => Self::Data,
            (_, Class::Owner | Class::Container) => Self::Owner,
            (Self::Models, Class::Model) => Self::Model,
            (Self::Models | Self::Model, _) => Self::Models,
            _ => Self::Plain,
        }
    }

    /// Where an element of a list stands.
    fn within(self) -> Self {
        if self == Self::Items { Self::Item } else { self }
    }
}

/// Passes over one value.
pub(super) struct Walk<'r> {
    reading: &'r mut Reading,
    place: Place,
    depth: u8,
}

impl<'r> Walk<'r> {
    /// A walk over a value of the body's top level.
    pub(super) fn new(reading: &'r mut Reading, place: Place) -> Self {
        Self { reading, place, depth: 1 }
    }

    fn deepen<E: Error>(&mut self) -> Result<u8, E> {
        match self.depth.saturating_add(1) {
            depth if depth > MAX_DEPTH => Err(self.reading.ambiguous("the body is nested too deeply")),
            depth => Ok(depth),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = Shape;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Shape, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = Shape;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Shape, E> {
        Ok(Shape::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Shape, E> {
        Ok(if value { Shape::Scalar } else { Shape::False })
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Shape, E> {
        Ok(Shape::Scalar)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Shape, E> {
        Ok(Shape::Scalar)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Shape, E> {
        Ok(Shape::Scalar)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Shape, E> {
        if self.place == Place::Model {
            self.reading.further_models.push(text.to_owned());
        }
        Ok(if text.is_empty() { Shape::Empty } else { Shape::Text(Kind::of(text)) })
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<Shape, A::Error> {
        let depth = self.deepen()?;
        let place = self.place.within();
        let mut shape = Shape::Empty;
        while list.next_element_seed(Walk { reading: &mut *self.reading, place, depth })?.is_some() {
            shape = Shape::List;
        }
        Ok(shape)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Shape, A::Error> {
        let depth = self.deepen()?;
        let mut item = Item::default();
        while let Some(class) = map.next_key_seed(KeyClass(self.reading.wire))? {
            let place = self.place.below(class);
            let shape = map.next_value_seed(Walk { reading: &mut *self.reading, place, depth })?;
            if self.place == Place::Data {
                continue;
            }
            item.see(class, shape);
            self.reading.facts.is_stateful |= class.refers(shape);
            self.reading.facts.is_stateful |= self.place == Place::Owner && class == Class::Id;
        }
        self.reading.facts.is_stateful |= self.place == Place::Item && item.refers();
        Ok(Shape::Object)
    }
}

/// A nested key, only as its class.
struct KeyClass(Dialect);

impl<'de> DeserializeSeed<'de> for KeyClass {
    type Value = Class;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Class, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeyClass {
    type Value = Class;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Class, E> {
        Ok(classify(self.0, name))
    }
}
