//! The functions policy authors have beside CEL's standard ones.
//!
//! - `scopes.covers('chat.write')`: a granted scope covers itself, everything below it (`chat` covers
//!   `chat.write`; levels are separated by `.`, `:` or `/`), and what a trailing `*` level stands for.
//! - `address.in_cidr('10.0.0.0/8')`, also with a list of networks.
//! - `text.glob('gpt-4o*')`, also with a list of patterns; `*` stands for any text, nothing else is special. Of a model it
//!   asks for the model (`models.rs`).
//! - `bucket(text, n)`: a number from 0 to n - 1, the same for a text everywhere and for ever, and evenly spread.

use std::net::IpAddr;
use std::sync::Arc;

use cel_interpreter::context::Context;
use cel_interpreter::extractors::This;
use cel_interpreter::{DeclarationError, ExecutionError, Value};
use ipnet::IpNet;
use sha2::{Digest as _, Sha256};

use super::glob::{GLOB, any_text, matches_glob};
use super::models;

/// CEL's standard functions and ours; operators and macros have names that no text can call.
const FUNCTIONS: [&str; 33] = [
    "covers",
    "in_cidr",
    "glob",
    "bucket",
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "string",
    "int",
    "uint",
    "double",
    "bool",
    "bytes",
    "timestamp",
    "duration",
    "type",
    "dyn",
    "getFullYear",
    "getMonth",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getHours",
    "getMinutes",
    "getSeconds",
    "getMilliseconds",
    "min",
    "max",
    "has",
    "in",
];

const TYPE_NAMES: [&str; 11] =
    ["bool", "int", "uint", "double", "string", "bytes", "list", "map", "null_type", "timestamp", "duration"];

/// The function that asks for a scope.
pub(super) const COVERS: &str = "covers";

/// The function that draws lots.
pub(super) const BUCKET: &str = "bucket";

pub(super) fn declare(root: &mut Context<'_, '_>) -> Result<(), DeclarationError> {
    root.add_function(COVERS, covers)?;
    root.add_function("in_cidr", in_cidr)?;
    root.add_function(GLOB, glob)?;
    root.add_function(BUCKET, bucket)?;
    root.add_function(models::MODEL_GLOB, models::model_glob)
}

/// # Errors
/// A name that is no function, with the nearest one that is.
pub(super) fn known(name: &str) -> Result<(), String> {
    let is_operator = name.starts_with(['_', '!', '-', '@']) || name.contains('_') && name.ends_with('_');
    if is_operator || FUNCTIONS.contains(&name) {
        return Ok(());
    }
    let alike = FUNCTIONS.iter().map(|candidate| (strsim::levenshtein(candidate, name), candidate)).min();
    // A name that is rewritten for the most part was another one.
    match alike.filter(|(edits, _)| *edits <= 3 && edits.saturating_mul(2) < name.len()) {
        Some((_, nearest)) => Err(format!("there is no function `{name}`; did you mean `{nearest}`?")),
        None => Err(format!(
            "there is no function `{name}`; there are CEL's standard functions and `{}`",
            OWN.join("`, `")
        )),
    }
}

/// Those that policy authors have beside CEL's own.
const OWN: [&str; 4] = [COVERS, "in_cidr", GLOB, BUCKET];

pub(super) fn is_own(name: &str) -> bool {
    OWN.contains(&name)
}

pub(super) fn is_type_name(name: &str) -> bool {
    TYPE_NAMES.contains(&name)
}

fn covers(This(scopes): This<Arc<Vec<Value>>>, wanted: Arc<String>) -> Result<bool, ExecutionError> {
    for scope in scopes.iter() {
        let Value::String(granted) = scope else {
            return Err(ExecutionError::function_error(COVERS, "the scopes must be a list of texts"));
        };
        if scope_covers(granted, &wanted) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// True where whoever was granted the scope `granted` has `wanted` by it.
pub fn scope_covers(granted: &str, wanted: &str) -> bool {
    const SEPARATORS: [char; 3] = ['.', ':', '/'];
    if granted == "*" {
        return true;
    }
    let stem = match granted.strip_suffix('*') {
        Some(stem) if stem.ends_with(SEPARATORS) => stem.trim_end_matches(SEPARATORS),
        Some(_) => return false,
        None => granted,
    };
    match wanted.strip_prefix(stem) {
        Some("") => granted == stem,
        Some(below) => !stem.is_empty() && below.starts_with(SEPARATORS),
        None => false,
    }
}

fn in_cidr(This(address): This<Arc<String>>, networks: Value) -> Result<bool, ExecutionError> {
    let address: IpAddr = address
        .parse()
        .map_err(|_| ExecutionError::function_error("in_cidr", "the address is not an IP address"))?;
    any_text("in_cidr", &networks, |network| {
        let network: IpNet = network.parse().map_err(|_| {
            ExecutionError::function_error(
                "in_cidr",
                format!("`{network}` is not a network; write it such as `10.0.0.0/8`"),
            )
        })?;
        Ok(network.contains(&address.to_canonical()))
    })
}

fn glob(This(text): This<Arc<String>>, patterns: Value) -> Result<bool, ExecutionError> {
    any_text(GLOB, &patterns, |pattern| Ok(matches_glob(pattern, &text)))
}

/// The first eight bytes of the text's SHA-256 as a number, divided: who has the text can work it out elsewhere.
fn bucket(text: Arc<String>, count: i64) -> Result<i64, ExecutionError> {
    let digest = Sha256::digest(text.as_bytes());
    let first = digest.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let count = u64::try_from(count).ok().filter(|count| *count > 0);
    let rest = count.and_then(|count| first.checked_rem(count)).and_then(|rest| i64::try_from(rest).ok());
    rest.ok_or_else(|| ExecutionError::function_error(BUCKET, "there must be one bucket or more"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{bucket, known, scope_covers};

    #[test]
    fn a_text_is_in_one_bucket_for_ever() {
        let of = |text: &str, count| bucket(Arc::new(text.to_owned()), count).ok();
        // `printf alice | sha256sum` begins 2bd806c97f0e00af.
        assert_eq!(of("alice", 100), Some(i64::try_from(0x2bd8_06c9_7f0e_00af_u64 % 100).unwrap()));
        assert_eq!((of("alice", 1), of("alice", 0), of("alice", -5)), (Some(0), None, None));
        let in_the_first =
            (0..10_000).filter(|user| of(&format!("canary user-{user}"), 100) < Some(5)).count();
        assert!((400..600).contains(&in_the_first), "{in_the_first} of 10,000 in 5 of 100 buckets");
    }

    #[test]
    fn a_name_that_is_far_from_all_is_not_corrected() {
        assert_eq!(
            known("startWith"),
            Err("there is no function `startWith`; did you mean `startsWith`?".into())
        );
        for name in ["lowerAscii", "split", "now", "parseJson"] {
            let error = known(name).unwrap_err();
            assert!(!error.contains("did you mean"), "{error}");
        }
    }

    #[test]
    fn scopes_know_hierarchy_and_wildcards() {
        for (granted, wanted, covered, note) in [
            ("chat", "chat", true, "a scope covers itself"),
            ("chat", "chat.write", true, "and everything below it"),
            ("chat", "chat:write", true, "whatever separates the levels"),
            ("chat", "chats", false, "but not a longer word"),
            ("chat.write", "chat", false, "nor what is above it"),
            ("chat.*", "chat.write", true, "a wildcard level covers what is below"),
            ("chat.*", "chat", false, "but not the level itself"),
            ("ch*", "chat", false, "a wildcard stands for a whole level"),
            ("*", "chat.write", true, "the lone wildcard covers all"),
            ("", "chat", false, "an empty scope covers nothing"),
            (".*", "chat", false, "nor does a wildcard without a level"),
            ("chat", "", false, "nothing covers the empty scope but the wildcard"),
        ] {
            assert_eq!(scope_covers(granted, wanted), covered, "{note}");
        }
    }
}
