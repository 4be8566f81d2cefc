//! What came of a call, and how it differs from what its script wants.

use std::collections::BTreeMap;

use serde::Serialize;

use super::script::{Want, Wanted};
use crate::gateway::Call;
use crate::request::Moment;
use crate::upstream::HeaderPatch;

/// The decision, as far as a script can want something of it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Got {
    pub(super) decision: Wanted,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rule: Option<String>,
    /// What only the operator's record says of the denial.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<String>,
    pub(super) shadow: Vec<String>,
    #[serde(skip)]
    answer_headers: BTreeMap<String, String>,
    #[serde(skip)]
    upstream_headers: BTreeMap<String, String>,
}

pub(super) fn got(
    call: &Call,
    patch: Option<&HeaderPatch>,
    sent: Vec<(String, String)>,
    moment: Moment,
) -> Got {
    let denial = call.denial();
    let answer_headers = match call.answer() {
        Some(answer) => answer.headers.into_iter().collect(),
        None => patched(BTreeMap::new(), &call.answer_patch(std::iter::empty(), moment.unix_ms)),
    };
    Got {
        decision: if denial.is_some() { Wanted::Deny } else { Wanted::Allow },
        status: denial.map(|denial| denial.status()),
        reason: denial.map(|denial| denial.reason().code()),
        rule: denial.and_then(|denial| denial.rule()).map(str::to_owned),
        note: denial.and_then(|denial| denial.note()).map(str::to_owned),
        shadow: call.shadow_denials().into_iter().map(str::to_owned).collect(),
        answer_headers,
        upstream_headers: patch.map(|patch| patched(sent.into_iter().collect(), patch)).unwrap_or_default(),
    }
}

fn patched(mut headers: BTreeMap<String, String>, patch: &HeaderPatch) -> BTreeMap<String, String> {
    for name in patch.removals() {
        headers.remove(name);
    }
    for (name, value) in patch.settings() {
        headers.insert(name.to_owned(), String::from_utf8_lossy(value).into_owned());
    }
    headers
}

pub(super) fn unmet(want: &Want, got: &Got) -> Vec<String> {
    if want.decision != got.decision {
        // Nothing else can be right then.
        return vec![format!("decision: wanted `{}`, got `{}`", want.decision, got.decision)];
    }
    let mut unmet = Vec::new();
    let mut compare = |what: &str, wanted: Option<String>, got: Option<String>| {
        if wanted.is_some() && wanted != got {
            let present = |text: Option<String>| text.filter(|text| !text.is_empty());
            let quoted = |text| present(text).map_or("none".to_owned(), |text| format!("`{text}`"));
            unmet.push(format!("{what}: wanted {}, got {}", quoted(wanted), quoted(got)));
        }
    };
    compare(
        "status",
        want.status.map(|status| status.to_string()),
        got.status.map(|status| status.to_string()),
    );
    compare("reason", want.reason.clone(), got.reason.map(str::to_owned));
    compare("rule", want.rule.clone(), got.rule.clone());
    compare("shadow", want.shadow.as_ref().map(|shadow| shadow.join(" ")), Some(got.shadow.join(" ")));
    for (name, value) in &want.answer_headers {
        compare(
            &format!("answer header `{name}`"),
            Some(value.clone()),
            got.answer_headers.get(name).cloned(),
        );
    }
    for (name, value) in &want.upstream_headers {
        compare(
            &format!("upstream header `{name}`"),
            Some(value.clone()),
            got.upstream_headers.get(name).cloned(),
        );
    }
    for name in want.upstream_absent.iter().filter(|name| got.upstream_headers.contains_key(*name)) {
        unmet.push(format!("upstream header `{name}`: wanted none, got one"));
    }
    unmet
}
