//! What all workers share of proofs, and what the configuration says of them.

use serde_json::{Value, json};

use super::possession::thumbprint;
use super::proofs::{Prover, answer, dpop, header, proving};
use super::{NOW, NOW_MS, Scene, compile, setting};
use crate::denial::Reason;
use crate::identity::signing::RawSigner;
use crate::ledger::MemoryStore;
use crate::policy::fixture::{key_entry, merged};

#[test]
fn a_nonce_is_given_until_it_is_used() {
    let required = json!({ "nonce": "required" });
    let (scene, prover) = (Scene::new(dpop(required)), Prover::new());
    let token = scene.token(prover.confirmation());
    let first = answer(&scene, &prover.chat(&token));
    let nonce = header(&first, "dpop-nonce").unwrap().to_owned();
    assert_eq!((first.status, header(&first, "x-claimgate-reason")), (401, Some("dpop_nonce_required")));
    let challenge = header(&first, "www-authenticate").unwrap();
    assert!(challenge.starts_with(r#"DPoP realm="claimgate", error="use_dpop_nonce""#), "{challenge}");
    let with = |nonce: &str| proving(&token, &prover.proof(&token, json!({ "nonce": nonce })));
    let (call, _) = scene.decide(&with(&nonce));
    assert_eq!(call.denial(), None);
    let told = setting(&call.answer_patch(std::iter::empty(), super::NOW_MS), "dpop-nonce");
    assert_eq!(told.as_ref(), Some(&nonce), "an answer of the provider has the next one");
    assert_eq!(scene.refusal(&with("other")), Some(Reason::DpopNonceRequired));
    let late = |iat: u64| proving(&token, &prover.proof(&token, json!({ "nonce": nonce, "iat": iat })));
    for (seconds, want) in [(60, None), (119, None), (180, Some(Reason::DpopNonceRequired))] {
        let (call, _) = scene.decide_at(&late(NOW + seconds), (NOW + seconds) * 1000);
        assert_eq!(call.denial().map(|denial| denial.reason()), want, "{seconds} s later");
    }
    let mut other = compile(&scene.signer, dpop(json!({ "nonce": "required" }))).unwrap();
    other.prepare(&scene.store, || Some([9; 32]), NOW_MS).unwrap();
    let other = Scene { gateway: other, ..scene };
    assert_eq!(other.refusal(&with(&nonce)), None, "another worker, or the next configuration");
}

#[test]
fn gateways_that_share_a_key_take_each_others_nonces() {
    let of = |name: &str| {
        let mut scene = Scene::new(dpop(json!({ "nonce": "required", "nonce_key": { "env": name } })));
        scene.gateway.prepare(&scene.store, || None, NOW_MS).unwrap();
        let prover = Prover::new();
        let answer = answer(&scene, &prover.chat(&scene.token(prover.confirmation())));
        (
            header(&answer, "x-claimgate-reason").map(str::to_owned),
            header(&answer, "dpop-nonce").map(str::to_owned),
        )
    };
    let long = "A_LONG_NAME_FOR_A_LONG_NONCE_KEY";
    let (first, second) = (of(long), of(long));
    assert_eq!(first.0.as_deref(), Some("dpop_nonce_required"));
    assert!(first.1.is_some() && first == second);
    assert_ne!(of("ANOTHER_NAME_FOR_ANOTHER_NONCE_KEY").1, first.1);
    assert_eq!(of("ABSENT").0.as_deref(), Some("possession_unavailable"), "no such variable");
}

#[test]
fn nothing_is_shared_without_randomness() {
    let mut scene = Scene::new(dpop(json!({ "nonce": "required" })));
    let why = scene.gateway.prepare(&MemoryStore::new(), || None, NOW_MS).unwrap_err();
    assert!(why.contains("the ledger cannot be used: there is no randomness"), "{why}");
    let why = scene.gateway.prepare(&scene.store, || None, NOW_MS).unwrap_err();
    assert!(why.contains("`dpop.nonce_key`"), "{why}");
    let mut without = Scene::new(dpop(json!({})));
    assert_eq!(
        without.gateway.prepare(&without.store, || None, NOW_MS),
        Ok(()),
        "another worker has drawn it"
    );
}

#[test]
fn one_caller_cannot_fill_the_table_that_all_share() {
    let scene = Scene::new(dpop(json!({ "proofs_per_caller": 2 })));
    let (prover, other) = (Prover::new(), Prover::new());
    let token = scene.token(prover.confirmation());
    let request = prover.chat(&token);
    assert_eq!(scene.refusal(&request), None);
    for _ in 0..5 {
        assert_eq!(scene.refusal(&request), Some(Reason::DpopProofReplayed), "a replay is not counted");
    }
    assert_eq!(scene.refusal(&prover.chat(&token)), None, "the second of two");
    let refused = answer(&scene, &prover.chat(&token));
    assert_eq!((refused.status, header(&refused, "x-claimgate-reason")), (429, Some("dpop_limit_exceeded")));
    assert!(header(&refused, "retry-after").unwrap().parse::<u64>().unwrap() <= 76);
    let same = scene.token(other.confirmation());
    assert_eq!(
        scene.refusal(&other.chat(&same)),
        Some(Reason::DpopLimitExceeded),
        "by another key of its own"
    );
    let neighbour = scene.token(merged(other.confirmation(), json!({ "sub": "bob" })));
    assert_eq!(scene.refusal(&other.chat(&neighbour)), None, "another caller");
}

#[test]
fn what_cannot_be_remembered_is_not_taken() {
    let mut scene = Scene::new(dpop(json!({})));
    let prover = Prover::new();
    let request = prover.chat(&scene.token(prover.confirmation()));
    scene.store = MemoryStore::new();
    let (call, _) = scene.decide(&request);
    assert_eq!(call.denial().map(|denial| denial.reason()), Some(Reason::PossessionUnavailable));
    assert!(call.denial().unwrap().note().unwrap().contains("the table of used proofs"));
}

#[test]
fn a_configuration_that_no_proof_could_meet_is_refused() {
    let signer = RawSigner::generate("k");
    let issuers = json!([super::possession::issuer(json!({ "bound_by": "dpop" }))]);
    let keys = json!([key_entry(1, json!({ "bound_to": { "dpop_keys": [thumbprint(1)] } }))]);
    let section = |change: Value| dpop(change);
    for (change, want) in [
        (json!({ "issuers": issuers }), "issuers[0].bound_by: proofs need the section `dpop`"),
        (json!({ "keys": keys }), "keys[0].bound_to.dpop_keys: proofs need the section `dpop`"),
        (section(json!({ "public_origins": [] })), "dpop.public_origins: an empty list"),
        (section(json!({ "public_origins": ["gw.example"] })), "dpop.public_origins[0]: `gw.example`"),
        (section(json!({ "public_origins": null })), "dpop: missing field `public_origins`"),
        (section(json!({ "algorithms": [] })), "dpop.algorithms: an empty list"),
        (section(json!({ "algorithms": ["HS256"] })), "dpop.algorithms[0]: unknown variant `HS256`"),
        (section(json!({ "max_age": "11m" })), "dpop.max_age: `11m` is longer than `10m`"),
        (section(json!({ "max_age": "500ms", "leeway": "0s" })), "dpop.max_age: "),
        (section(json!({ "leeway": "2m" })), "dpop.leeway: `2m` is longer than `1m`"),
        (section(json!({ "proofs_per_caller": 0 })), "dpop.proofs_per_caller: "),
        (section(json!({ "nonce_key": { "env": "A" } })), "dpop.nonce_key: it makes nonces"),
        (
            section(json!({ "nonce": "required", "nonce_key": { "env": "A" } })),
            "dpop.nonce_key: the value of `A` has less",
        ),
        (
            section(json!({ "nonce": "required", "nonce_key": { "env": "a b" } })),
            "dpop.nonce_key: not the name",
        ),
    ] {
        let error = compile(&signer, change).unwrap_err().to_string();
        assert!(error.starts_with(want), "{error}");
    }
}
