//! OpenAI's input items, which bring their content with them or refer to what the provider keeps.

use super::class::Class;
use super::nested::Shape;
use super::scanner::Malformed;
use super::text::Text;

/// One of OpenAI's input items. `{"id": …}` alone refers to a stored item; so does an item whose content the
/// provider keeps (<https://platform.openai.com/docs/api-reference/responses/create>, `input`).
#[derive(Default)]
pub(super) struct Item {
    has_id: bool,
    has_role: bool,
    kind: Option<Kind>,
    is_sealed: Option<bool>,
}

impl Item {
    pub(super) fn see(&mut self, class: Class, shape: Shape) {
        match class {
            Class::Id => self.has_id |= shape != Shape::Null,
            Class::Role => self.has_role |= shape != Shape::Null,
            Class::Kind => {
                self.kind = match (self.kind, shape) {
                    (None, Shape::Null) => None,
                    (None, Shape::Text(kind)) => Some(kind),
                    _ => Some(Kind::Other),
                }
            }
            // Of two, the one that is missing counts.
            Class::Sealed => {
                self.is_sealed = Some(self.is_sealed != Some(false) && matches!(shape, Shape::Text(_)));
            }
            _ => {}
        }
    }

    pub(super) fn refers(&self) -> bool {
        let is_whole = match self.kind {
            None => self.has_role,
            Some(Kind::Whole) => true,
            Some(Kind::Reasoning) => self.is_sealed == Some(true),
            Some(Kind::Other) => false,
        };
        self.has_id && !is_whole
    }
}

/// What a text says as the `type` of one of OpenAI's input items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The item brings its content with it.
    Whole,
    /// The item brings its content if it has `encrypted_content`.
    Reasoning,
    Other,
}

impl Kind {
    pub(super) fn of(text: Text<'_>) -> Result<Self, Malformed> {
        // The longest of them, each letter as an escape such as `\u006d`; most texts are longer by far.
        const LONGEST: usize = 6 * "custom_tool_call_output".len();
        const WHOLE: [&str; 5] = [
            "message",
            "function_call",
            "function_call_output",
            "custom_tool_call",
            "custom_tool_call_output",
        ];
        if text.sent_length() > LONGEST {
            return Ok(Self::Other);
        }
        Ok(match &*text.unescaped()? {
            "reasoning" => Self::Reasoning,
            text if WHOLE.contains(&text) => Self::Whole,
            _ => Self::Other,
        })
    }
}
