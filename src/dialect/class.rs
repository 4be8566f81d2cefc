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

/// Names without `_`, in lower case.
const CLASSES: &[(&str, Class)] = &[
    ("fileid", Class::Reference),
    ("fileids", Class::Reference),
    ("fileuri", Class::Reference),
    ("vectorstoreid", Class::Reference),
    ("vectorstoreids", Class::Reference),
    ("filesearchstorenames", Class::Reference),
    ("cachedcontent", Class::Reference),
    ("previousresponseid", Class::Reference),
    ("containerid", Class::Reference),
    ("skillid", Class::Reference),
    ("s3location", Class::Location),
    ("container", Class::Container),
    ("audio", Class::Owner),
    ("voice", Class::Owner),
    ("metadata", Class::Data),
    ("parameters", Class::Data),
    ("parametersjsonschema", Class::Data),
    ("schema", Class::Data),
    ("inputschema", Class::Data),
    ("responseschema", Class::Data),
    ("responsejsonschema", Class::Data),
    ("args", Class::Data),
    ("arguments", Class::Data),
    ("response", Class::Data),
    ("json", Class::Data),
    ("id", Class::Id),
    ("model", Class::Model),
    ("type", Class::Kind),
    ("role", Class::Role),
    ("encryptedcontent", Class::Sealed),
];

/// The class of a nested key; a reader that ignores case or underscores finds the same.
pub(super) fn classify(wire: Dialect, name: &str) -> Class {
    let same = |known: &str| name.chars().filter(|c| *c != '_').map(fold).eq(known.chars());
    // In these two, `input` holds the arguments of a tool call.
    if matches!(wire, Dialect::Anthropic | Dialect::Bedrock) && same("input") {
        return Class::Data;
    }
    CLASSES.iter().find(|(known, _)| same(known)).map_or(Class::Other, |(_, class)| *class)
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
