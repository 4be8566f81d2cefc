//! Which projects and locations of Vertex AI a caller may spend on.

use serde_json::{Value, json};

use super::{attach, compiled, head, setting};
use crate::denial::Reason;
use crate::dialect::recognise;
use crate::policy::fixture::{Case, merged};
use crate::request::Dialect;

fn entry(change: Value) -> Value {
    let plain = json!({ "dialect": "vertex", "projects": ["acme-prod", "123456"], "locations": ["us-east5", "global"] });
    merged(plain, change)
}

#[test]
fn a_list_that_cannot_hold_is_refused() {
    for (change, want, note) in [
        (
            json!({ "dialect": "vertex" }),
            "upstreams[0].projects: callers write projects into the path, and the credential may reach more than they may use; name those that this upstream is for, such as `acme-prod`",
            "no projects",
        ),
        (entry(json!({ "projects": [] })), "upstreams[0].projects: callers write projects", "an empty list"),
        (
            json!({ "dialect": "vertex", "projects": ["acme-prod"] }),
            "upstreams[0].locations: callers write locations into the path, and the credential may reach more than they may use; name those that this upstream is for, such as `us-central1`",
            "no locations",
        ),
        (
            entry(json!({ "projects": ["a", "*"] })),
            "upstreams[0].projects[1]: `*` cannot stand in a path",
            "any",
        ),
        (
            entry(json!({ "projects": ["-"] })),
            "upstreams[0].projects[0]: `-` cannot",
            "Google's word for any",
        ),
        (entry(json!({ "projects": ["Acme"] })), "upstreams[0].projects[0]: `Acme` cannot", "another case"),
        (entry(json!({ "projects": ["a/b"] })), "upstreams[0].projects[0]: `a/b` cannot", "two segments"),
        (entry(json!({ "locations": [""] })), "upstreams[0].locations[0]: `` cannot", "nothing"),
        (
            json!({ "projects": ["acme-prod"] }),
            "upstreams[0].projects: `openai` has no projects in its paths; leave this out",
            "for another dialect",
        ),
        (
            json!({ "dialect": "gemini", "locations": [] }),
            "upstreams[0].locations: `gemini` has no locations in its paths; leave this out",
            "even an empty list",
        ),
        (
            entry(json!({ "operations": [
                { "method": "POST", "path": "/v1/publishers/google/models/*", "operation": "mine" }
            ] })),
            "upstreams[0].operations[0].path: `/v1/publishers/google/models/*` names no project and location, of which each request needs its own; begin it with `/v1/projects/*/locations/*`",
            "an operation that could be anywhere",
        ),
        (
            json!({ "quota_project": "acme-prod" }),
            "upstreams[0].quota_project: `openai` counts against no project of Google Cloud; leave this out",
            "a quota elsewhere",
        ),
        (
            entry(json!({ "quota_project": "a b" })),
            "upstreams[0].quota_project: `a b` is no project; write its id or number",
            "no project",
        ),
    ] {
        let error = compiled(&[change]).map(|_| ()).unwrap_err();
        assert!(error.starts_with(want), "{note}: {error}");
    }
    let listed = json!({ "operations": [
        { "method": "POST", "path": "/v1/projects/*/locations/*/endpoints/*", "operation": "mine" }
    ] });
    assert!(compiled(&[entry(listed)]).is_ok());
}

#[test]
fn a_caller_spends_where_the_entry_says_and_nowhere_else() {
    let upstreams = compiled(&[entry(json!({})), json!({ "cluster": "other" })]).unwrap();
    let upstream = upstreams.select(Some("openai")).unwrap();
    for (project, location, want, note) in [
        ("acme-prod", "us-east5", None, "a listed one"),
        ("123456", "global", None, "by its number"),
        ("%61cme-prod", "us-east5", None, "with an escape"),
        ("acme-prod", "us%2Deast5", None, "with another"),
        ("other", "us-east5", Some("project"), "another project"),
        ("acme-prod", "europe-west1", Some("location"), "another location"),
        ("ACME-PROD", "us-east5", Some("project"), "another case"),
        ("acme-prod", "US-EAST5", Some("location"), "of the location"),
        ("acme-prod.", "us-east5", Some("project"), "a dot behind"),
        ("acme%C2%ADprod", "us-east5", Some("project"), "a soft hyphen"),
        ("acme%E2%80%90prod", "us-east5", Some("project"), "what looks the same"),
        ("%20acme-prod", "us-east5", Some("project"), "a blank before"),
        ("example.com:acme-prod", "us-east5", Some("project"), "a domain before"),
        ("-", "-", Some("project"), "Google's word for any"),
        ("*", "us-east5", Some("project"), "a star"),
    ] {
        let path =
            format!("/v1/projects/{project}/locations/{location}/publishers/google/models/m:generateContent");
        let operation = recognise(Dialect::Vertex, &head("POST", &path, &[]), None, &[]).unwrap();
        let refused = upstream.require_place(&operation).err();
        let told = refused.map(|denial| {
            assert_eq!(denial.reason(), Reason::TenantMismatch, "{note}");
            denial.message()
        });
        let want = want.map(|what| format!("names a {what} that this gateway does not serve here"));
        assert_eq!(told.is_some(), want.is_some(), "{note}: {told:?}");
        assert!(want.is_none_or(|want| told.is_some_and(|told| told.ends_with(&want))), "{note}");
    }
    let elsewhere = upstreams.select(Some("other")).unwrap();
    let chat = recognise(Dialect::Openai, &head("POST", "/v1/chat/completions", &[]), None, &[]).unwrap();
    assert!(elsewhere.require_place(&chat).is_ok(), "other dialects have no places");
}

#[test]
fn the_quota_project_is_the_entrys_and_never_the_callers() {
    let path = "/v1/projects/acme-prod/locations/global/publishers/google/models/m:generateContent";
    let case =
        Case { head: head("POST", path, &[("x-goog-user-project", "spoofed")]), ..Case::with_key(json!({})) };
    for (change, want) in [(json!({}), None), (json!({ "quota_project": "acme-quota" }), Some("acme-quota"))]
    {
        let patch = attach(entry(change), &case).unwrap();
        assert!(patch.removals().any(|name| name == "x-goog-user-project"));
        assert_eq!(setting(&patch, "x-goog-user-project").as_deref(), want);
    }
}

#[test]
fn what_is_stored_is_a_projects_whoever_has_a_credential_for_it() {
    let per_tenant =
        json!({ "credential": { "per_tenant": { "tenants": { "acme": "ACME", "globex": "GLOBEX" } } } });
    let of = |tenant: &str, project: &str, key: &str| {
        entry(json!({ "tenant": tenant, "projects": [project], "credential": { "env": key } }))
    };
    let envoys = entry(json!({ "tenant": "acme", "projects": ["a"], "credential": "envoy" }));
    let other = |entry: Value| merged(entry, json!({ "cluster": "other" }));
    for (upstream, beside, is_exclusive, note) in [
        (of("acme", "a", "ACME"), of("globex", "b", "GLOBEX"), true, "a project each"),
        (of("acme", "a", "ACME"), of("globex", "a", "GLOBEX"), false, "one project by two credentials"),
        (of("acme", "a", "ACME"), of("acme", "a", "GLOBEX"), true, "one tenant by two"),
        (envoys.clone(), of("globex", "b", "GLOBEX"), true, "Envoy's credential"),
        (envoys, of("globex", "a", "GLOBEX"), false, "Envoy's, and another in the same project"),
        (entry(per_tenant), of("initech", "b", "INITECH"), false, "each tenant may write each project"),
    ] {
        let upstreams = compiled(&[upstream, other(beside)]).unwrap();
        let principal = Case::with_key(json!({ "tenant": "acme" })).principal;
        let upstream = upstreams.select(Some("openai")).unwrap();
        assert_eq!(upstream.is_exclusive_to(&principal), is_exclusive, "{note}");
        assert!(is_exclusive || !upstream.belongs_to_tenants() || upstream.tenant.is_some(), "{note}");
    }
}
