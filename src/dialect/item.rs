//! OpenAI's input items, which bring their content with them or refer to what the provider keeps.
//!
//! It is told by what an item lacks, so that an item of a kind that is not known here is none either: an id without
//! content is a reference.

use super::class::{Class, Part};
use super::outline::{Kind, Shape};

/// One of OpenAI's input items. `{"id": …}` alone refers to a stored item; so does an item whose content the
/// provider keeps (<https://platform.openai.com/docs/api-reference/responses/create>, `input`).
#[derive(Default)]
pub(super) struct Item {
    seen: Part,
    brought: Part,
    kind: Option<Kind>,
}

impl Item {
    pub(super) fn see(&mut self, class: Class, shape: Shape) {
        let (part, is_brought) = match (class, shape) {
            (Class::Kind, Shape::String(kind)) => (Part::KIND, self.kind.replace(kind).is_none()),
            // What is sealed, and an image, are texts; an image's `action` is one too, but says nothing of it.
            (Class::Brings(part @ (Part::SEALED | Part::RESULT)), shape) => {
                (part, matches!(shape, Shape::String(_)))
            }
            (Class::Brings(part @ Part::ACTION), shape) => (part, shape == Shape::Object),
            (Class::Brings(part), shape) => (part, shape != Shape::Null),
            (Class::Id, shape) => (Part::ID, shape != Shape::Null),
            (Class::Role, shape) => (Part::ROLE, shape != Shape::Null),
            (Class::Kind, shape) => (Part::KIND, shape != Shape::Null),
            _ => return,
        };
        // Of a key that comes twice, readers take the one or the other.
        if self.seen.holds(part) {
            self.kind = Some(Kind::Reference);
        }
        self.seen = self.seen.with(part);
        if is_brought {
            self.brought = self.brought.with(part);
        }
    }

    pub(super) fn refers(&self) -> bool {
        let brings = |parts: Part| self.brought.holds(parts);
        let is_whole = match self.kind {
            // Without a type only a message is known by its role.
            None => !brings(Part::KIND) && brings(Part::ROLE) && brings(Part::CONTENT),
            Some(Kind::Reference) => false,
            Some(Kind::Sealed) => brings(Part::SEALED),
            Some(Kind::Image) => brings(Part::RESULT),
            Some(Kind::Remote) => brings(Part::OUTPUT.with(Part::ERROR)),
            Some(Kind::Patched) => brings(Part::OUTPUT.with(Part::STATUS)),
            Some(Kind::Other) => brings(Part::ANY_CONTENT),
        };
        brings(Part::ID) && !is_whole
    }
}
