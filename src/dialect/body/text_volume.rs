//! How much text a body has, for what it costs where no answer tells: a model reads about four bytes of it as one model token.
//!
//! A picture, sound or document in base64 is no text, though a text document in base64 is. What the caller names so decides:
//! the key, and the media type beside it.

use crate::dialect::json::string::JsonString;
use crate::dialect::json::syntax_error::SyntaxError;

/// What a number counts for: where a prompt is written as model tokens, each is one.
const NUMBER: u64 = 4;

/// How a text counts, by its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CountedAs {
    Text,
    /// In base64, or an address.
    Media,
    /// It says what is beside it.
    Label,
}

/// The bytes of a body, by what they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Volume {
    text: u64,
    media: u64,
    /// An object that is being read says that its media is text.
    names_text: bool,
}

impl Volume {
    /// The bytes of text.
    pub(super) fn text(&self) -> u64 {
        self.text
    }

    pub(super) fn see(&mut self, text: JsonString<'_>, counted_as: CountedAs) -> Result<(), SyntaxError> {
        let length = u64::try_from(text.length()).unwrap_or(u64::MAX);
        match counted_as {
            CountedAs::Media if !text.unescaped()?.starts_with("data:text/") => {
                self.media = self.media.saturating_add(length);
                return Ok(());
            }
            CountedAs::Label => {
                let name = text.unescaped()?;
                self.names_text |= name == "text" || name.starts_with("text/");
            }
            CountedAs::Media | CountedAs::Text => {}
        }
        self.text = self.text.saturating_add(length);
        Ok(())
    }

    pub(super) fn see_number(&mut self) {
        self.text = self.text.saturating_add(NUMBER);
    }

    /// An object begins; what is returned is for its end.
    pub(super) fn object_opens(&mut self) -> Self {
        let before = *self;
        self.names_text = false;
        before
    }

    /// Where the object says that its media is text, it is.
    pub(super) fn object_closes(&mut self, before: Self) {
        if self.names_text {
            self.text = self.text.saturating_add(self.media.saturating_sub(before.media));
            self.media = before.media;
        }
        self.names_text = before.names_text;
    }
}
