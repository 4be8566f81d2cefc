//! Patterns of text, in which `*` stands for any.

use cel_interpreter::{ExecutionError, Value};

/// The function that compares with patterns.
pub(super) const GLOB: &str = "glob";

/// True where `text` matches `pattern`. `*` stands for any text: the first part must start it, the last must end it, the others follow in order.
pub fn matches_glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// True where `holds` for the text, or for one text of the list.
pub(super) fn any_text(
    function: &str,
    value: &Value,
    holds: impl Fn(&str) -> Result<bool, ExecutionError>,
) -> Result<bool, ExecutionError> {
    match value {
        Value::String(text) => holds(text),
        Value::List(items) => {
            for item in items.iter() {
                let Value::String(text) = item else {
                    return Err(ExecutionError::function_error(function, "the list must hold texts"));
                };
                if holds(text)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        _ => Err(ExecutionError::function_error(function, "wants a text or a list of texts")),
    }
}

#[cfg(test)]
mod tests {
    use super::matches_glob;

    #[test]
    fn globs() {
        for (pattern, text, matched, note) in [
            ("gpt-4o", "gpt-4o", true, "no star: the whole text"),
            ("gpt-4o", "gpt-4o-mini", false, "no star: nothing longer"),
            ("gpt-4o*", "gpt-4o-mini", true, "a prefix"),
            ("*-mini", "gpt-4o-mini", true, "a suffix"),
            ("gpt-*-mini", "gpt-4o-mini", true, "a middle"),
            ("a*b*c", "axxbyyc", true, "several parts in order"),
            ("a*b*c", "axxcyyb", false, "not in another order"),
            ("ab*ba", "aba", false, "parts do not overlap"),
            ("*", "", true, "a star also stands for nothing"),
            ("gpt-4.1", "gpt-4x1", false, "a point is a point"),
        ] {
            assert_eq!(matches_glob(pattern, text), matched, "{note}");
        }
    }
}
