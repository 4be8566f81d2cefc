//! Serde's errors in the words of whoever wrote the file: no type names, and what would be right.

use super::nearest_name::nearest;

/// Rewrites one of serde's messages; what it does not know stays as it is.
pub(super) fn reworded(message: &str) -> String {
    if let Some((name, wanted)) = after(message, "unknown field `", "`, ") {
        return unknown(&format!("there is no field `{name}`"), name, wanted);
    }
    if let Some((name, wanted)) = after(message, "unknown variant `", "`, ") {
        return unknown(&format!("`{name}` cannot stand here"), name, wanted);
    }
    if let Some(name) = message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
        return format!("the field `{name}` is missing; add it");
    }
    let wrong = after(message, "invalid type: ", ", expected ")
        .or_else(|| after(message, "invalid value: ", ", expected "));
    if let Some((found, wanted)) = wrong {
        let wanted = what_is_wanted(found, wanted);
        return match what_stands(found) {
            Some(found) => format!("{found} cannot stand here; write {wanted}"),
            None => format!("nothing is written here; write {wanted}"),
        };
    }
    message.to_owned()
}

/// The field that was meant by an unknown one, in a message that [`reworded`] made.
pub(super) fn meant(reworded: &str) -> Option<&str> {
    let rest = reworded.strip_prefix("there is no field `")?;
    let (_, candidate) = rest.split_once("; did you mean `")?;
    candidate.strip_suffix("`?")
}

/// Splits what follows `start` at `separator`.
fn after<'a>(message: &'a str, start: &str, separator: &str) -> Option<(&'a str, &'a str)> {
    message.strip_prefix(start)?.split_once(separator)
}

fn unknown(subject: &str, name: &str, wanted: &str) -> String {
    // Every second piece stands between backticks.
    let names: Vec<&str> = wanted.split('`').skip(1).step_by(2).collect();
    match nearest(name, names.iter().copied()) {
        Some(candidate) => format!("{subject}; did you mean `{candidate}`?"),
        None if names.is_empty() => format!("{subject}; leave it out"),
        None => format!("{subject}; there are `{}`", names.join("`, `")),
    }
}

/// `None` where nothing stands.
fn what_stands(found: &str) -> Option<String> {
    let quoted = |text: &str| format!("`{}`", text.trim_matches(['`', '"']));
    Some(match found.split_once(' ') {
        Some(("string" | "boolean" | "integer" | "character", value)) => quoted(value),
        Some(("floating", value)) => quoted(value.trim_start_matches("point ")),
        Some(("unit", _)) => return None,
        _ => match found {
            "map" => "a mapping".to_owned(),
            "sequence" => "a list".to_owned(),
            "null" => return None,
            other => other.to_owned(),
        },
    })
}

fn what_is_wanted(found: &str, wanted: &str) -> String {
    let is_scalar = ["integer", "floating", "boolean"].iter().any(|start| found.starts_with(start));
    match wanted {
        "a string" if is_scalar => "text, in quotes".to_owned(),
        "a string" => "text".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a mapping".to_owned(),
        "a boolean" => "`true` or `false`".to_owned(),
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0".to_owned(),
        "i8" | "i16" | "i32" | "i64" => "a whole number".to_owned(),
        "map with a single key" => "a mapping with one field".to_owned(),
        _ if wanted.starts_with("struct ") => "a mapping of fields".to_owned(),
        _ if wanted.starts_with("string or map") || wanted.contains("enum ") => {
            "a name, or a mapping with one field".to_owned()
        }
        _ => wanted.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::reworded;

    #[test]
    fn serde_speaks_plainly() {
        for (message, wanted) in [
            (
                "unknown field `hsah`, expected one of `id`, `hash`, `project`",
                "there is no field `hsah`; did you mean `hash`?",
            ),
            (
                "unknown field `colour`, expected `id` or `hash`",
                "there is no field `colour`; there are `id`, `hash`",
            ),
            (
                "unknown variant `enforced`, expected `enforce` or `shadow`",
                "`enforced` cannot stand here; did you mean `enforce`?",
            ),
            (
                "unknown variant `HS256`, expected one of `RS256`, `ES256`",
                "`HS256` cannot stand here; there are `RS256`, `ES256`",
            ),
            ("missing field `upstreams`", "the field `upstreams` is missing; add it"),
            ("invalid type: integer `1`, expected a string", "`1` cannot stand here; write text, in quotes"),
            (
                "invalid type: string \"x\", expected struct Key",
                "`x` cannot stand here; write a mapping of fields",
            ),
            ("invalid type: map, expected a sequence", "a mapping cannot stand here; write a list"),
            ("invalid type: null, expected a sequence", "nothing is written here; write a list"),
            ("`10` is not a length of time; write `10s`", "`10` is not a length of time; write `10s`"),
        ] {
            assert_eq!(reworded(message), wanted);
        }
    }
}
