//! Every operation of the tables in words, for documents.

use super::table::row::Row;
use super::table::tables;
use crate::dialect::operation::profile::{Metering, State, Streaming};
use crate::dialect::operation::{BodyForm, ModelPlace};
use crate::request::Dialect;

/// One operation of a dialect, each column a word or two.
#[derive(Debug, PartialEq, Eq)]
pub struct KnownOperation {
    pub method: &'static str,
    /// With places in braces.
    pub path: String,
    pub name: &'static str,
    pub account: &'static str,
    pub model: &'static str,
    pub body: &'static str,
    pub cost: &'static str,
    pub stream: &'static str,
}

/// The operations of a dialect in the order in which they are looked for; those that only repeat others at another path
/// are left out.
pub fn known_operations(dialect: Dialect) -> Vec<KnownOperation> {
    let own = tables(dialect).iter().filter(|table| table.without.is_empty());
    let rows = own.flat_map(|table| table.rows.iter().map(move |row| (table.base, row)));
    rows.map(|(base, row)| in_words(base, row)).collect()
}

fn in_words(base: &str, row: &Row) -> KnownOperation {
    let profile = row.profile;
    KnownOperation {
        method: row.method,
        path: format!("{base}{}", row.path),
        name: row.name,
        account: match profile.state {
            State::Stateless => "any",
            State::Stateful => "own",
        },
        model: match profile.model {
            ModelPlace::Path => "path",
            ModelPlace::Body => "body",
            ModelPlace::Query => "query",
            ModelPlace::Multipart => "form",
            ModelPlace::Elsewhere => "unseen",
            ModelPlace::None => "none",
        },
        body: match profile.body {
            BodyForm::Json => "JSON",
            BodyForm::Multipart => "form",
            BodyForm::JsonOrMultipart => "JSON or form",
            BodyForm::None => "none",
            BodyForm::Upgrade => "WebSocket",
            BodyForm::Opaque => "unread",
        },
        cost: match profile.metering {
            Metering::Metered => "told",
            Metering::Later => "later",
            Metering::Unmetered => "none",
        },
        stream: match profile.streaming {
            Streaming::BodySays => "as asked",
            Streaming::Always => "always",
            Streaming::Never => "never",
        },
    }
}
