//! The pattern of a path in a table, and the model that it finds there.
//!
//! A pattern's segment is a literal or one of the places `{id}` (any), `{model}` (the model), `{slug}` (the model, which
//! may be several segments; the last place), `{name}` (the model, without a colon), `{tuned}` (a tuned model of Gemini),
//! `{arn}` (a Bedrock modelId, which may hold a slash), `{resource}` (an id of Bedrock, which may too), and Google's
//! `{version}`, `{project}` and `{location}`. A place may be followed by `:verb`, as Google writes it.

use super::path::Segment;

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

/// What stands below a base, which has no place for a model; `None` where the segments do not begin with it.
pub(super) fn below<'a, 'r>(base: &str, segments: &'a [Segment<'r>]) -> Option<&'a [Segment<'r>]> {
    let mut rest = segments;
    for wanted in base.split('/').filter(|part| !part.is_empty()) {
        let (first, below) = rest.split_first()?;
        match bind_segment(wanted, first.text()) {
            Binding::Same => rest = below,
            Binding::Different | Binding::Model(_) => return None,
        }
    }
    Some(rest)
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
        "{id}" | "{project}" | "{location}" => Binding::Same,
        "{version}" if matches!(text, "v1" | "v1beta" | "v1alpha" | "v1beta1") => Binding::Same,
        _ => Binding::Different,
    }
}
