//! The tables of operations, one or more per dialect, and the row of them that a method and path find.

mod anthropic;
mod azure;
mod bedrock;
mod compatible;
mod gemini;
mod openai;
pub(super) mod row;
mod vertex;

use super::path::Path;
use super::pattern::{below, bind};
use crate::request::{Dialect, Wire};
use row::Row;

/// What the tables say of a method and path.
pub(super) enum Found {
    Row {
        row: &'static Row,
        wire: Wire,
        model: Option<String>,
    },
    /// No row; the methods with which the path would have one.
    Other(Vec<&'static str>),
}

/// The first row of the dialect's tables that matches.
pub(super) fn find(dialect: Dialect, method: &str, path: &Path<'_>) -> Found {
    let mut methods = Vec::new();
    for table in tables(dialect) {
        let Some(below) = below(table.base, path.segments()) else { continue };
        for row in table.rows {
            let Some(model) = bind(table.pattern(row), below) else { continue };
            if row.method == method {
                return Found::Row { row, wire: table.wire, model };
            }
            if !methods.contains(&row.method) {
                methods.push(row.method);
            }
        }
    }
    Found::Other(methods)
}

/// In whose words the dialect answers at this path, be it known or not.
pub(super) fn wire_at(dialect: Dialect, path: &str) -> Wire {
    let is_there = |table: &&Table| !table.landmark().is_empty() && path.contains(table.landmark());
    tables(dialect).iter().find(is_there).map_or_else(|| dialect.wire(), |table| table.wire)
}

/// Rows under a base path, and in whose words they are.
pub(super) struct Table {
    /// It may have places, as a row's path.
    pub(super) base: &'static str,
    /// What is left out at the beginning of each row's path.
    pub(super) without: &'static str,
    pub(super) rows: &'static [Row],
    pub(super) wire: Wire,
}

impl Table {
    const fn of(wire: Wire, base: &'static str, rows: &'static [Row]) -> Self {
        Self { base, without: "", rows, wire }
    }

    const fn without(self, without: &'static str) -> Self {
        Self { without, ..self }
    }

    /// What a path below the base has in it, whatever stands before: the base behind its last place.
    fn landmark(&self) -> &'static str {
        self.base.rsplit_once('}').map_or(self.base, |(_, behind)| behind)
    }

    /// The row's path below the base.
    pub(super) fn pattern(&self, row: &Row) -> &'static str {
        row.path.strip_prefix(self.without).unwrap_or(row.path)
    }
}

pub(super) fn tables(dialect: Dialect) -> &'static [Table] {
    use Wire::{Anthropic, Azure, Bedrock, Gemini, Openai};
    const OPENAI: &[Table] = &[
        // Without places, which would take their names for ids.
        Table::of(Openai, "", compatible::ROWS),
        Table::of(Openai, "", openai::ROWS),
        // Base URLs that end before the version, as DeepSeek's does.
        Table::of(Openai, "", compatible::ROWS).without("/v1"),
        Table::of(Openai, "", openai::ROWS).without("/v1"),
    ];
    const AZURE: &[Table] = &[
        Table::of(Azure, "/openai", azure::ROWS),
        Table::of(Azure, "/openai", openai::ROWS),
        // The same under an `api-version`.
        Table::of(Azure, "/openai", openai::ROWS).without("/v1"),
        Table::of(Azure, "", azure::ENDPOINT_ROWS),
    ];
    const ANTHROPIC: &[Table] = &[Table::of(Anthropic, "", anthropic::ROWS)];
    const BEDROCK: &[Table] = &[Table::of(Bedrock, "", bedrock::ROWS)];
    const GEMINI: &[Table] = &[
        Table::of(Gemini, "", gemini::ROWS),
        Table::of(Openai, "/v1beta/openai", gemini::OPENAI_ROWS),
        Table::of(Openai, "/v1alpha/openai", gemini::OPENAI_ROWS),
        Table::of(Openai, "/v1/openai", gemini::OPENAI_ROWS),
    ];
    const VERTEX: &[Table] = &[
        Table::of(Gemini, vertex::GOOGLE, vertex::GOOGLE_ROWS),
        Table::of(Anthropic, vertex::ANTHROPIC, vertex::ANTHROPIC_ROWS),
        Table::of(Openai, vertex::OPENAPI, vertex::OPENAPI_ROWS),
    ];
    match dialect {
        Dialect::Openai => OPENAI,
        Dialect::Azure => AZURE,
        Dialect::Anthropic => ANTHROPIC,
        Dialect::Gemini => GEMINI,
        Dialect::Vertex => VERTEX,
        Dialect::Bedrock => BEDROCK,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::tables;
    use crate::dialect::operation::{BodyForm, ModelPlace, Operation};
    use crate::request::Dialect;

    const PLACES: [&str; 10] = [
        "{id}",
        "{model}",
        "{slug}",
        "{name}",
        "{tuned}",
        "{arn}",
        "{resource}",
        "{version}",
        "{project}",
        "{location}",
    ];

    #[test]
    fn every_row_is_well_formed_and_written_once() {
        for table in Dialect::ALL.into_iter().flat_map(tables) {
            let mut seen = BTreeSet::new();
            for row in table.rows {
                assert!(seen.insert((row.method, row.path)), "{} {} twice", row.method, row.path);
                assert!(row.path.starts_with('/') && !row.path.ends_with('/'), "{}", row.path);
                assert!(Operation::NAMES.contains(&row.name), "{}", row.name);
                let segments = table.base.split('/').chain(row.path.split('/'));
                for place in segments.filter(|part| part.starts_with('{')) {
                    let place = place.split(':').next().unwrap();
                    assert!(PLACES.contains(&place), "{}", row.path);
                }
            }
        }
    }

    #[test]
    fn a_row_has_its_model_where_it_says() {
        for row in Dialect::ALL.into_iter().flat_map(tables).flat_map(|table| table.rows) {
            let in_path = ["{model}", "{slug}", "{name}", "{tuned}", "{arn}"]
                .iter()
                .any(|place| row.path.contains(place));
            let profile = row.profile;
            assert_eq!(in_path, profile.model == ModelPlace::Path, "{}", row.path);
            let form = match profile.model {
                ModelPlace::Body => Some(BodyForm::Json),
                ModelPlace::Multipart => Some(BodyForm::Multipart),
                ModelPlace::Query => Some(BodyForm::Upgrade),
                ModelPlace::Path | ModelPlace::Elsewhere | ModelPlace::None => None,
            };
            let is_taken = |form| {
                let both = form == BodyForm::Multipart && profile.body == BodyForm::JsonOrMultipart;
                form == profile.body || both
            };
            assert!(form.is_none_or(is_taken), "{}", row.path);
        }
    }

    #[test]
    fn every_name_of_the_closed_list_is_used() {
        let used: BTreeSet<_> = Dialect::ALL
            .into_iter()
            .flat_map(tables)
            .flat_map(|table| table.rows)
            .map(|row| row.name)
            .collect();
        assert_eq!(used.into_iter().collect::<Vec<_>>(), Operation::NAMES);
    }
}
