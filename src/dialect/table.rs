//! Rows of (method, path pattern) and what each says of an operation; the tables are in the dialects' files.
//!
//! A pattern's segment is a literal or one of the places `{id}` (any), `{model}` (the model), `{slug}` (the model, which
//! may be several segments; the last place), `{name}` (the model, without a colon), `{tuned}` (a tuned model of Gemini),
//! `{arn}` (a Bedrock modelId, which may hold a slash), `{resource}` (an id of Bedrock, which may too) and `{version}`
//! (Google's). A place may be followed by `:verb`, as Google writes it.

use super::path::{Path, Segment};
use super::row::Row;
use super::{anthropic, azure, bedrock, compatible, gemini, openai};
use crate::request::Dialect;

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

/// The model a pattern finds in the segments, if it has a place for one; `None` where it does not match.
pub(super) fn bind(pattern: &str, segments: &[Segment<'_>]) -> Option<Option<String>> {
    let mut model = None;
    let mut segments = segments.iter();
    for wanted in pattern.trim_start_matches('/').split('/') {
        if wanted == "{slug}" {
            let rest: Vec<_> = segments.map(Segment::text).collect();
            return (!rest.is_empty()).then(|| Some(rest.join("/")));
        }
        match bind_segment(wanted, segments.next()?.text()) {
            Binding::Different => return None,
            Binding::Same => {}
            Binding::Model(name) => model = Some(name),
        }
    }
    segments.next().is_none().then_some(model)
}

enum Binding {
    Different,
    Same,
    Model(String),
}

fn bind_segment(wanted: &str, text: &str) -> Binding {
    if !wanted.starts_with('{') {
        return if wanted == text { Binding::Same } else { Binding::Different };
    }
    let (place, text) = match wanted.split_once(':') {
        None => (wanted, text),
        Some((place, verb)) => match text.rsplit_once(':') {
            Some((text, sent)) if sent == verb && !text.is_empty() => (place, text),
            _ => return Binding::Different,
        },
    };
    match place {
        "{arn}" => Binding::Model(text.to_owned()),
        "{resource}" => Binding::Same,
        _ if text.contains('/') => Binding::Different,
        "{model}" => Binding::Model(text.to_owned()),
        "{name}" if !text.contains(':') => Binding::Model(text.to_owned()),
        "{tuned}" if !text.contains(':') => Binding::Model(format!("tunedModels/{text}")),
        "{id}" => Binding::Same,
        "{version}" if matches!(text, "v1" | "v1beta" | "v1alpha" | "v1beta1") => Binding::Same,
        _ => Binding::Different,
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
