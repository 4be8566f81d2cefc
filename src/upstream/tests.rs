//! What reaches a provider and what does not, and which configuration is refused.

mod compiling;
mod headers;
mod places;

use std::rc::Rc;

use serde_json::{Value, json};

use super::{HeaderPatch, Proofs, Upstreams};
use crate::config::{self, Attach};
use crate::credentials::Credentials;
use crate::denial::{Denial, Reason};
use crate::dialect;
use crate::expression::Engine;
use crate::ledger::{Allotments, Ledger, MemoryStore};
use crate::policy::PolicySet;
use crate::policy::fixture::{Case, NOW_MS, head, merged};
use crate::quota::{Admitting, QuotaContext, QuotaSet, Size, UnreportedCharges};
use crate::request::Dialect;
use crate::secret::Secret;

/// An environment in which each variable holds its own name in lower case, but for those named `ABSENT…`
/// and `EMPTY`; `SAME…` all hold one value.
fn environment(name: &str) -> Option<Secret> {
    match name {
        name if name.starts_with("ABSENT") => None,
        "EMPTY" => Some(Secret::new("")),
        "BROKEN" => Some(Secret::new("sk-1\n")),
        "BINARY" => Some(Secret::new(vec![0xff, 0xfe])),
        name if name.starts_with("SAME") => Some(Secret::new("sk-same")),
        name => Some(Secret::new(format!("sk-{}", name.to_lowercase()))),
    }
}

fn compiled(entries: &[Value]) -> Result<Upstreams, String> {
    let entry = |change: &Value| {
        let plain = json!({ "cluster": "openai", "dialect": "openai", "credential": { "env": "KEY" } });
        serde_json::from_value(merged(plain, change.clone())).unwrap()
    };
    let entries: Vec<config::Upstream> = entries.iter().map(entry).collect();
    Upstreams::compile(&entries, &Credentials::default(), &environment).map_err(|error| error.to_string())
}

/// What an entry says of this dialect at least.
fn speaking(dialect: Dialect) -> Value {
    let entry = json!({ "dialect": dialect.name() });
    match dialect {
        Dialect::Vertex => merged(entry, json!({ "projects": ["acme-prod"], "locations": ["global"] })),
        _ => entry,
    }
}

/// What permits a call that no rule and no quota stands against.
fn proofs(case: &Case) -> Proofs {
    let engine = Engine::new().unwrap();
    let rule = serde_json::from_value(json!({ "file": "all.cel", "expression": "true" })).unwrap();
    let permit = PolicySet::compile(&[rule], &engine).unwrap().authorize(&engine, &case.facts()).unwrap();
    let (ledger, store) = (Ledger::new(), MemoryStore::new());
    let (allotments, debts) = (Allotments::default(), UnreportedCharges::default());
    let till = QuotaContext {
        ledger: &ledger,
        store: &store,
        allotments: &allotments,
        unreported: &debts,
        now_ms: NOW_MS,
    };
    let quotas = QuotaSet::compile(&[], None, &engine).unwrap();
    let charges = quotas.charges(&engine, &case.facts()).unwrap();
    let Ok(Admitting::Done(admission)) = quotas.admit(&charges, &Size::default(), till) else { panic!() };
    Proofs { permit: Rc::new(permit), admission }
}

/// Attaches under the upstream that `change` makes, to the first cluster.
fn attach(change: Value, case: &Case) -> Result<HeaderPatch, Denial> {
    let upstreams = compiled(&[change]).unwrap();
    let upstream = upstreams.iter().next().unwrap();
    let attachment = upstream.prepare(&case.principal, &case.operation, None, Attach::InChain)?;
    Ok(upstream.attach(&proofs(case), &attachment, None, &case.head))
}

fn setting(patch: &HeaderPatch, wanted: &str) -> Option<String> {
    let mut found = patch.settings().filter(|(name, _)| *name == wanted);
    let value = found.next().map(|(_, value)| String::from_utf8(value.to_vec()).unwrap());
    assert!(found.next().is_none(), "`{wanted}` is set twice");
    value
}

#[test]
fn the_credential_goes_where_the_dialect_wants_it() {
    for (dialect, path, name, value, note) in [
        (Dialect::Openai, "/v1/chat/completions", "authorization", "Bearer sk-key", "OpenAI"),
        (Dialect::Azure, "/openai/deployments/d/chat/completions", "api-key", "sk-key", "Azure OpenAI"),
        (Dialect::Azure, "/openai/v1/chat/completions", "api-key", "sk-key", "Azure in OpenAI's words"),
        (Dialect::Anthropic, "/v1/messages", "x-api-key", "sk-key", "Anthropic"),
        (Dialect::Gemini, "/v1beta/models/g:generateContent", "x-goog-api-key", "sk-key", "Gemini"),
        (
            Dialect::Gemini,
            "/v1beta/openai/chat/completions",
            "authorization",
            "Bearer sk-key",
            "in OpenAI's words",
        ),
        (Dialect::Bedrock, "/model/m/converse", "authorization", "Bearer sk-key", "Bedrock"),
        (
            Dialect::Vertex,
            "/v1/projects/acme-prod/locations/global/publishers/anthropic/models/m:rawPredict",
            "authorization",
            "Bearer sk-key",
            "Vertex, whose words they may be",
        ),
    ] {
        let mut case = Case::with_key(json!({}));
        case.operation = dialect::recognise(dialect, &head("POST", path, &[]), None, &[]).unwrap();
        let patch = attach(speaking(dialect), &case).unwrap();
        assert_eq!(setting(&patch, name).as_deref(), Some(value), "{note}");
        let carriers = ["authorization", "api-key", "x-api-key", "x-goog-api-key"];
        let set = carriers.iter().filter(|carrier| setting(&patch, carrier).is_some()).count();
        assert_eq!(set, 1, "{note}: the credential goes to one place");
        assert!(!format!("{patch:?}").contains("sk-key"), "{note}: it is not printed");
    }
}

#[test]
fn anthropic_is_told_a_version_where_the_caller_names_none() {
    for (headers, version, note) in [
        (vec![], Some("2023-06-01"), "none was sent"),
        (vec![("anthropic-version", "2024-01-01")], None, "the caller's stays"),
    ] {
        let case = Case { head: head("POST", "/v1/messages", &headers), ..Case::with_key(json!({})) };
        let patch = attach(json!({ "dialect": "anthropic" }), &case).unwrap();
        assert_eq!(setting(&patch, "anthropic-version").as_deref(), version, "{note}");
        assert!(!patch.removals().any(|name| name == "anthropic-version"), "{note}");
    }
}

#[test]
fn each_tenant_gets_its_own_credential_or_none() {
    let per_tenant = |change: Value| json!({ "credential": { "per_tenant": merged(json!({ "tenants": { "acme": "ACME", "globex": "ABSENT", "void": "EMPTY" } }), change) } });
    let strict = per_tenant(json!({}));
    let lenient = per_tenant(json!({ "fallback": "COMMON" }));
    let hollow = per_tenant(json!({ "fallback": "ABSENT_TOO" }));
    for (upstream, tenant, want, note) in [
        (&strict, Some("acme"), Ok("Bearer sk-acme"), "its own"),
        (&strict, Some("other"), Err(Reason::TenantCredentialMissing), "a tenant without an entry"),
        (&strict, None, Err(Reason::TenantCredentialMissing), "no tenant"),
        (
            &strict,
            Some("globex"),
            Err(Reason::ProviderCredentialMissing),
            "an entry whose variable is absent",
        ),
        (&strict, Some("void"), Err(Reason::ProviderCredentialMissing), "an entry whose variable is empty"),
        (&lenient, Some("other"), Ok("Bearer sk-common"), "the fallback, where the configuration has one"),
        (&lenient, None, Ok("Bearer sk-common"), "the fallback for a caller without a tenant"),
        (&lenient, Some("acme"), Ok("Bearer sk-acme"), "its own before the fallback"),
        (&lenient, Some("globex"), Err(Reason::ProviderCredentialMissing), "a missing own is no fallback"),
        (&hollow, Some("other"), Err(Reason::ProviderCredentialMissing), "a fallback that is absent"),
    ] {
        let case = Case::with_key(json!({ "tenant": tenant }));
        let got = attach(upstream.clone(), &case).map(|patch| setting(&patch, "authorization").unwrap());
        assert_eq!(got.map_err(|denial| denial.reason()), want.map(str::to_owned), "{note}");
    }
    let case = Case::with_key(json!({}));
    let denial = attach(json!({ "credential": { "env": "ABSENT_KEY" } }), &case).unwrap_err();
    assert_eq!(denial.reason(), Reason::ProviderCredentialMissing);
    assert_eq!(denial.note(), Some("the environment of Envoy has no credential for cluster `openai`"));
}

#[test]
fn a_credential_left_to_envoy_is_not_attached_but_the_callers_comes_off() {
    let patch = attach(json!({ "credential": "envoy" }), &Case::with_key(json!({}))).unwrap();
    assert_eq!(setting(&patch, "authorization"), None);
    assert!(patch.removals().any(|name| name == "authorization"));
}

#[test]
fn the_account_at_the_provider_is_asserted_or_the_call_refused() {
    let key = json!({ "tenant": "acme", "project": "search" });
    for (upstream, change, want, note) in [
        (json!({}), json!({}), Ok((None, None)), "nothing is asserted"),
        (
            json!({ "organization": { "value": "org-1" }, "project": { "value": "proj_1" } }),
            json!({}),
            Ok((Some("org-1"), Some("proj_1"))),
            "a text for everybody",
        ),
        (
            json!({ "organization": "principal", "project": "principal" }),
            json!({}),
            Ok((Some("acme"), Some("search"))),
            "the principal's own",
        ),
        (
            json!({ "organization": "principal" }),
            json!({ "tenant": null }),
            Err(Reason::IdentityIncomplete),
            "a principal without a tenant",
        ),
        (
            json!({ "project": "principal" }),
            json!({ "project": "müller" }),
            Err(Reason::IdentityIncomplete),
            "a name that no header can carry",
        ),
    ] {
        let case = Case::with_key(merged(key.clone(), change));
        let got = attach(upstream, &case).map_err(|denial| denial.reason());
        let got =
            got.map(|patch| (setting(&patch, "openai-organization"), setting(&patch, "openai-project")));
        let owned = |text: Option<&str>| text.map(str::to_owned);
        assert_eq!(got, want.map(|(left, right)| (owned(left), owned(right))), "{note}");
    }
}

#[test]
fn an_upstream_of_one_tenant_serves_no_other_whatever_the_rules_say() {
    for (tenant, want, note) in [
        (Some("acme"), None, "its own"),
        (Some("globex"), Some(Reason::TenantMismatch), "another tenant"),
        (Some("ACME"), Some(Reason::TenantMismatch), "names differ by case"),
        (None, Some(Reason::TenantMismatch), "a caller without a tenant"),
    ] {
        let case = Case::with_key(json!({ "tenant": tenant }));
        let got = attach(json!({ "tenant": "acme" }), &case).err().map(|denial| denial.reason());
        assert_eq!(got, want, "{note}");
    }
}

#[test]
fn an_account_is_exclusive_where_its_secret_is_one_tenants_alone() {
    let per_tenant = |tenants: Value| json!({ "credential": { "per_tenant": { "tenants": tenants } } });
    let acme = per_tenant(json!({ "acme": "ACME", "globex": "GLOBEX" }));
    let with_fallback =
        json!({ "credential": { "per_tenant": { "tenants": { "acme": "SAME" }, "fallback": "SAME_TOO" } } });
    let plain = json!({ "cluster": "other" });
    let other = |change: Value| merged(plain.clone(), change);
    for (upstream, beside, tenant, exclusive, note) in [
        (json!({}), plain.clone(), Some("acme"), false, "one credential for everybody"),
        (
            json!({ "tenant": "acme" }),
            other(json!({ "credential": "envoy" })),
            Some("acme"),
            true,
            "an upstream of one tenant",
        ),
        (
            json!({ "tenant": "acme" }),
            other(json!({ "credential": "envoy" })),
            Some("globex"),
            false,
            "for another tenant",
        ),
        (
            json!({ "tenant": "acme" }),
            other(json!({ "credential": "envoy" })),
            None,
            false,
            "for a caller without one",
        ),
        (
            json!({ "tenant": "acme" }),
            plain.clone(),
            Some("acme"),
            false,
            "the same credential serves everybody elsewhere",
        ),
        (
            json!({ "tenant": "acme" }),
            other(json!({ "tenant": "globex" })),
            Some("acme"),
            false,
            "or another tenant elsewhere",
        ),
        (
            json!({ "tenant": "acme" }),
            other(json!({ "tenant": "acme" })),
            Some("acme"),
            true,
            "the same tenant elsewhere is the same",
        ),
        (
            json!({ "tenant": "acme", "credential": "envoy" }),
            plain.clone(),
            Some("acme"),
            true,
            "Envoy's, for one tenant",
        ),
        (json!({ "credential": "envoy" }), plain.clone(), Some("acme"), false, "Envoy's, for everybody"),
        (acme.clone(), plain.clone(), Some("acme"), true, "a tenant's own"),
        (acme.clone(), plain.clone(), Some("other"), false, "a tenant without an entry"),
        (acme.clone(), plain.clone(), None, false, "a caller without a tenant"),
        (
            acme,
            other(json!({ "credential": { "env": "ACME" } })),
            Some("acme"),
            false,
            "its own serves everybody elsewhere",
        ),
        (
            per_tenant(json!({ "acme": "SAME_A", "globex": "SAME_B" })),
            plain.clone(),
            Some("acme"),
            false,
            "two variables with one value",
        ),
        (with_fallback, plain.clone(), Some("acme"), false, "its own is the fallback too"),
        (
            per_tenant(json!({ "acme": "ABSENT" })),
            plain.clone(),
            Some("acme"),
            true,
            "an absent secret is nobody else's",
        ),
    ] {
        let upstreams = compiled(&[upstream, beside]).unwrap();
        let principal = Case::with_key(json!({ "tenant": tenant })).principal;
        let upstream = upstreams.select(Some("openai")).unwrap();
        assert_eq!(upstream.is_exclusive_to(&principal), exclusive, "{note}");
    }
}
