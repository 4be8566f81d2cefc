//! Texts, bytes and numbers as CEL writes them.

use std::fmt::Write;

pub(super) fn text(value: &str, quote: char) -> String {
    let mut written = String::from(quote);
    for character in value.chars() {
        match character {
            '\\' => written.push_str("\\\\"),
            '\n' => written.push_str("\\n"),
            '\r' => written.push_str("\\r"),
            '\t' => written.push_str("\\t"),
            _ if character == quote => written.extend(['\\', quote]),
            // Nobody's terminal is to be told anything by a value, nor a reader be shown its letters in another order.
            _ if character.is_control() || is_unseen(character) => {
                let _ = write!(written, "\\u{:04x}", u32::from(character));
            }
            _ => written.push(character),
        }
    }
    written.push(quote);
    written
}

/// What turns the direction of writing, or takes no place.
fn is_unseen(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

pub(super) fn bytes(value: &[u8], quote: char) -> String {
    let mut written = format!("b{quote}");
    for byte in value {
        match char::from(*byte) {
            character if character == quote || character == '\\' => written.extend(['\\', character]),
            character if character.is_ascii_graphic() || character == ' ' => written.push(character),
            _ => {
                let _ = write!(written, "\\x{byte:02x}");
            }
        }
    }
    written.push(quote);
    written
}

/// A whole number has `.0`, so that it is seen to be none of the integers.
pub(super) fn double(value: f64) -> String {
    if value.is_finite() {
        return format!("{value:?}");
    }
    let name = if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    };
    format!("double(\"{name}\")")
}
