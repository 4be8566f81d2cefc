//! What lies below the keys that are read: passed over, but for what reaches beyond the request.
//!
//! It looks for references to things kept under the provider's account and for further models. It errs towards
//! finding a reference; values that are the caller's own data (tool arguments and examples, JSON schemas, metadata)
//! are not searched, because no provider looks for references there.

use super::address;
use super::class::{Class, Part, classify};
use super::facts::{Reading, ambiguous};
use super::flaw::ReadError;
use super::item::Item;
use super::json::scanner::{Scanner, Value};
use super::json::string::JsonString;
use super::json::syntax_error::{Close, SyntaxError};
use super::outline::{Kind, Shape};
use super::volume::Script;

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
    /// Where the value at a key of this class stands.
    pub(super) fn below(self, class: Class) -> Self {
        match (self, class) {
            (Self::Data, _) | (_, Class::Data | Class::Brings(Part::ARGUMENTS)) => Self::Data,
            (Self::Models, Class::Examples) => Self::Data,
            (_, Class::Address) => Self::Address,
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
    script: Script,
    depth: u8,
}

impl<'r> Walk<'r> {
    /// A walk over a value of the body's top level.
    pub(super) fn new(reading: &'r mut Reading, place: Place, script: Script) -> Self {
        Self { reading, place, script, depth: 1 }
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
        self.reading.volume.see(text, self.script)?;
        match self.place {
            Place::Model => self.reading.further_models.push(text.unescaped()?.into_owned()),
            Place::Address if address::is_public(&text.unescaped()?) => return Ok(Shape::Public),
            _ => {}
        }
        Ok(if text.sent_length() == 0 { Shape::Empty } else { Shape::String(Kind::of(text)?) })
    }

    fn list(&mut self, json: &mut Scanner<'_>) -> Result<Shape, ReadError> {
        let depth = self.deepen()?;
        let (place, script) = (self.place.within(), self.script);
        let mut shape = Shape::Empty;
        let mut goes_on = json.opens(Close::Array)?;
        while goes_on {
            Walk { reading: &mut *self.reading, place, script, depth }.over(json)?;
            shape = Shape::Array;
            goes_on = json.goes_on(Close::Array)?;
        }
        Ok(shape)
    }

    fn object(&mut self, json: &mut Scanner<'_>) -> Result<Shape, ReadError> {
        let depth = self.deepen()?;
        let mut item = Item::default();
        let volume = self.reading.volume.object_opens();
        let mut goes_on = json.opens(Close::Object)?;
        while goes_on {
            let class = classify(self.reading.wire, &json.key()?.unescaped()?);
            json.colon()?;
            let place = self.place.below(class);
            // Whatever a tool is called with is text to the model.
            let script = if place == Place::Data { Script::Words } else { class.script() };
            let shape = Walk { reading: &mut *self.reading, place, script, depth }.over(json)?;
            if self.place != Place::Data {
                self.reading.facts.is_stateful |= class.refers(shape);
                let is_owner = self.place == Place::Owner && class == Class::Id;
                self.reading.facts.is_stateful |= is_owner && shape != Shape::Null;
            }
            if self.place == Place::Item {
                item.see(class, shape);
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
