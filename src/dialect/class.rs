//! What a key means below the top level: a reference, an owner of one, a model, or the caller's own data.
//!
//! References are those of OpenAI (`file_id`, `vector_store_ids`, `container`, `audio.id`, `tunnel_id`), Anthropic
//! (`file_id`, `skill_id`), Gemini (`fileUri` but for public addresses, `cachedContent`) and Bedrock (`s3Location`). A
//! name that is the caller's own data is so for every dialect, and no dialect has a reference below it.

use super::keys::fold;
use super::outline::Shape;
use super::volume::Script;
use crate::request::Dialect;

/// What a nested key means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Other,
    /// A text, or list of texts, that names something kept under the account.
    Reference,
    /// The same, in any shape.
    Location,
    /// A text that names something kept under the account, unless it is an address that everybody can read.
    Address,
    /// An object whose `id` names something kept under the account.
    Owner,
    /// The same, or its id as a text.
    Container,
    /// The caller's own data.
    Data,
    /// The same among tools; elsewhere it may hold whole messages.
    Examples,
    Id,
    Model,
    Kind,
    Role,
    /// A picture, sound or document in base64, or the address of one.
    Media,
    /// What kind of media it is.
    MediaType,
    /// What an input item brings with it.
    Brings(Part),
}

/// Members of an input item of OpenAI, as a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Part(u32);

impl Part {
    pub(super) const ID: Self = Self(1);
    pub(super) const KIND: Self = Self(1 << 1);
    pub(super) const ROLE: Self = Self(1 << 2);
    pub(super) const STATUS: Self = Self(1 << 3);
    pub(super) const SEALED: Self = Self(1 << 4);
    pub(super) const CONTENT: Self = Self(1 << 5);
    pub(super) const ARGUMENTS: Self = Self(1 << 6);
    pub(super) const INPUT: Self = Self(1 << 7);
    pub(super) const OUTPUT: Self = Self(1 << 8);
    pub(super) const OUTPUTS: Self = Self(1 << 9);
    pub(super) const ERROR: Self = Self(1 << 10);
    pub(super) const RESULT: Self = Self(1 << 11);
    pub(super) const RESULTS: Self = Self(1 << 12);
    pub(super) const ACTION: Self = Self(1 << 13);
    pub(super) const ACTIONS: Self = Self(1 << 14);
    pub(super) const OPERATION: Self = Self(1 << 15);
    pub(super) const TOOLS: Self = Self(1 << 16);
    pub(super) const APPROVAL: Self = Self(1 << 17);
    pub(super) const CODE: Self = Self(1 << 18);
    /// All that says something by itself, and not only of something else.
    pub(super) const ANY_CONTENT: Self = Self(!0b1111);

    pub(super) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// True where one of the others is in the set.
    pub(super) fn holds(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }
}

/// The longest name that has a class, without `_`.
const LONGEST: usize = "previousinteractionid".len();

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
    match letters.get(..length).map_or(Class::Other, |letters| of_letters(wire, letters)) {
        // What an item brings must be there for every reader; what it refers to, for one.
        Class::Brings(_) if !is_as_written(name) => Class::Other,
        class => class,
    }
}

/// True for the one spelling of a part of an item.
fn is_as_written(name: &str) -> bool {
    name == "encrypted_content" || name.bytes().all(|letter| letter.is_ascii_lowercase())
}

/// The class of a name without `_`, in lower case.
fn of_letters(wire: Dialect, name: &[u8]) -> Class {
    match name {
        // In these two it holds the arguments of a tool call.
        b"input" if matches!(wire, Dialect::Anthropic | Dialect::Bedrock) => Class::Data,
        b"fileuri" | b"uri" if wire == Dialect::Gemini => Class::Address,
        b"fileid" | b"fileids" | b"fileuri" | b"vectorstoreid" | b"vectorstoreids" => Class::Reference,
        // A part of an interaction.
        b"uri" if wire == Dialect::Gemini => Class::Reference,
        b"filesearchstorenames" | b"cachedcontent" | b"previousresponseid" => Class::Reference,
        b"previousinteractionid" | b"containerid" | b"skillid" | b"tunnelid" => Class::Reference,
        b"s3location" => Class::Location,
        b"container" => Class::Container,
        b"audio" | b"voice" => Class::Owner,
        b"metadata" | b"parameters" | b"parametersjsonschema" | b"schema" | b"inputschema" => Class::Data,
        b"responseschema" | b"responsejsonschema" | b"outputschema" | b"inputexamples" => Class::Data,
        b"response" | b"json" | b"args" | b"requestmetadata" => Class::Data,
        // Maps of the caller's own names: of a command's environment, of a request to a server of tools.
        b"env" | b"headers" => Class::Data,
        b"example" | b"examples" => Class::Examples,
        b"id" => Class::Id,
        b"model" => Class::Model,
        b"type" => Class::Kind,
        b"role" => Class::Role,
        b"data" | b"bytes" | b"filedata" | b"b64json" | b"url" | b"imageurl" | b"fileurl" => Class::Media,
        b"image" | b"images" | b"inputimage" | b"inputimages" | b"initimage" | b"video" => Class::Media,
        b"mask" | b"maskimage" | b"signature" | b"thoughtsignature" => Class::Media,
        b"mediatype" | b"mimetype" => Class::MediaType,
        name => of_part(name).map_or(Class::Other, Class::Brings),
    }
}

/// The part of an input item that a name stands for.
fn of_part(name: &[u8]) -> Option<Part> {
    Some(match name {
        b"status" => Part::STATUS,
        b"encryptedcontent" => Part::SEALED,
        b"content" => Part::CONTENT,
        b"arguments" => Part::ARGUMENTS,
        b"input" => Part::INPUT,
        b"output" => Part::OUTPUT,
        b"outputs" => Part::OUTPUTS,
        b"error" => Part::ERROR,
        b"result" => Part::RESULT,
        b"results" => Part::RESULTS,
        b"action" => Part::ACTION,
        b"actions" => Part::ACTIONS,
        b"operation" => Part::OPERATION,
        b"tools" => Part::TOOLS,
        b"approve" => Part::APPROVAL,
        b"code" => Part::CODE,
        _ => return None,
    })
}

impl Class {
    /// How a text at this key counts.
    pub(super) fn script(self) -> Script {
        match self {
            Self::Media | Self::Brings(Part::SEALED | Part::RESULT) | Self::Owner => Script::Media,
            Self::Kind | Self::MediaType => Script::Naming,
            _ => Script::Words,
        }
    }

    /// True where a value of this shape at this key names something kept under the account.
    pub(super) fn refers(self, shape: Shape) -> bool {
        match self {
            Self::Reference | Self::Address => matches!(shape, Shape::String(_) | Shape::Array),
            Self::Container => matches!(shape, Shape::String(_)),
            Self::Location => shape != Shape::Null,
            _ => false,
        }
    }
}
