//! What a key means below the top level: a reference, an owner of one, a model, or the caller's own data.
//!
//! References are those of OpenAI (`file_id`, `vector_store_ids`, `container`, `audio.id`), Anthropic (`file_id`,
//! `skill_id`), Gemini (`fileUri`, `cachedContent`) and Bedrock (`s3Location`). A name that is the caller's own
//! data is so for every dialect, and no dialect has a reference below it.

use super::keys::fold;
use super::nested::Shape;
use crate::request::Dialect;

/// What a nested key means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Other,
    /// A text, or list of texts, that names something kept under the account.
    Reference,
    /// The same, in any shape.
    Location,
    /// An object whose `id` names something kept under the account.
    Owner,
    /// The same, or its id as a text.
    Container,
    /// The caller's own data.
    Data,
    Id,
    Model,
    Kind,
    Role,
    Sealed,
}

/// The longest name that has a class, without `_`.
const LONGEST: usize = "filesearchstorenames".len();

/// The class of a nested key; a reader that ignores case or underscores finds the same.
pub(super) fn classify(wire: Dialect, name: &str) -> Class {
    let mut letters = [0; LONGEST];
    let mut free = letters.iter_mut();
    for letter in name.chars().filter(|letter| *letter != '_') {
        // No name that has a class is longer, or holds a letter that does not fold into ASCII.
        let (Some(place), Ok(letter)) = (free.next(), u8::try_from(fold(letter))) else {
            return Class::Other;
        };
        *place = letter;
    }
    let length = LONGEST.saturating_sub(free.len());
    letters.get(..length).map_or(Class::Other, |letters| of_letters(wire, letters))
}

/// The class of a name without `_`, in lower case.
fn of_letters(wire: Dialect, name: &[u8]) -> Class {
    match name {
        // In these two it holds the arguments of a tool call.
        b"input" if matches!(wire, Dialect::Anthropic | Dialect::Bedrock) => Class::Data,
        b"fileid" | b"fileids" | b"fileuri" | b"vectorstoreid" | b"vectorstoreids" => Class::Reference,
        b"filesearchstorenames" | b"cachedcontent" | b"previousresponseid" => Class::Reference,
        b"containerid" | b"skillid" => Class::Reference,
        b"s3location" => Class::Location,
        b"container" => Class::Container,
        b"audio" | b"voice" => Class::Owner,
        b"metadata" | b"parameters" | b"parametersjsonschema" | b"schema" | b"inputschema" => Class::Data,
        b"responseschema" | b"responsejsonschema" | b"args" | b"arguments" => Class::Data,
        b"response" | b"json" => Class::Data,
        b"id" => Class::Id,
        b"model" => Class::Model,
        b"type" => Class::Kind,
        b"role" => Class::Role,
        b"encryptedcontent" => Class::Sealed,
        _ => Class::Other,
    }
}

impl Class {
    /// True where a value of this shape at this key names something kept under the account.
    pub(super) fn refers(self, shape: Shape) -> bool {
        match self {
            Self::Reference => matches!(shape, Shape::Text(_) | Shape::List),
            Self::Container => matches!(shape, Shape::Text(_)),
            Self::Location => shape != Shape::Null,
            _ => false,
        }
    }
}
