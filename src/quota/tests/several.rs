//! Several quotas at once: all are charged or none, and shadows never stand in the way.

use serde_json::json;

use super::{Envoy, by, header, quota, rate_headers};
use crate::denial::Reason;
use crate::policy::fixture::Case;

#[test]
fn a_request_that_one_quota_refuses_costs_nothing_in_the_others() {
    let wide = quota("wide", json!({ "limit": 3, "per": ["'everybody'"] }));
    let narrow = quota("narrow", json!({ "limit": 1 }));
    for (quotas, note) in [
        (vec![wide.clone(), narrow.clone()], "the one that refuses stands last"),
        (vec![narrow, wide], "it stands first"),
    ] {
        let envoy = Envoy::new(&quotas);
        assert_eq!(envoy.passing(&by("x"), 10), 1, "{note}");
        assert_eq!(envoy.refusal(&by("x")), Some((Reason::QuotaExceeded, "narrow".to_owned())), "{note}");
        assert_eq!(envoy.passing(&by("y"), 10), 1, "{note}: x's refusals cost y nothing");
        assert_eq!(envoy.passing(&by("z"), 10), 1, "{note}");
        assert_eq!(envoy.refusal(&by("w")), Some((Reason::QuotaExceeded, "wide".to_owned())), "{note}");
    }
}

#[test]
fn an_expression_that_errs_in_one_quota_charges_none() {
    let quotas = [
        quota("wide", json!({ "limit": 1, "per": ["'everybody'"] })),
        quota("tenants", json!({ "limit": 9, "per": ["principal.tenant"] })),
    ];
    let envoy = Envoy::new(&quotas);
    assert_eq!(envoy.refusal(&by("x")), Some((Reason::QuotaError, "tenants".to_owned())));
    assert!(envoy.admit(&Case::with_key(json!({ "tenant": "acme" }))).is_ok(), "nothing was spent");
}

#[test]
fn the_tightest_quota_is_shown() {
    let quotas = [
        quota("wide", json!({ "limit": 100, "per": ["'everybody'"] })),
        quota("narrow", json!({ "limit": 3 })),
        quota("shadow", json!({ "limit": 1, "mode": "shadow" })),
    ];
    let envoy = Envoy::new(&quotas);
    for remaining in ["2", "1", "0"] {
        let admission = envoy.admit(&by("x")).unwrap();
        assert_eq!(header(&rate_headers(&admission), "x-ratelimit-limit-requests"), Some("3"));
        assert_eq!(header(&rate_headers(&admission), "x-ratelimit-remaining-requests"), Some(remaining));
    }
    assert!(Envoy::new(&[]).admit(&by("x")).unwrap().rates().is_empty(), "no quota, nothing to tell");
}

#[test]
fn a_quota_in_shadow_is_recorded_and_never_refuses() {
    for (change, attempts, recorded, note) in [
        (json!({ "limit": 1 }), 1, false, "there is room"),
        (json!({ "limit": 1 }), 2, true, "there is none left"),
        (json!({ "limit": 0 }), 1, true, "there never is"),
        (json!({ "per": ["principal.tenant"] }), 1, true, "its descriptor errs"),
        (json!({ "when": "principal.tenant == 'a'" }), 1, true, "its `when` errs"),
        (json!({ "limit": "int(principal.key.labels.n)" }), 1, true, "its limit errs"),
        (json!({ "limit": 0, "when": "false" }), 1, false, "it does not apply"),
    ] {
        let mut entry = quota("q", change);
        entry.mode = crate::config::Mode::Shadow;
        let envoy = Envoy::new(&[entry]);
        let admissions: Vec<_> = (0..attempts).map(|_| envoy.admit(&by("x")).unwrap()).collect();
        let last = admissions.last().unwrap();
        let want: Vec<String> = if recorded { vec!["q".to_owned()] } else { Vec::new() };
        assert_eq!(last.shadow_denials(), want, "{note}");
        assert!(last.rates().is_empty(), "{note}: what does not hold anybody back is not shown");
    }
}

#[test]
fn a_shadow_that_was_not_charged_is_not_given_back() {
    let quotas = [
        quota("shadow", json!({ "limit": 2, "per": ["'everybody'"], "mode": "shadow" })),
        quota("enforced", json!({})),
    ];
    let envoy = Envoy::new(&quotas);
    assert!(envoy.admit(&by("x")).is_ok());
    assert!(envoy.admit(&by("y")).unwrap().shadow_denials().is_empty(), "the shadow is full now");
    assert_eq!(envoy.passing(&by("x"), 5), 0, "x is refused by the other, before and after");
    assert_eq!(envoy.admit(&by("z")).unwrap().shadow_denials(), ["shadow"], "and it still is full");
}
