//! What a key means below the top level: a reference, an owner of one, a model, or the caller's own data.
//!
//! References are those of OpenAI (`file_id`, `vector_store_ids`, `container`, `audio.id`, `tunnel_id`), Anthropic
//! (`file_id`, `skill_id`), Gemini (`fileUri` but for public addresses, `cachedContent`), Vertex AI, which has Gemini's words
//! (buckets, stores of documents, and the secrets and accounts that tools go there with), and Bedrock (`s3Location`). A
//! name that is the caller's own data is so for every dialect, and no dialect has a reference below it.

use super::item_members::ItemMembers;
use super::value_shape::Shape;
use crate::dialect::body::text_volume::CountedAs;
use crate::dialect::case_folding::fold;
use crate::request::Wire;

/// What a nested key means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NestedKey {
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
    Brings(ItemMembers),
}

/// The longest name that means something, without `_`.
const LONGEST: usize = "previousinteractionid".len();

/// What a nested key of this name means; a reader that ignores case or underscores finds the same.
pub(super) fn nested_key(wire: Wire, name: &str) -> NestedKey {
    let mut letters = [0; LONGEST];
    let mut free = letters.iter_mut();
    for letter in name.chars().filter(|letter| *letter != '_') {
        // No name that means something is longer, or holds a letter that does not fold into ASCII.
        let (Some(place), Ok(letter)) = (free.next(), u8::try_from(fold(letter))) else {
            return NestedKey::Other;
        };
        *place = letter;
    }
    let length = LONGEST.saturating_sub(free.len());
    match letters.get(..length).map_or(NestedKey::Other, |letters| of_letters(wire, letters)) {
        // What an item brings must be there for every reader; what it refers to, for one.
        NestedKey::Brings(_) if !is_as_written(name) => NestedKey::Other,
        key => key,
    }
}

/// What a nested key tells of the media around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dialect::body) enum Label {
    /// Nothing, and there are none below it: it is the caller's own data.
    Data,
    Kind,
    MediaType,
    Other,
}

impl Label {
    pub(in crate::dialect::body) fn of(wire: Wire, name: &str) -> Self {
        match nested_key(wire, name) {
            NestedKey::Data => Self::Data,
            NestedKey::Kind => Self::Kind,
            NestedKey::MediaType => Self::MediaType,
            _ => Self::Other,
        }
    }
}

/// True for the one spelling of a part of an item.
fn is_as_written(name: &str) -> bool {
    name == "encrypted_content" || name.bytes().all(|letter| letter.is_ascii_lowercase())
}

/// The meaning of a name without `_`, in lower case.
fn of_letters(wire: Wire, name: &[u8]) -> NestedKey {
    match name {
        // In these two it holds the arguments of a tool call.
        b"input" if matches!(wire, Wire::Anthropic | Wire::Bedrock) => NestedKey::Data,
        b"fileuri" | b"uri" if wire == Wire::Gemini => NestedKey::Address,
        b"fileid" | b"fileids" | b"fileuri" | b"vectorstoreid" | b"vectorstoreids" => NestedKey::Reference,
        // A part of an interaction.
        b"uri" if wire == Wire::Gemini => NestedKey::Reference,
        b"gcsuri" | b"outputgcsuri" | b"storageuri" if wire == Wire::Gemini => NestedKey::Reference,
        b"datastore" | b"engine" | b"ragcorpus" | b"ragcorpora" if wire == Wire::Gemini => {
            NestedKey::Reference
        }
        b"apikeysecret" | b"apikeysecretversion" | b"credentialsecret" | b"serviceaccount"
            if wire == Wire::Gemini =>
        {
            NestedKey::Reference
        }
        b"filesearchstorenames" | b"cachedcontent" | b"previousresponseid" => NestedKey::Reference,
        b"previousinteractionid" | b"containerid" | b"skillid" | b"tunnelid" => NestedKey::Reference,
        b"s3location" => NestedKey::Location,
        b"container" => NestedKey::Container,
        b"audio" | b"voice" => NestedKey::Owner,
        b"metadata" | b"parameters" | b"parametersjsonschema" | b"schema" | b"inputschema" => NestedKey::Data,
        b"responseschema" | b"responsejsonschema" | b"outputschema" | b"inputexamples" => NestedKey::Data,
        b"response" | b"json" | b"args" | b"requestmetadata" => NestedKey::Data,
        // Maps of the caller's own names: of a command's environment, of a request to a server of tools.
        b"env" | b"headers" => NestedKey::Data,
        b"example" | b"examples" => NestedKey::Examples,
        b"id" => NestedKey::Id,
        b"model" => NestedKey::Model,
        b"type" => NestedKey::Kind,
        b"role" => NestedKey::Role,
        b"data" | b"bytes" | b"filedata" | b"b64json" | b"url" | b"imageurl" | b"fileurl" => NestedKey::Media,
        b"image" | b"images" | b"inputimage" | b"inputimages" | b"initimage" | b"video" => NestedKey::Media,
        b"mask" | b"maskimage" | b"signature" | b"thoughtsignature" => NestedKey::Media,
        b"mediatype" | b"mimetype" => NestedKey::MediaType,
        name => of_part(name).map_or(NestedKey::Other, NestedKey::Brings),
    }
}

/// The part of an input item that a name stands for.
fn of_part(name: &[u8]) -> Option<ItemMembers> {
    Some(match name {
        b"status" => ItemMembers::STATUS,
        b"encryptedcontent" => ItemMembers::SEALED,
        b"content" => ItemMembers::CONTENT,
        b"arguments" => ItemMembers::ARGUMENTS,
        b"input" => ItemMembers::INPUT,
        b"output" => ItemMembers::OUTPUT,
        b"outputs" => ItemMembers::OUTPUTS,
        b"error" => ItemMembers::ERROR,
        b"result" => ItemMembers::RESULT,
        b"results" => ItemMembers::RESULTS,
        b"action" => ItemMembers::ACTION,
        b"actions" => ItemMembers::ACTIONS,
        b"operation" => ItemMembers::OPERATION,
        b"tools" => ItemMembers::TOOLS,
        b"approve" => ItemMembers::APPROVAL,
        b"code" => ItemMembers::CODE,
        _ => return None,
    })
}

impl NestedKey {
    /// How a text at this key counts.
    pub(super) fn counted_as(self) -> CountedAs {
        match self {
            Self::Media | Self::Brings(ItemMembers::SEALED | ItemMembers::RESULT) | Self::Owner => {
                CountedAs::Media
            }
            Self::Kind | Self::MediaType => CountedAs::Label,
            _ => CountedAs::Text,
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
