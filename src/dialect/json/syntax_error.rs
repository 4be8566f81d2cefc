//! In what way a text is not JSON.

/// The text is not JSON, or not the JSON that was asked for: what should stand where reading has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dialect) enum SyntaxError {
    Value,
    Number,
    String,
    Key,
    Colon,
    /// A comma, or what closes.
    Comma(Close),
    End,
    /// A value of another kind.
    Kind,
}

/// What closes a value that holds others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dialect) enum Close {
    Array,
    Object,
}

impl Close {
    pub(in crate::dialect) fn bracket(self) -> &'static str {
        match self {
            Self::Array => "]",
            Self::Object => "}",
        }
    }

    pub(in crate::dialect) fn byte(self) -> u8 {
        match self {
            Self::Array => b']',
            Self::Object => b'}',
        }
    }
}
