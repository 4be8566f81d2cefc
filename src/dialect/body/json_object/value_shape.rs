//! What is noticed of a value that is passed over.

use crate::dialect::json::string::JsonString;
use crate::dialect::json::syntax_error::SyntaxError;

/// What kind of value was passed over; an empty text or list is `Empty`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Null,
    False,
    Scalar,
    Empty,
    String(ItemKind),
    /// An address that everybody can read.
    Public,
    Array,
    Object,
}

/// What a text says as the `type` of one of OpenAI's input items: what the item has to bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ItemKind {
    /// It names another item.
    Reference,
    /// `encrypted_content`: a summary beside it is not what the model goes on from.
    Sealed,
    /// The image itself.
    Image,
    /// What another server has answered, or that it failed.
    Remote,
    /// How a patch went, if only by its status.
    Patched,
    /// Content of any sort.
    Other,
}

impl ItemKind {
    const NAMED: [(&str, Self); 6] = [
        ("item_reference", Self::Reference),
        ("reasoning", Self::Sealed),
        ("compaction", Self::Sealed),
        ("image_generation_call", Self::Image),
        ("mcp_call", Self::Remote),
        ("apply_patch_call_output", Self::Patched),
    ];

    pub(super) fn of(text: JsonString<'_>) -> Result<Self, SyntaxError> {
        // The longest of them, each letter as an escape such as `\u006d`; most texts are longer by far.
        const LONGEST: usize = 6 * "apply_patch_call_output".len();
        if text.sent_length() > LONGEST {
            return Ok(Self::Other);
        }
        let text = text.unescaped()?;
        let named = Self::NAMED.iter().find(|(name, _)| text.eq_ignore_ascii_case(name));
        Ok(named.map_or(Self::Other, |(_, kind)| *kind))
    }
}
