//! What lies below the keys that are read: passed over, but for what reaches beyond the request.
//!
//! It looks for references to things kept under the provider's account and for further models. It errs towards
//! finding a reference; values that are the caller's own data (tool arguments and examples, JSON schemas, metadata)
//! are not searched, because no provider looks for references there.

use super::file_uri;
use super::input_item::InputItem;
use super::item_members::ItemMembers;
use super::nested_keys::{NestedKey, nested_key};
use super::read_error::ReadError;
use super::value_shape::{ItemKind, Shape};
use crate::dialect::body::reading::Reading;
use crate::dialect::body::refusal::ambiguous;
use crate::dialect::body::text_volume::CountedAs;
use crate::dialect::json::scanner::{Scanner, Value};
use crate::dialect::json::string::JsonString;
use crate::dialect::json::syntax_error::{Close, SyntaxError};

/// The deepest nesting that is read, the body's own braces included; below what any reader refuses.
const MAX_DEPTH: u8 = 64;

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
    /// At an address.
    Address,
    /// In the caller's own data.
    Data,
}

impl Place {
    /// Where the value at this key stands.
    pub(super) fn below(self, key: NestedKey) -> Self {
        match (self, key) {
            (Self::Data, _) | (_, NestedKey::Data | NestedKey::Brings(ItemMembers::ARGUMENTS)) => Self::Data,
            (Self::Models, NestedKey::Examples) => Self::Data,
            (_, NestedKey::Address) => Self::Address,
            (_, NestedKey::Owner | NestedKey::Container) => Self::Owner,
            (Self::Models, NestedKey::Model) => Self::Model,
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
    counted_as: CountedAs,
    depth: u8,
}

impl<'r> Walk<'r> {
    /// A walk over a value of the body's top level.
    pub(super) fn new(reading: &'r mut Reading, place: Place, counted_as: CountedAs) -> Self {
        Self { reading, place, counted_as, depth: 1 }
    }

    pub(super) fn over(mut self, json: &mut Scanner<'_>) -> Result<Shape, ReadError> {
        match json.value()? {
            Value::Null => Ok(Shape::Null),
            Value::False => Ok(Shape::False),
            Value::True => Ok(Shape::Scalar),
            Value::Number => {
                self.reading.volume.see_number();
                Ok(Shape::Scalar)
            }
            Value::String(text) => Ok(self.text(text)?),
            Value::Array => self.list(json),
            Value::Object => self.object(json),
        }
    }

    fn text(&mut self, text: JsonString<'_>) -> Result<Shape, SyntaxError> {
        self.reading.volume.see(text, self.counted_as)?;
        match self.place {
            Place::Model => self.reading.further_models.push(text.unescaped()?.into_owned()),
            Place::Address if file_uri::is_public(&text.unescaped()?) => return Ok(Shape::Public),
            // Whatever the words: some providers look there for whoever asks.
            _ if self.counted_as == CountedAs::Media && file_uri::is_in_a_bucket(&text.unescaped()?) => {
                self.reading.facts.is_stateful = true;
            }
            _ => {}
        }
        Ok(if text.sent_length() == 0 { Shape::Empty } else { Shape::String(ItemKind::of(text)?) })
    }

    fn list(&mut self, json: &mut Scanner<'_>) -> Result<Shape, ReadError> {
        let depth = self.deepen()?;
        let (place, counted_as) = (self.place.within(), self.counted_as);
        let mut shape = Shape::Empty;
        let mut goes_on = json.opens(Close::Array)?;
        while goes_on {
            Walk { reading: &mut *self.reading, place, counted_as, depth }.over(json)?;
            shape = Shape::Array;
            goes_on = json.goes_on(Close::Array)?;
        }
        Ok(shape)
    }

    fn object(&mut self, json: &mut Scanner<'_>) -> Result<Shape, ReadError> {
        let depth = self.deepen()?;
        let mut item = InputItem::default();
        let volume = self.reading.volume.object_opens();
        let mut goes_on = json.opens(Close::Object)?;
        while goes_on {
            let key = nested_key(self.reading.wire, &json.key()?.unescaped()?);
            json.colon()?;
            let place = self.place.below(key);
            // Whatever a tool is called with is text to the model.
            let counted_as = if place == Place::Data { CountedAs::Text } else { key.counted_as() };
            let shape = Walk { reading: &mut *self.reading, place, counted_as, depth }.over(json)?;
            if self.place != Place::Data {
                self.reading.facts.is_stateful |= key.refers(shape);
                let is_owner = self.place == Place::Owner && key == NestedKey::Id;
                self.reading.facts.is_stateful |= is_owner && shape != Shape::Null;
            }
            if self.place == Place::Item {
                item.see(key, shape);
            }
            goes_on = json.goes_on(Close::Object)?;
        }
        if self.place == Place::Item && item.refers() {
            self.reading.facts.is_stateful = true;
            self.reading.facts.names_earlier_turns = true;
        }
        self.reading.volume.object_closes(volume);
        Ok(Shape::Object)
    }

    fn deepen(&self) -> Result<u8, ReadError> {
        match self.depth.saturating_add(1) {
            depth if depth > MAX_DEPTH => {
                Err(ambiguous(format!("the body is nested more than {MAX_DEPTH} levels deep")).into())
            }
            depth => Ok(depth),
        }
    }
}
