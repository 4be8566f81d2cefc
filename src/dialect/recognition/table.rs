//! The tables of operations, one or more per dialect, and the row of them that a method and path find.

mod anthropic;
mod azure;
mod bedrock;
mod compatible;
mod gemini;
mod openai;
pub(super) mod row;

use super::path::Path;
use super::pattern::bind;
use crate::request::Dialect;
use row::Row;

/// What the tables say of a method and path.
pub(super) enum Found {
    Row {
        row: &'static Row,
        wire: Dialect,
        model: Option<String>,
    },
    /// No row; the methods with which the path would have one.
    Other(Vec<&'static str>),
}

/// The first row of the dialect's tables that matches.
pub(super) fn find(dialect: Dialect, method: &str, path: &Path<'_>) -> Found {
    let mut methods = Vec::new();
    for table in tables(dialect) {
        let Some(path) = path.without_prefix(Some(table.base)) else { continue };
        for row in table.rows {
            let Some(model) = bind(table.pattern(row), path.segments()) else { continue };
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

/// Rows under a base path, and the dialect whose keys their bodies have.
pub(super) struct Table {
    pub(super) base: &'static str,
    /// What is left out at the beginning of each row's path.
    pub(super) without: &'static str,
    pub(super) rows: &'static [Row],
    pub(super) wire: Dialect,
}

impl Table {
    const fn of(wire: Dialect, base: &'static str, rows: &'static [Row]) -> Self {
        Self { base, without: "", rows, wire }
    }

    const fn without(self, without: &'static str) -> Self {
        Self { without, ..self }
    }

    /// The row's path below the base.
    pub(super) fn pattern(&self, row: &Row) -> &'static str {
        row.path.strip_prefix(self.without).unwrap_or(row.path)
    }
}

pub(super) fn tables(dialect: Dialect) -> &'static [Table] {
    use Dialect::{Gemini, Openai};
    const OPENAI: &[Table] = &[
        // Without places, which would take their names for ids.
        Table::of(Openai, "", compatible::ROWS),
        Table::of(Openai, "", openai::ROWS),
        // Base URLs that end before the version, as DeepSeek's does.
        Table::of(Openai, "", compatible::ROWS).without("/v1"),
        Table::of(Openai, "", openai::ROWS).without("/v1"),
    ];
    const AZURE: &[Table] = &[
        Table::of(Openai, "/openai", azure::ROWS),
        Table::of(Openai, "/openai", openai::ROWS),
        // The same under an `api-version`.
        Table::of(Openai, "/openai", openai::ROWS).without("/v1"),
        Table::of(Openai, "", azure::ENDPOINT_ROWS),
    ];
    const ANTHROPIC: &[Table] = &[Table::of(Dialect::Anthropic, "", anthropic::ROWS)];
    const BEDROCK: &[Table] = &[Table::of(Dialect::Bedrock, "", bedrock::ROWS)];
    const GEMINI: &[Table] = &[
        Table::of(Gemini, "", gemini::ROWS),
        Table::of(Openai, "/v1beta/openai", gemini::OPENAI_ROWS),
        Table::of(Openai, "/v1alpha/openai", gemini::OPENAI_ROWS),
        Table::of(Openai, "/v1/openai", gemini::OPENAI_ROWS),
    ];
    match dialect {
        Dialect::Openai => OPENAI,
        Dialect::Azure => AZURE,
        Dialect::Anthropic => ANTHROPIC,
        Dialect::Gemini => GEMINI,
        Dialect::Bedrock => BEDROCK,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::tables;
    use crate::dialect::operation::{BodyForm, ModelPlace, Operation};
    use crate::request::Dialect;

    const PLACES: [&str; 8] =
        ["{id}", "{model}", "{slug}", "{name}", "{tuned}", "{arn}", "{resource}", "{version}"];

    #[test]
    fn every_row_is_well_formed_and_written_once() {
        for table in Dialect::ALL.into_iter().flat_map(tables) {
            let mut seen = BTreeSet::new();
            for row in table.rows {
                assert!(seen.insert((row.method, row.path)), "{} {} twice", row.method, row.path);
                assert!(row.path.starts_with('/') && !row.path.ends_with('/'), "{}", row.path);
                assert!(Operation::NAMES.contains(&row.name), "{}", row.name);
                for place in row.path.split('/').filter(|part| part.starts_with('{')) {
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
