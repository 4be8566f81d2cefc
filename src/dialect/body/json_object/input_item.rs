//! OpenAI's input items, which bring their content with them or refer to what the provider keeps.
//!
//! It is told by what an item lacks, so that an item of a kind that is not known here is none either: an id without
//! content is a reference.

use super::item_members::ItemMembers;
use super::nested_keys::NestedKey;
use super::value_shape::{ItemKind, Shape};

/// One of OpenAI's input items. `{"id": …}` alone refers to a stored item; so does an item whose content the
/// provider keeps (<https://platform.openai.com/docs/api-reference/responses/create>, `input`).
#[derive(Default)]
pub(super) struct InputItem {
    seen: ItemMembers,
    brought: ItemMembers,
    kind: Option<ItemKind>,
}

impl InputItem {
    pub(super) fn see(&mut self, key: NestedKey, shape: Shape) {
        let (part, is_brought) = match (key, shape) {
            (NestedKey::Kind, Shape::String(kind)) => (ItemMembers::KIND, self.kind.replace(kind).is_none()),
            // What is sealed, and an image, are texts; an image's `action` is one too, but says nothing of it.
            (NestedKey::Brings(part @ (ItemMembers::SEALED | ItemMembers::RESULT)), shape) => {
                (part, matches!(shape, Shape::String(_)))
            }
            (NestedKey::Brings(part @ ItemMembers::ACTION), shape) => (part, shape == Shape::Object),
            (NestedKey::Brings(part), shape) => (part, shape != Shape::Null),
            (NestedKey::Id, shape) => (ItemMembers::ID, shape != Shape::Null),
            (NestedKey::Role, shape) => (ItemMembers::ROLE, shape != Shape::Null),
            (NestedKey::Kind, shape) => (ItemMembers::KIND, shape != Shape::Null),
            _ => return,
        };
        // Of a key that comes twice, readers take the one or the other.
        if self.seen.holds(part) {
            self.kind = Some(ItemKind::Reference);
        }
        self.seen = self.seen.with(part);
        if is_brought {
            self.brought = self.brought.with(part);
        }
    }

    pub(super) fn refers(&self) -> bool {
        let brings = |parts: ItemMembers| self.brought.holds(parts);
        let is_whole = match self.kind {
            // Without a type only a message is known by its role.
            None => !brings(ItemMembers::KIND) && brings(ItemMembers::ROLE) && brings(ItemMembers::CONTENT),
            Some(ItemKind::Reference) => false,
            Some(ItemKind::Sealed) => brings(ItemMembers::SEALED),
            Some(ItemKind::Image) => brings(ItemMembers::RESULT),
            Some(ItemKind::Remote) => brings(ItemMembers::OUTPUT.with(ItemMembers::ERROR)),
            Some(ItemKind::Patched) => brings(ItemMembers::OUTPUT.with(ItemMembers::STATUS)),
            Some(ItemKind::Other) => brings(ItemMembers::ANY_CONTENT),
        };
        brings(ItemMembers::ID) && !is_whole
    }
}
