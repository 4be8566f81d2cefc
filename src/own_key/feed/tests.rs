//! What is kept is found by whom it is for, opened as it was sealed, and nothing else is.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use super::{FedProviderKeys, FeedEntry, FeedPublicKey, FeedTable, ProviderKeyFeed, new_pair};
use crate::cache::Cache;
use crate::config::{self, ConfigError};
use crate::denial::Reason;
use crate::identity::{Kind, Principal};
use crate::own_key::OwnKey;
use crate::policy::fixture::{Case, NOW_MS, merged};
use crate::secret::Secret;

const NOW: u64 = NOW_MS / 1000;
const KEY: &str = "sk-of-acme";
const ISSUER: &str = "https://idp.example";
/// Sealed by jwcrypto 1.5 for the pair `feed-1`, whose private half is 32 times the byte 7.
const FOREIGN: &str = "eyJhbGciOiJFQ0RILUVTK0EyNTZLVyIsImVuYyI6IkEyNTZHQ00iLCJlcGsiOnsiY3J2IjoiWDI1NTE5Iiwia3R5IjoiT0tQIiwieCI6IkRyVmFwSUc0ZEhpaVBMX0VVMVdxNWhuQWNDNk9RX3hSbVpJU3ZOX0tuUmMifSwia2lkIjoiZmVlZC0xIiwidHlwIjoiY2dmK2p3dCJ9.lPPFmvbIIxFkiej-RkxAN0pvilJfWYUI9zPQAuYyheBGavo1IleN9w.QpnL-qVMoCHPW-0c.UchKkMD3NUPotSOGz17w_76-5Q11Bg10stU81f8DZc2tpDcFPgDjZAGPzHP9hRZLiTBVPTuQVrdz8TzIbkuQuYqjn3wM21CghvWXTOQ8Guc.d0s12Mso8Jx1xV2VJD8M2Q";

fn pair(id: &str, byte: u8) -> (Value, Value) {
    new_pair(id, [byte; 32]).unwrap()
}

fn environment(name: &str) -> Option<Secret> {
    let changed = |change: Value| merged(pair("feed-1", 7).0, change).to_string();
    let text = match name {
        "ONE" => pair("feed-1", 7).0.to_string(),
        "TWO" => pair("feed-2", 8).0.to_string(),
        "ONE_AGAIN" => pair("feed-1", 9).0.to_string(),
        "PUBLIC" => pair("feed-1", 7).1.to_string(),
        "MIXED" => changed(json!({ "x": pair("feed-1", 8).0["x"] })),
        "SHORT" => changed(json!({ "d": BASE64URL_NOPAD.encode(&[7; 31]) })),
        "NAMELESS" => changed(json!({ "kid": null })),
        "OCT" => json!({ "kty": "oct", "kid": "o", "k": BASE64URL_NOPAD.encode(&[1; 32]) }).to_string(),
        "ED25519" => changed(json!({ "crv": "Ed25519" })),
        "TEXT" => "sk-secret-text".to_owned(),
        _ => return None,
    };
    Some(Secret::new(text))
}

fn compiled(change: Value) -> Result<ProviderKeyFeed, ConfigError> {
    let section = merged(merged(remote(json!({})), json!({ "key": { "env": "ONE" } })), change);
    let section: config::ProviderKeyFeed = serde_json::from_value(section).unwrap();
    ProviderKeyFeed::compile(&section, &["seal-1"], &environment)
}

fn remote(change: Value) -> Value {
    let plain = json!({ "cluster": "lists", "host": "lists.example", "path": "/credentials.json" });
    json!({ "remote": merged(plain, change) })
}

fn feed(change: Value) -> ProviderKeyFeed {
    compiled(change).unwrap()
}

fn unsealed(change: Value) -> FeedEntry {
    let plain = json!({ "id": "acme-1", "tenant": "acme", "upstreams": ["openai"], "jwe": "" });
    serde_json::from_value(merged(plain, change)).unwrap()
}

fn sealed(change: Value) -> FeedEntry {
    let public = FeedPublicKey::parse(pair("feed-1", 7).1.to_string().as_bytes()).unwrap();
    public.seal(unsealed(change), &Secret::new(KEY), &[5; 32]).unwrap()
}

fn alices(change: Value) -> FeedEntry {
    sealed(merged(json!({ "id": "alice-1", "subject": "alice", "issuer": ISSUER }), change))
}

fn opened(feed: &ProviderKeyFeed, entry: &FeedEntry) -> Result<OwnKey, Reason> {
    feed.open(entry).map_err(|denial| {
        assert!(denial.note().unwrap().contains(&entry.id), "{denial:?}");
        denial.reason()
    })
}

fn principal(kind: Kind, (tenant, subject, issuer): (&str, &str, &str)) -> Principal {
    let text = |text: &str| Some(text).filter(|text| !text.is_empty()).map(str::to_owned);
    let (tenant, issuer) = (text(tenant), text(issuer));
    Principal { kind, subject: subject.to_owned(), tenant, issuer, ..Case::with_key(json!({})).principal }
}

fn fed(entries: Vec<FeedEntry>) -> FedProviderKeys {
    let mut fed = FedProviderKeys::empty(1);
    let document = json!({ "credentials": entries }).to_string();
    fed.accept(document.as_bytes(), NOW_MS).unwrap();
    fed
}

#[test]
fn what_is_sealed_is_opened_as_it_was() {
    let feed = feed(json!({}));
    let entry = sealed(json!({ "expires_at": "2026-01-01T13:00:00Z", "not_before": "2026-01-01T11:00:00Z" }));
    assert!(!serde_json::to_string(&entry).unwrap().contains(KEY));
    let key = opened(&feed, &entry).unwrap();
    assert_eq!(key.secret().expose(), KEY.as_bytes());
    assert_eq!((key.id(), key.expires_at(), key.sealed_by()), ("acme-1", NOW + 3600, "feed-1"));
    assert!(key.is_of_feed() && key.is_of_tenant() && !key.names_models());
    assert_eq!(key.sealed().expose(), format!("cgf_{}", entry.jwe).as_bytes());
    assert_eq!(key.revocable().issued_at, Some(NOW - 3600));
    for told in [format!("{key:?}"), format!("{entry:?}")] {
        assert!(!told.contains(KEY) && !told.contains(&entry.jwe), "{told}");
    }
    let alices = opened(&feed, &alices(json!({ "models": ["gpt-4o*"] }))).unwrap();
    assert!(!alices.is_of_tenant() && alices.require_model("o1").is_err());
    let owner = principal(Kind::Jwt, ("acme", "alice", ISSUER));
    assert!(alices.require_owner(&owner, NOW).is_ok() && key.require_owner(&owner, NOW).is_err());
}

#[test]
fn another_implementation_seals_for_it() {
    let entry = FeedEntry { jwe: FOREIGN.to_owned(), ..unsealed(json!({})) };
    let key = opened(&feed(json!({})), &entry).unwrap();
    assert_eq!((key.secret().expose(), key.id()), (KEY.as_bytes(), "acme-1"));
}

#[test]
fn an_entry_that_was_moved_or_relabelled_is_of_no_use() {
    let feed = feed(json!({}));
    let plain = alices(json!({ "models": ["gpt-4o"] }));
    let entry = serde_json::to_value(&plain).unwrap();
    let told = Cache::<()>::new(1, &[0; 16]);
    for (change, is_good, note) in [
        (json!({}), true, "as it was sealed"),
        (json!({ "id": "acme-2" }), false, "another id"),
        (json!({ "tenant": "globex" }), false, "another tenant's"),
        (json!({ "subject": "bob" }), false, "another user's"),
        (json!({ "issuer": "https://other.example" }), false, "a user's of another issuer"),
        (json!({ "subject": null, "issuer": null }), false, "everybody's"),
        (json!({ "upstreams": ["openai", "mistral"] }), false, "for one upstream more"),
        (json!({ "upstreams": ["mistral"] }), false, "for another upstream"),
        (json!({ "models": null }), false, "for all models"),
        (json!({ "models": ["*"] }), false, "for other models"),
        (json!({ "expires_at": "2030-01-01T00:00:00Z" }), true, "times are the document's"),
        (json!({ "not_before": "2020-01-01T00:00:00Z" }), true, "times are the document's"),
    ] {
        let changed: FeedEntry = serde_json::from_value(merged(entry.clone(), change.clone())).unwrap();
        let want = if is_good { None } else { Some(Reason::ProviderKeysUnavailable) };
        assert_eq!(opened(&feed, &changed).err(), want, "{note}");
        let is_same = change == json!({});
        assert_eq!(changed.name(&told) == plain.name(&told), is_same, "{note}: what is remembered");
    }
}

#[test]
fn what_is_not_whole_is_refused() {
    let feed = feed(json!({}));
    let entry = sealed(json!({}));
    let refused = |jwe: String| opened(&feed, &FeedEntry { jwe, ..entry.clone() }).err();
    for (place, byte) in entry.jwe.bytes().enumerate().filter(|(_, byte)| *byte != b'.') {
        let mut bytes = entry.jwe.as_bytes().to_vec();
        bytes[place] = if byte == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert_eq!(refused(changed), Some(Reason::ProviderKeysUnavailable), "byte {place}");
    }
    let (protected, rest) = entry.jwe.split_once('.').unwrap();
    let header: Value =
        serde_json::from_slice(&BASE64URL_NOPAD.decode(protected.as_bytes()).unwrap()).unwrap();
    let zeros = BASE64URL_NOPAD.encode(&[0; 32]);
    let ephemeral = |change: Value| json!({ "epk": merged(header["epk"].clone(), change) });
    for (change, note) in [
        (json!({ "alg": "ECDH-ES" }), "the derived key itself"),
        (json!({ "alg": "A256KW" }), "as a sealed key is"),
        (json!({ "enc": "A128GCM" }), "another cipher"),
        (json!({ "typ": "cgs+jwt" }), "another type"),
        (json!({ "kid": "feed-2" }), "a key that is not here"),
        (json!({ "zip": "DEF" }), "compressed"),
        (json!({ "crit": ["exp"] }), "what must be understood"),
        (json!({ "p2c": 1 }), "work to be done"),
        (json!({ "apu": "QQ" }), "a name of the sender"),
        (ephemeral(json!({ "x": zeros })), "a point that gives everybody the same"),
        (ephemeral(json!({ "crv": "P-256" })), "another curve"),
        (ephemeral(json!({ "d": zeros })), "a private half"),
        (json!({ "epk": null }), "no half"),
    ] {
        let header = BASE64URL_NOPAD.encode(merged(header.clone(), change).to_string().as_bytes());
        assert_eq!(refused(format!("{header}.{rest}")), Some(Reason::ProviderKeysUnavailable), "{note}");
    }
    assert!(feed.open_carried("eyJ.a.b.c.d").is_err() && feed.open_carried(&entry.jwe).is_ok());
}

#[test]
fn a_caller_finds_its_own_entry_before_its_tenants() {
    let feed = feed(json!({}));
    let (past, later) = ("2026-01-01T11:00:00Z", "2026-01-01T13:00:00Z");
    let acme = |id: &str, change: Value| unsealed_for(id, change);
    let user = |id: &str, change: Value| {
        unsealed_for(id, merged(json!({ "subject": "alice", "issuer": ISSUER }), change))
    };
    let alice = ("acme", "alice", ISSUER);
    let missing = Err(Reason::ProviderKeyMissing);
    for (entries, caller, want, note) in [
        (vec![acme("a", json!({}))], alice, Ok(Some("a")), "the tenant's"),
        (vec![acme("a", json!({}))], ("acme", "key-7", ""), Ok(Some("a")), "the tenant's, for a program"),
        (vec![acme("a", json!({}))], ("globex", "alice", ISSUER), Ok(None), "another tenant"),
        (vec![acme("a", json!({}))], ("", "alice", ISSUER), Ok(None), "no tenant"),
        (vec![acme("a", json!({ "upstreams": ["mistral"] }))], alice, Ok(None), "for another upstream"),
        (vec![user("u", json!({})), acme("a", json!({}))], alice, Ok(Some("u")), "its own first"),
        (
            vec![user("u", json!({})), acme("a", json!({}))],
            ("acme", "bob", ISSUER),
            Ok(Some("a")),
            "not somebody else's",
        ),
        (
            vec![user("u", json!({}))],
            ("acme", "alice", "https://other.example"),
            Ok(None),
            "of another issuer",
        ),
        (vec![user("u", json!({}))], ("acme", "alice", ""), Ok(None), "a program of that name"),
        (
            vec![acme("new", json!({ "not_before": past })), acme("old", json!({}))],
            alice,
            Ok(Some("new")),
            "the newest, wherever it stands",
        ),
        (
            vec![acme("old", json!({})), acme("next", json!({ "not_before": later }))],
            alice,
            Ok(Some("old")),
            "one that has not begun is not there",
        ),
        (
            vec![acme("old", json!({})), acme("new", json!({ "not_before": past, "disabled": true }))],
            alice,
            Ok(Some("old")),
            "the newest that is of use",
        ),
        (vec![acme("a", json!({ "disabled": true }))], alice, missing, "disabled"),
        (vec![acme("a", json!({ "expires_at": past }))], alice, missing, "over"),
        (
            vec![user("u", json!({ "expires_at": past })), acme("a", json!({}))],
            alice,
            missing,
            "its own is over, and its tenant's is not taken for it",
        ),
        (vec![acme("a", json!({ "not_before": later }))], alice, Ok(None), "not yet"),
        (vec![], alice, Ok(None), "nothing"),
    ] {
        let kind = if caller.2.is_empty() { Kind::ApiKey } else { Kind::Jwt };
        let fed = fed(entries);
        let found = feed.find(&fed, &principal(kind, caller), ("openai", NOW_MS));
        let found = found.map(|entry| entry.map(|entry| entry.id.as_str())).map_err(|denial| denial.reason());
        assert_eq!(found, want, "{note}");
    }
}

/// An entry whose JWE is whole, and of no use.
fn unsealed_for(id: &str, change: Value) -> FeedEntry {
    unsealed(merged(json!({ "id": id, "jwe": "e30.AA.AA.AA.AA" }), change))
}

#[test]
fn a_document_that_is_too_old_says_nothing() {
    let principal = principal(Kind::Jwt, ("acme", "alice", ISSUER));
    let stranger = Principal { tenant: None, ..principal.clone() };
    let at = |when_stale: &str, fed: &FedProviderKeys, principal: &Principal, now_ms: u64| {
        let found = feed(json!({ "when_stale": when_stale })).find(fed, principal, ("openai", now_ms));
        found.map(|entry| entry.is_some()).map_err(|denial| denial.reason())
    };
    let unavailable = Err(Reason::CredentialFeedUnavailable);
    let (none, some) = (FedProviderKeys::empty(1), fed(vec![unsealed_for("a", json!({}))]));
    for (when_stale, fed, now_ms, want, note) in [
        ("deny", &some, NOW_MS + 60_000, Ok(true), "just not too old"),
        ("deny", &some, NOW_MS + 60_001, unavailable, "too old"),
        ("continue", &some, NOW_MS + 60_001, Ok(true), "too old, and the operator goes on"),
        ("deny", &none, NOW_MS, unavailable, "never come"),
        ("continue", &none, NOW_MS, unavailable, "never come: somebody else would pay"),
    ] {
        assert_eq!(at(when_stale, fed, &principal, now_ms), want, "{note}");
        assert_eq!(at(when_stale, fed, &stranger, now_ms), Ok(false), "{note}: it cannot be in it");
    }
}

#[test]
fn a_document_is_read_whole_or_not_at_all() {
    let entry = |change: Value| {
        let plain = json!({ "id": "a", "tenant": "acme", "upstreams": ["openai"], "jwe": "e30.AA.AA.AA.AA" });
        merged(plain, change)
    };
    let document = |entries: Value| json!({ "credentials": entries }).to_string();
    assert_eq!(FeedTable::read(br#"{"credentials":[]}"#).map(|table| table.len()), Ok(0));
    assert!(FeedTable::read(document(json!([entry(json!({}))])).as_bytes()).is_ok());
    for (document, why) in [
        (
            document(json!([entry(json!({})), entry(json!({}))])),
            "credentials[1].id: `a` is the id of two entries",
        ),
        (document(json!([entry(json!({ "tenant": null }))])), "credentials[0]: missing field `tenant`"),
        (document(json!([{ "id": "a" }])), "credentials[0]: missing field"),
        (document(json!([entry(json!({ "tennant": "acme" }))])), "credentials[0].tennant: unknown field"),
        (document(json!([entry(json!({ "id": "" }))])), "credentials[0].id: is empty"),
        (
            document(json!([entry(json!({ "id": "a\nb" }))])),
            "credentials[0].id: is empty, longer than 256 bytes, or",
        ),
        (document(json!([entry(json!({ "subject": "alice" }))])), "credentials[0].subject: has no `issuer`"),
        (document(json!([entry(json!({ "issuer": ISSUER }))])), "credentials[0].issuer: has no `subject`"),
        (document(json!([entry(json!({ "upstreams": [] }))])), "credentials[0].upstreams: has no item"),
        (
            document(json!([entry(json!({ "models": [""] }))])),
            "credentials[0].models: has no item, or one that is empty",
        ),
        (document(json!([entry(json!({ "jwe": "sk-raw" }))])), "credentials[0].jwe: is not a JWE"),
        (
            document(json!([entry(json!({ "expires_at": "tomorrow" }))])),
            "credentials[0].expires_at: `tomorrow` is not a time",
        ),
        (
            document(json!([entry(
                json!({ "not_before": "2026-02-01T00:00:00Z", "expires_at": "2026-01-01T00:00:00Z" })
            )])),
            "credentials[0].expires_at: is not later",
        ),
        (r#"{"credentials":[],"more":1}"#.to_owned(), "more: unknown field"),
        ("<html>".to_owned(), "expected value"),
    ] {
        let error = FeedTable::read(document.as_bytes()).unwrap_err();
        assert!(
            error.contains(why) && !error.contains("sk-raw") && !error.contains('\n'),
            "{document}: {error}"
        );
    }
}

#[test]
fn a_pair_is_rotated() {
    let entry = sealed(json!({}));
    let after = feed(json!({ "key": { "env": "TWO" } }));
    assert_eq!(opened(&after, &entry).err(), Some(Reason::ProviderKeysUnavailable));
    let during = feed(json!({ "key": { "env": "TWO" }, "other_keys": [{ "env": "ONE" }] }));
    assert_eq!(opened(&during, &entry).unwrap().sealed_by(), "feed-1");
    let absent = feed(json!({ "key": { "env": "ABSENT" } }));
    assert_eq!(opened(&absent, &entry).err(), Some(Reason::ProviderKeysUnavailable));
}

#[test]
fn a_writer_gets_the_public_half_alone() {
    let (private, public) = pair("feed-1", 7);
    assert!(public.get("d").is_none() && public["x"] == private["x"]);
    for (jwk, why) in [
        (private.to_string(), "private half"),
        ("sk-secret".to_owned(), "is not a JWK"),
        (merged(public.clone(), json!({ "x": "AA" })).to_string(), "`x` of 32 bytes"),
        (merged(public.clone(), json!({ "kid": "a b" })).to_string(), "`kid`"),
    ] {
        assert!(FeedPublicKey::parse(jwk.as_bytes()).unwrap_err().contains(why));
    }
    let public = FeedPublicKey::parse(public.to_string().as_bytes()).unwrap();
    for key in ["", "sk a", "sk\n", "sk-ä"] {
        assert!(public.seal(unsealed(json!({})), &Secret::new(key), &[5; 32]).is_err(), "{key}");
    }
    let sealed = |random: u8| public.seal(unsealed(json!({})), &Secret::new(KEY), &[random; 32]).unwrap().jwe;
    let parts = |jwe: String| jwe.split('.').map(str::to_owned).collect::<Vec<_>>();
    let (one, other) = (parts(sealed(1)), parts(sealed(2)));
    assert!(one.iter().zip(&other).all(|(one, other)| one != other), "nothing in common");
}

#[test]
fn a_section_that_is_wrong_says_where_and_what() {
    let others = |names: &[&str]| json!({ "other_keys": names.iter().map(|name| json!({ "env": name })).collect::<Vec<_>>() });
    let key = |name: &str| json!({ "key": { "env": name } });
    for (change, at, why) in [
        (remote(json!({ "path": "credentials.json" })), "own_keys.feed.remote.path", "begins with `/`"),
        (remote(json!({ "poll": "100ms" })), "own_keys.feed.remote.poll", "less than a second"),
        (key("PUBLIC"), "own_keys.feed.key", "has no `d`"),
        (key("MIXED"), "own_keys.feed.key", "not the public half"),
        (key("SHORT"), "own_keys.feed.key", "`d` of 32 bytes"),
        (key("NAMELESS"), "own_keys.feed.key", "`kid`"),
        (key("OCT"), "own_keys.feed.key", "another kind"),
        (key("ED25519"), "own_keys.feed.key", "another kind"),
        (key("TEXT"), "own_keys.feed.key", "key sealing --feed"),
        (others(&["TWO", "ONE_AGAIN"]), "own_keys.feed.other_keys[1]", "`feed-1`"),
        (others(&["A", "B", "C", "D", "E"]), "own_keys.feed.other_keys", "more than 4"),
    ] {
        let error = compiled(change).unwrap_err();
        assert_eq!(error.at, at, "{error}");
        assert!(error.why.contains(why) && !error.why.contains("sk-secret"), "{error}");
    }
}
