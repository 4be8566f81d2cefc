//! One line of a log, and the record in it.
//!
//! A record is the whole line, or its end behind whatever an access log has before it, or the one member of a JSON object that is
//! a record. What stands beside it may hold what callers chose, such as a path, and could look like one: in text the record is
//! what ends the line, and of two in an object neither is believed.

use std::borrow::Cow;
use std::fmt;

use serde_json::{Map, Value};

use super::billed_record::BilledRecord;

/// What every record begins with.
const BEGINNING: &[u8] = br#"{"time":""#;
/// What Envoy writes where the filter has set no record.
const NO_RECORD: &[u8] = b"-";

/// What came of one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Record,
    /// An empty line, or one of a request that the filter never saw.
    Nothing,
    Damaged(Damage),
}

/// Why there is no record where one is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Damage {
    TooLong,
    NoRecord,
    Unreadable,
    /// Either could be what a caller wrote.
    TwoRecords,
}

impl fmt::Display for Damage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::TooLong => "the line is longer than 1 MiB",
            Self::NoRecord => "the line holds no audit record",
            Self::Unreadable => "the audit record is damaged",
            Self::TwoRecords => "the line holds two audit records",
        })
    }
}

/// Finds the record in a line and hands it to `take`.
pub(super) fn read<E>(
    line: &[u8],
    take: &mut dyn FnMut(BilledRecord<'_>) -> Result<(), E>,
) -> Result<Found, E> {
    let line = line.trim_ascii();
    if line.is_empty() || line == NO_RECORD || line.ends_with(b" -") {
        return Ok(Found::Nothing);
    }
    // A record's own texts have their quotes escaped, so that the last beginning is its own.
    let begins_at = memchr::memmem::rfind(line, BEGINNING);
    match begins_at {
        Some(at) if at == 0 || !line.starts_with(b"{") => {
            let text = line.get(at..).unwrap_or_default();
            match BilledRecord::read(text) {
                Ok(record) => take(record).map(|()| Found::Record),
                Err(_) => Ok(Found::Damaged(Damage::Unreadable)),
            }
        }
        _ => match serde_json::from_slice::<Value>(line) {
            Ok(Value::Object(members)) => read_member(&members, take),
            _ if begins_at.is_some() => Ok(Found::Damaged(Damage::Unreadable)),
            _ => Ok(Found::Damaged(Damage::NoRecord)),
        },
    }
}

/// Finds the record among the members of a JSON access log's line, as an object or as text.
fn read_member<E>(
    members: &Map<String, Value>,
    take: &mut dyn FnMut(BilledRecord<'_>) -> Result<(), E>,
) -> Result<Found, E> {
    let texts = members.values().filter_map(|member| match member {
        Value::String(text) => Some(Cow::Borrowed(text.as_str())),
        Value::Object(_) => Some(Cow::Owned(member.to_string())),
        _ => None,
    });
    let records: Vec<_> =
        texts.filter(|text| serde_json::from_str::<BilledRecord<'_>>(text).is_ok()).take(2).collect();
    match records.as_slice() {
        [] if members.contains_key("claimgate.decision") => Ok(Found::Damaged(Damage::Unreadable)),
        [] => Ok(Found::Nothing),
        [text] => match BilledRecord::read(text.as_bytes()) {
            Ok(record) => take(record).map(|()| Found::Record),
            Err(_) => Ok(Found::Damaged(Damage::Unreadable)),
        },
        _ => Ok(Found::Damaged(Damage::TwoRecords)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Damage, Found, read};

    const RECORD: &str = r#"{"time":"2026-11-26T12:00:00.000Z","claimgate.decision":"allow","claimgate.principal.tenant":"acme","url.path":"/a{\"time\":\""}"#;

    /// What was found in a line, and whose record it is.
    fn found(line: &str) -> (Found, String) {
        let mut tenant = String::new();
        let found = read::<()>(line.as_bytes(), &mut |record| {
            tenant = record.tenant.as_ref().map(|tenant| tenant.as_str().to_owned()).unwrap_or_default();
            Ok(())
        });
        (found.unwrap(), tenant)
    }

    #[test]
    fn a_record_is_found_wherever_an_access_log_puts_it() {
        let nested = serde_json::json!({ "status": 200, "audit": RECORD }).to_string();
        let inside = format!(r#"{{"path":"/a","audit":{RECORD}}}"#);
        let forged = RECORD.replace("acme", "forged");
        for (line, note) in [
            (RECORD.to_owned(), "alone"),
            (format!("  {RECORD}\r"), "with space around it"),
            (format!("/v1/chat?a={{ {RECORD}"), "behind a path"),
            (format!("2026-11-26T12:00:00Z stdout F {RECORD}"), "behind what a container runtime writes"),
            (nested, "as text in a JSON access log"),
            (inside, "as an object in a JSON access log"),
            (format!("/{forged} {RECORD}"), "behind a path that looks like one"),
            (format!(r#"/{{"time":" {RECORD}"#), "behind the beginning of one"),
        ] {
            assert_eq!(found(&line), (Found::Record, "acme".to_owned()), "{note}");
        }
    }

    #[test]
    fn what_is_no_record_is_told_apart() {
        let damaged = |damage| Found::Damaged(damage);
        let forged = serde_json::json!({ "user_agent": RECORD.replace("acme", "forged"), "audit": RECORD });
        for (line, want) in [
            ("", Found::Nothing),
            ("-", Found::Nothing),
            ("/a%2fb -", Found::Nothing),
            (r#"{"status":400,"audit":null}"#, Found::Nothing),
            (RECORD.split_at(60).0, damaged(Damage::Unreadable)),
            (&RECORD.replace("allow", "perhaps"), damaged(Damage::Unreadable)),
            (&RECORD.replace("2026", "20x6"), damaged(Damage::Unreadable)),
            (&format!("{RECORD}{RECORD}"), damaged(Damage::Unreadable)),
            (&format!("{RECORD} 200"), damaged(Damage::Unreadable)),
            (&forged.to_string(), damaged(Damage::TwoRecords)),
            ("something else", damaged(Damage::NoRecord)),
            ("[1, 2]", damaged(Damage::NoRecord)),
            ("\u{0}\u{1}", damaged(Damage::NoRecord)),
        ] {
            assert_eq!(found(line), (want, String::new()), "{line}");
        }
    }
}
