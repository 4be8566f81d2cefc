use std::sync::Arc;

use serde_json::{Value, json};

use super::KeyTable;
use crate::config::{ClientAddress, Key};
use crate::denial::{Denial, Reason};
use crate::identity::api_key::feeds::{FedKeys, KeyFeeds};
use crate::identity::api_key::known_keys::KnownKeys;
use crate::identity::credential::{Presented, find};
use crate::identity::{ApiKey, Kind, Principal};
use crate::request::{Connection, Moment, RequestHead};
use crate::secret::Secret;

const NOON: u64 = 1_767_268_800; // 2026-01-01T12:00:00Z

fn minted(seed: u8) -> String {
    String::from_utf8(ApiKey::mint([seed; 32]).expose().to_vec()).unwrap()
}

fn hash(text: &str) -> String {
    ApiKey::hash(&Secret::new(text)).to_string()
}

fn key(text: &str, change: Value) -> Arc<Key> {
    let mut key =
        json!({ "id": "k1", "hash": hash(text), "project": "search", "service_account": "indexer" });
    key.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    Arc::new(serde_json::from_value(key).unwrap())
}

fn presented(text: &str) -> Presented {
    find(&RequestHead::new(vec![("x-api-key".to_owned(), text.as_bytes().to_vec())])).unwrap()
}

/// By a key of the table; there are no feeds.
fn authenticate(
    table: &KeyTable,
    presented: &Presented,
    connection: &Connection,
    moment: &Moment,
) -> Result<Principal, Denial> {
    let keys = KnownKeys { configured: table, feeds: &KeyFeeds::default(), fed: &FedKeys::empty(0) };
    keys.authenticate(presented, connection, moment).map(|holder| holder.principal)
}

fn noon() -> Moment {
    Moment { unix_ms: NOON * 1000, entropy: [0; 16] }
}

fn from(address: Option<&str>, port: Option<u64>) -> Connection {
    Connection { source_address: address.map(str::to_owned), source_port: port, ..Connection::default() }
}

#[test]
fn a_key_becomes_the_principal_it_was_listed_for() {
    let text = minted(1);
    let listed = key(
        &text,
        json!({
            "tenant": "acme", "scopes": ["llm:chat", "llm:embed"], "labels": { "team": "search" },
            "created_at": "1970-01-01T00:00:07Z", "expires_at": "2026-02-01T00:00:00Z",
        }),
    );
    let table = KeyTable::compile(&[listed], None).unwrap();
    let principal = authenticate(&table, &presented(&text), &Connection::default(), &noon()).unwrap();
    assert_eq!(principal.kind, Kind::ApiKey);
    assert_eq!(principal.subject, "indexer");
    assert_eq!(principal.service_account.as_deref(), Some("indexer"));
    assert_eq!(principal.project.as_deref(), Some("search"));
    assert_eq!(principal.tenant.as_deref(), Some("acme"));
    assert_eq!(principal.scopes, ["llm:chat", "llm:embed"]);
    assert_eq!(principal.credential_id, "k1");
    assert_eq!(principal.expires_at, Some(1_769_904_000));
    let facts = principal.key.unwrap();
    assert_eq!((facts.id.as_str(), facts.created_at), ("k1", Some(7)));
    assert_eq!(facts.labels.get("team").map(String::as_str), Some("search"));
}

#[test]
fn a_key_is_refused_for_its_reason() {
    let text = minted(1);
    let mistyped = text.replace("cgk_", "cgk_0").chars().take(53).collect::<String>();
    for (change, sent, want, note) in [
        (json!({}), text.as_str(), None, "a live key"),
        (json!({}), &minted(2), Some(Reason::KeyUnknown), "another key"),
        (json!({}), &mistyped, Some(Reason::CredentialMalformed), "a key whose checksum does not hold"),
        (json!({}), "sk-proj-abc", Some(Reason::KeyUnknown), "a provider's key"),
        (
            json!({ "hash": hash("legacy-1") }),
            "legacy-1",
            None,
            "a key of another system, listed by its hash",
        ),
        (json!({ "disabled": true }), &text, Some(Reason::CredentialRevoked), "a disabled key"),
        (
            json!({ "disabled": true, "expires_at": "2020-01-01T00:00:00Z" }),
            &text,
            Some(Reason::CredentialRevoked),
            "disabled and expired: the deliberate act is named",
        ),
        (
            json!({ "not_before": "2026-01-01T12:00:01Z" }),
            &text,
            Some(Reason::KeyNotYetValid),
            "a second early",
        ),
        (json!({ "not_before": "2026-01-01T12:00:00Z" }), &text, None, "valid from this second"),
        (
            json!({ "expires_at": "2026-01-01T12:00:00Z" }),
            &text,
            Some(Reason::KeyExpired),
            "expired from this second",
        ),
        (json!({ "expires_at": "2026-01-01T12:00:01Z" }), &text, None, "the last second"),
    ] {
        let table = KeyTable::compile(&[key(&text, change)], None).unwrap();
        let outcome = authenticate(&table, &presented(sent), &Connection::default(), &noon());
        assert_eq!(outcome.err().map(|denial| denial.reason()), want, "{note}");
    }
}

#[test]
fn a_network_is_compared_with_an_address_that_can_be_believed() {
    let text = minted(1);
    let untrusted = Some(Reason::ClientAddressUntrusted);
    let outside = Some(Reason::NetworkNotAllowed);
    let (peer, forwarded) = (ClientAddress::Peer, ClientAddress::Forwarded);
    for (mode, address, port, want, note) in [
        (peer, Some("10.1.2.3"), Some(4711), None, "inside"),
        (peer, Some("::ffff:10.1.2.3"), Some(4711), None, "inside, as a dual-stack socket shows it"),
        (peer, Some("2001:db8::7"), Some(4711), None, "inside, IPv6"),
        (peer, Some("11.1.2.3"), Some(4711), outside, "outside"),
        (peer, Some("2001:db9::7"), Some(4711), outside, "outside, IPv6"),
        (peer, Some("10.1.2.3"), Some(0), untrusted, "an address from a header"),
        (peer, Some("10.1.2.3"), None, untrusted, "no port, so nobody knows where it came from"),
        (peer, None, Some(4711), untrusted, "no address"),
        (peer, Some("/run/envoy.sock"), Some(4711), untrusted, "a pipe"),
        (forwarded, Some("10.1.2.3"), Some(0), None, "an address from a trusted header"),
        (forwarded, Some("10.1.2.3"), None, None, "the same without a port"),
        (forwarded, Some("11.1.2.3"), Some(0), outside, "outside, from a trusted header"),
        (forwarded, None, None, untrusted, "nothing to compare"),
    ] {
        let listed = key(&text, json!({ "cidrs": ["10.0.0.0/8", "2001:db8::/32"] }));
        let table = KeyTable::compile(&[listed], Some(mode)).unwrap();
        let outcome = authenticate(&table, &presented(&text), &from(address, port), &noon());
        assert_eq!(outcome.err().map(|denial| denial.reason()), want, "{note}");
    }
}

#[test]
fn a_wrong_key_in_the_configuration_is_named_by_its_path() {
    let text = minted(1);
    for (change, at, note) in [
        (json!({ "id": "" }), "keys[1].id", "no id"),
        (json!({ "id": "k0" }), "keys[1].id", "an id twice"),
        (json!({ "project": " " }), "keys[1].project", "a blank project"),
        (json!({ "service_account": "a\nb" }), "keys[1].service_account", "a line break"),
        (json!({ "tenant": "" }), "keys[1].tenant", "an empty tenant"),
        (json!({ "hash": hash("other") }), "keys[1].hash", "a hash twice"),
        (json!({ "scopes": ["a", "b c"] }), "keys[1].scopes[1]", "two scopes in one entry"),
        (json!({ "scopes": [""] }), "keys[1].scopes[0]", "an empty scope"),
        (json!({ "scopes": ["a\"b"] }), "keys[1].scopes[0]", "a quote, which RFC 6749 excludes"),
        (
            json!({ "not_before": "2026-01-01T00:00:00Z", "expires_at": "2026-01-01T00:00:00Z" }),
            "keys[1].expires_at",
            "never valid",
        ),
        (json!({ "cidrs": ["10.0.0.0/8", "10.0.0.1"] }), "keys[1].cidrs[1]", "an address for a network"),
        (json!({ "cidrs": ["10.1.0.0/8"] }), "keys[1].cidrs[0]", "bits behind the prefix"),
        (json!({ "cidrs": ["::ffff:10.0.0.0/104"] }), "keys[1].cidrs[0]", "IPv4 written as IPv6"),
    ] {
        let keys = [key("other", json!({ "id": "k0" })), key(&text, change)];
        let error = KeyTable::compile(&keys, Some(ClientAddress::Peer)).unwrap_err();
        assert_eq!(error.at, at, "{note}: {error}");
        assert!(!error.why.contains(&text), "{note}: the key is not repeated");
    }
    let networked = key(&text, json!({ "cidrs": ["10.0.0.0/8"] }));
    let error = KeyTable::compile(&[networked], None).unwrap_err();
    assert_eq!(error.at, "keys[0].cidrs");
    assert!(error.why.contains("client_address: peer"), "{error}");
}

#[test]
fn many_keys_are_found_each_by_its_own_hash() {
    let keys: Vec<_> =
        (0..2000).map(|index| key(&format!("key-{index}"), json!({ "id": format!("k{index}") }))).collect();
    let table = KeyTable::compile(&keys, None).unwrap();
    assert_eq!((table.len(), table.is_empty()), (2000, false));
    for index in [0, 999, 1999] {
        let found =
            authenticate(&table, &presented(&format!("key-{index}")), &Connection::default(), &noon());
        assert_eq!(found.unwrap().credential_id, format!("k{index}"));
    }
}
