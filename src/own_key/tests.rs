//! What is sealed comes out again as it was, for its owner alone, and nothing else does.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use aes_keywrap::Aes256KeyWrapAligned;
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use super::{OwnKey, OwnKeys, SealRequest};
use crate::config::{Config, ConfigError};
use crate::denial::{Denial, Reason};
use crate::expression::Engine;
use crate::identity::{Kind, Principal};
use crate::policy::fixture::{Case, NOW_MS, head, merged, moment};
use crate::secret::Secret;

const NOW: u64 = NOW_MS / 1000;
const PROVIDER_KEY: &str = "sk-the-users-own";
const ALICE: (&str, &str, &str) = ("acme", "alice", "https://idp.example");

fn jwk(kid: &str, byte: u8) -> String {
    json!({ "kty": "oct", "kid": kid, "k": BASE64URL_NOPAD.encode(&[byte; 32]) }).to_string()
}

fn environment(name: &str) -> Option<Secret> {
    let text = match name {
        "ONE" => jwk("one", 1),
        "TWO" => jwk("two", 2),
        "ONE_AGAIN" => jwk("one", 3),
        "SIGNING" => jwk("signing", 1),
        "SHORT" => json!({ "kty": "oct", "kid": "s", "k": BASE64URL_NOPAD.encode(&[1; 16]) }).to_string(),
        "NAMELESS" => json!({ "kty": "oct", "k": BASE64URL_NOPAD.encode(&[1; 32]) }).to_string(),
        "ODD" => jwk("o.d d", 4),
        "CURVE" => json!({ "kty": "OKP", "crv": "X25519", "kid": "c", "x": "AA" }).to_string(),
        "TEXT" => "sk-secret-text".to_owned(),
        _ => return None,
    };
    Some(Secret::new(text))
}

fn section(change: Value) -> Value {
    merged(json!({ "issuer": "https://gateway.example/", "sealing_key": { "env": "ONE" } }), change)
}

fn compiled(own_keys: Value, change: Value) -> Result<Option<OwnKeys>, ConfigError> {
    let config = json!({
        "policies": [],
        "own_keys": own_keys,
        "upstreams": [
            { "cluster": "openai", "dialect": "openai", "credential": { "own": {} } },
            { "cluster": "mistral", "dialect": "openai", "credential": { "own": {} } },
            { "cluster": "shared", "dialect": "openai", "credential": { "env": "KEY" } },
        ],
    });
    let config = Config::from_json(merged(config, change).to_string().as_bytes())?;
    OwnKeys::compile(&config, &Engine::new().unwrap(), &environment)
}

fn own_keys(change: Value) -> OwnKeys {
    compiled(section(change), json!({})).unwrap().unwrap()
}

/// A user's principal: its tenant, subject and issuer.
fn user((tenant, subject, issuer): (&str, &str, &str)) -> Principal {
    let text = |text: &str| Some(text).filter(|text| !text.is_empty()).map(str::to_owned);
    Principal {
        kind: Kind::Jwt,
        subject: subject.to_owned(),
        tenant: text(tenant),
        issuer: text(issuer),
        ..Case::with_key(json!({})).principal
    }
}

fn asked(change: Value) -> Result<SealRequest, Denial> {
    let plain = json!({ "key": PROVIDER_KEY, "upstreams": ["openai"], "expires_in": 3600 });
    read(&merged(plain, change).to_string())
}

fn read(body: &str) -> Result<SealRequest, Denial> {
    let head = head("POST", "/claimgate/v1/provider-keys", &[("content-type", "application/json")]);
    SealRequest::read(&head, body.as_bytes())
}

/// What the caller gets.
fn sealed(keys: &OwnKeys, asked: SealRequest, principal: &Principal, now_ms: u64) -> Result<String, Denial> {
    let engine = Engine::new().unwrap();
    let sealed = keys.seal(&engine, asked, principal, ("id-1", &moment(now_ms)))?;
    let answer: Value = serde_json::from_str(&sealed.answer().body).unwrap();
    assert_eq!((&answer["id"], &answer["expires_at"]), (&json!(sealed.id), &json!(sealed.expires_at)));
    Ok(answer["value"].as_str().unwrap().to_owned())
}

fn alices(keys: &OwnKeys) -> String {
    sealed(keys, asked(json!({})).unwrap(), &user(ALICE), NOW_MS).unwrap()
}

fn opened(keys: &OwnKeys, value: &str) -> Result<OwnKey, Reason> {
    keys.open(value.as_bytes()).map_err(|denial| denial.reason())
}

/// A JWE of any header and any parts, by the key `ONE` and a content key of zeros.
fn forged(header: &str, text: &[u8]) -> String {
    let (content_key, nonce) = ([0; 32], [0; 12]);
    let protected = BASE64URL_NOPAD.encode(header.as_bytes());
    let mut buffer = text.to_vec();
    let tag = Aes256Gcm::new(&content_key.into())
        .encrypt_inout_detached(&Nonce::from(nonce), protected.as_bytes(), buffer.as_mut_slice().into())
        .unwrap();
    let wrapped = Aes256KeyWrapAligned::new(&[1; 32]).encapsulate(&content_key).unwrap();
    let parts =
        [wrapped.as_slice(), &nonce, &buffer, tag.as_slice()].map(|part| BASE64URL_NOPAD.encode(part));
    format!("cgs_{protected}.{}", parts.join("."))
}

fn content(change: Value) -> Vec<u8> {
    let (tenant, subject, issuer) = ALICE;
    let plain = json!({
        "iss": "https://gateway.example/", "jti": "id-1", "iat": NOW, "exp": NOW + 60, "tenant": tenant,
        "sub": subject, "sub_iss": issuer, "upstreams": ["openai"], "key": PROVIDER_KEY,
    });
    merged(plain, change).to_string().into_bytes()
}

const HEADER: &str = r#"{"alg":"A256KW","enc":"A256GCM","typ":"cgs+jwt","kid":"one"}"#;

#[test]
fn what_is_sealed_is_opened_as_it_was() {
    let keys = own_keys(json!({}));
    let value = alices(&keys);
    assert!(value.starts_with("cgs_") && !value.contains(PROVIDER_KEY), "{value}");
    let header = value.strip_prefix("cgs_").unwrap().split('.').next().unwrap();
    let header: Value = serde_json::from_slice(&BASE64URL_NOPAD.decode(header.as_bytes()).unwrap()).unwrap();
    assert_eq!(header, serde_json::from_str::<Value>(HEADER).unwrap());
    let key = opened(&keys, &value).unwrap();
    assert_eq!(key.secret().expose(), PROVIDER_KEY.as_bytes());
    assert_eq!((key.id(), key.expires_at(), key.sealed_by()), ("id-1", NOW + 3600, "one"));
    assert!(!format!("{key:?}").contains(PROVIDER_KEY));
    // Another text under the same entropy, and the same text again.
    let other = sealed(&keys, asked(json!({ "key": "sk-b" })).unwrap(), &user(ALICE), NOW_MS).unwrap();
    let parts = |value: &str| value.split('.').map(str::to_owned).collect::<Vec<_>>();
    assert_ne!((&parts(&value)[1], &parts(&value)[2]), (&parts(&other)[1], &parts(&other)[2]));
}

#[test]
fn a_key_is_its_owners_alone() {
    let keys = own_keys(json!({}));
    let key = opened(&keys, &alices(&keys)).unwrap();
    let (tenant, subject, issuer) = ALICE;
    let stranger = Some(Reason::ProviderKeyNotForCaller);
    for (caller, at, want, note) in [
        (ALICE, NOW, None, "the owner"),
        (ALICE, NOW + 3600, Some(Reason::ProviderKeyExpired), "when it is over"),
        (("globex", subject, issuer), NOW, stranger, "another tenant"),
        ((tenant, "bob", issuer), NOW, stranger, "another subject"),
        ((tenant, subject, "https://other.example"), NOW, stranger, "the same name of another issuer"),
        (("", subject, issuer), NOW, stranger, "no tenant"),
        ((tenant, "", issuer), NOW, stranger, "no subject"),
        ((tenant, subject, ""), NOW, stranger, "no issuer"),
        (("globex", subject, issuer), NOW + 3600, stranger, "a stranger is not told that it is over"),
    ] {
        let refused = key.require_owner(&user(caller), at).err().map(|denial| denial.reason());
        assert_eq!(refused, want, "{note}");
    }
    let not_here = key.require_upstream("mistral").unwrap_err();
    assert_eq!(not_here.reason(), Reason::ProviderKeyNotForUpstream);
    assert!(key.require_upstream("openai").is_ok() && !key.names_models());
}

#[test]
fn who_is_not_whole_owns_nothing() {
    let keys = own_keys(json!({}));
    let (tenant, subject, issuer) = ALICE;
    let agent = Principal { actors: vec!["agent".to_owned()], ..user(ALICE) };
    let program = Principal { kind: Kind::ApiKey, issuer: None, ..user(ALICE) };
    for (principal, note) in [
        (user(("", subject, issuer)), "no tenant"),
        (user((tenant, "", issuer)), "no subject"),
        (user((tenant, subject, "")), "no issuer"),
        (agent, "an agent's token"),
        (program, "an API key"),
    ] {
        let refused = sealed(&keys, asked(json!({})).unwrap(), &principal, NOW_MS).unwrap_err();
        assert_eq!(refused.reason(), Reason::ProviderKeyRequestDenied, "{note}");
    }
}

#[test]
fn a_key_is_held_to_its_models() {
    let keys = own_keys(json!({}));
    let asked = asked(json!({ "models": ["gpt-4o*"] })).unwrap();
    let key = opened(&keys, &sealed(&keys, asked, &user(ALICE), NOW_MS).unwrap()).unwrap();
    assert!(key.names_models() && key.require_model("gpt-4o-mini").is_ok());
    assert_eq!(key.require_model("o1").unwrap_err().reason(), Reason::ModelNotAllowed);
}

#[test]
fn what_is_not_whole_is_refused() {
    let keys = own_keys(json!({}));
    let value = alices(&keys);
    assert!(opened(&keys, &forged(HEADER, &content(json!({})))).is_ok(), "the forger can do it");
    let jwe = value.strip_prefix("cgs_").unwrap();
    // Each bit of each part; of the last character of a part, some bits mean nothing and must be 0.
    for (place, byte) in jwe.bytes().enumerate().filter(|(_, byte)| *byte != b'.') {
        let other = if byte == b'A' { b'B' } else { b'A' };
        let mut bytes = jwe.as_bytes().to_vec();
        bytes[place] = other;
        let changed = format!("cgs_{}", String::from_utf8(bytes).unwrap());
        assert_eq!(opened(&keys, &changed).err(), Some(Reason::ProviderKeyInvalid), "byte {place}");
    }
    let parts: Vec<&str> = jwe.split('.').collect();
    let joined = |parts: &[&str]| format!("cgs_{}", parts.join("."));
    for (changed, note) in [
        (String::new(), "nothing"),
        ("cgs_".to_owned(), "only the prefix"),
        ("cgs_....".to_owned(), "five empty parts"),
        (PROVIDER_KEY.to_owned(), "the key itself"),
        (jwe.to_owned(), "no prefix"),
        (joined(&parts[..4]), "four parts"),
        (joined(&[&parts[..], &["AAAA"]].concat()), "six parts"),
        (joined(&[&parts[..], &[""]].concat()), "a dot more"),
        (joined(&[parts[0], "", parts[2], parts[3], parts[4]]), "no wrapped key, as `dir` has it"),
        (format!("{value}="), "padding"),
        (format!("{value} "), "a blank"),
        (format!("cgs_{}", "A".repeat(1 << 20)), "a megabyte"),
        (format!("{value}{}", "A".repeat(8192)), "a long tag"),
    ] {
        assert_eq!(opened(&keys, &changed).err(), Some(Reason::ProviderKeyInvalid), "{note}");
    }
    assert!(keys.open(&[0xff; 40]).is_err(), "not a text");
}

#[test]
fn a_header_is_exactly_the_one_that_is_written() {
    let keys = own_keys(json!({}));
    let header: Value = serde_json::from_str(HEADER).unwrap();
    for (change, note) in [
        (json!({ "alg": "dir" }), "no wrapping"),
        (json!({ "alg": "A128KW" }), "a shorter key"),
        (json!({ "alg": "RSA-OAEP-256" }), "RSA"),
        (json!({ "alg": "ECDH-ES+A256KW" }), "a key that anybody could wrap with"),
        (json!({ "alg": "none" }), "none"),
        (json!({ "enc": "A128GCM" }), "another cipher"),
        (json!({ "typ": "JWT" }), "another type"),
        (json!({ "typ": "CGS+JWT" }), "another spelling of the type"),
        (json!({ "kid": "two" }), "a key that is not here"),
        (json!({ "kid": 1 }), "a name that is a number"),
        (json!({ "zip": "DEF" }), "compressed"),
        (json!({ "crit": ["exp"] }), "what must be understood"),
        (json!({ "p2c": 1_000_000 }), "work to be done"),
        (json!({ "jwk": {} }), "a key of its own"),
    ] {
        let forged = forged(&merged(header.clone(), change).to_string(), &content(json!({})));
        assert_eq!(opened(&keys, &forged).err(), Some(Reason::ProviderKeyInvalid), "{note}");
    }
    let twice = HEADER.replacen('{', r#"{"kid":"two","#, 1);
    assert!(opened(&keys, &forged(&twice, &content(json!({})))).is_err(), "a name that occurs twice");
}

#[test]
fn a_content_is_exactly_the_claims() {
    let keys = own_keys(json!({}));
    for (change, note) in [
        (json!({ "iss": "https://other.example/" }), "another gateway's"),
        (json!({ "sub": "" }), "an empty subject"),
        (json!({ "tenant": "" }), "an empty tenant"),
        (json!({ "sub_iss": "" }), "an empty issuer"),
        (json!({ "jti": "" }), "no id, which no list could name"),
        (json!({ "key": "" }), "no key"),
        (json!({ "key": "a\r\nb: c" }), "what would be another header"),
        (json!({ "exp": -1 }), "a time that is none"),
        (json!({ "more": 1 }), "a claim that nobody knows"),
    ] {
        let forged = forged(HEADER, &content(change));
        assert_eq!(opened(&keys, &forged).err(), Some(Reason::ProviderKeyInvalid), "{note}");
    }
    for text in [b"".as_slice(), b"[]", b"{", &[0xff], br#"{"iss":"a","iss":"b"}"#] {
        assert!(opened(&keys, &forged(HEADER, text)).is_err(), "{text:?}");
    }
}

#[test]
fn a_request_is_understood_or_refused_without_an_echo() {
    for (body, note) in [
        ("".to_owned(), "nothing"),
        ("[]".to_owned(), "no object"),
        (json!({ "key": PROVIDER_KEY }).to_string(), "half of it"),
        (asking(json!({ "expires_in": PROVIDER_KEY })), "the key at another place"),
        (asking(json!({ PROVIDER_KEY: 1 })), "the key as a name"),
        (asking(json!({ "sealed": "cgs_x" })), "both"),
        (asking(json!({ "upstreams": [] })), "for nothing"),
        (asking(json!({ "models": [] })), "for no model"),
        (asking(json!({ "upstreams": ["a".repeat(257)] })), "a long name"),
        (asking(json!({ "key": format!("{PROVIDER_KEY}\n") })), "a line break"),
        (asking(json!({ "key": "cgt_token" })), "a token of this gateway"),
        (asking(json!({ "key": "cgs_token" })), "a sealed key"),
        (asking(json!({ "key": "cgk_key" })), "a key of this gateway"),
    ] {
        let denial = read(&body).unwrap_err();
        assert_eq!(denial.reason(), Reason::ProviderKeyRequestInvalid, "{note}");
        assert!(!denial.message().contains(PROVIDER_KEY), "{note}");
    }
    let form = head("POST", "/x", &[("content-type", "application/x-www-form-urlencoded")]);
    assert_eq!(SealRequest::read(&form, b"key=a").unwrap_err().reason(), Reason::BodyUnsupported);
}

fn asking(change: Value) -> String {
    let plain = json!({ "key": PROVIDER_KEY, "upstreams": ["openai"], "expires_in": 3600 });
    merged(plain, change).to_string()
}

#[test]
fn a_wish_is_held_to_the_configuration() {
    let allow = "'openai' in asked.upstreams && asked.lifetime_seconds <= 7200 && principal.tenant == 'acme'";
    let keys = own_keys(json!({ "max_lifetime": "1d", "allow": allow }));
    for (change, tenant, want, note) in [
        (json!({}), "acme", None, "allowed"),
        (json!({ "expires_in": 59 }), "acme", Some(Reason::ProviderKeyRequestInvalid), "too short"),
        (json!({ "expires_in": 86_401 }), "acme", Some(Reason::ProviderKeyRequestInvalid), "too long"),
        (
            json!({ "upstreams": ["openai", "shared"] }),
            "acme",
            Some(Reason::ProviderKeyRequestInvalid),
            "not used there",
        ),
        (json!({ "upstreams": ["mistral"] }), "acme", Some(Reason::ProviderKeyRequestDenied), "not allowed"),
        (
            json!({ "expires_in": 7201 }),
            "acme",
            Some(Reason::ProviderKeyRequestDenied),
            "too long for the rule",
        ),
        (json!({}), "globex", Some(Reason::ProviderKeyRequestDenied), "another tenant"),
    ] {
        let got = sealed(&keys, asked(change).unwrap(), &user((tenant, "alice", "i")), NOW_MS);
        assert_eq!(got.err().map(|denial| denial.reason()), want, "{note}");
    }
}

#[test]
fn keys_are_rotated_and_what_they_sealed_is_sealed_anew() {
    let before = own_keys(json!({ "sealing_key": { "env": "TWO" } }));
    let during = own_keys(json!({ "other_sealing_keys": [{ "env": "TWO" }] }));
    let after = own_keys(json!({}));
    let old = alices(&before);
    assert_eq!(opened(&after, &old).err(), Some(Reason::ProviderKeyInvalid));
    assert_eq!(opened(&during, &old).unwrap().sealed_by(), "two");
    let wish = || read(&json!({ "sealed": old }).to_string()).unwrap();
    let later_ms = NOW_MS + 1_000_000;
    let engine = Engine::new().unwrap();
    let anew = during.seal(&engine, wish(), &user(ALICE), ("id-2", &moment(later_ms))).unwrap();
    // A list that names the old one still does.
    assert_eq!((anew.id.as_str(), anew.expires_at), ("id-1", NOW + 3600));
    let value = sealed(&during, wish(), &user(ALICE), later_ms).unwrap();
    let key = opened(&after, &value).unwrap();
    assert_eq!(key.sealed_by(), "one");
    assert_eq!((key.secret().expose(), key.revocable().issued_at), (PROVIDER_KEY.as_bytes(), Some(NOW)));
    let refused =
        |principal: &Principal, at_ms| sealed(&during, wish(), principal, at_ms).unwrap_err().reason();
    assert_eq!(
        refused(&user(("acme", "bob", "https://idp.example")), NOW_MS),
        Reason::ProviderKeyNotForCaller
    );
    assert_eq!(refused(&user(ALICE), NOW_MS + 3_600_000), Reason::ProviderKeyExpired);
}

#[test]
fn without_a_key_there_is_neither_sealing_nor_opening() {
    let keys = own_keys(json!({ "sealing_key": { "env": "ABSENT" } }));
    let refused = sealed(&keys, asked(json!({})).unwrap(), &user(ALICE), NOW_MS).unwrap_err();
    assert_eq!(refused.reason(), Reason::ProviderKeysUnavailable);
    let value = alices(&own_keys(json!({})));
    assert_eq!(opened(&keys, &value).err(), Some(Reason::ProviderKeysUnavailable));
    let opens =
        own_keys(json!({ "sealing_key": { "env": "ABSENT" }, "other_sealing_keys": [{ "env": "ONE" }] }));
    assert!(opened(&opens, &value).is_ok(), "one that only opens is there");
}

#[test]
fn a_section_that_is_wrong_says_where_and_what() {
    let nobody = json!([{ "cluster": "shared", "dialect": "openai", "credential": { "env": "KEY" } }]);
    let tokens = json!({ "tokens": { "issuer": "g", "signing_key": { "env": "SIGNING" } } });
    let others = |names: &[&str]| json!({ "other_sealing_keys": names.iter().map(|name| json!({ "env": name })).collect::<Vec<_>>() });
    for (own, change, at, why) in [
        (Value::Null, json!({}), "upstreams[0].credential.own", "section `own_keys`"),
        (section(json!({})), json!({ "upstreams": nobody }), "own_keys", "{own: {}}"),
        (section(json!({})), tokens, "own_keys.sealing_key", "signs tokens too"),
        (section(json!({ "issuer": "" })), json!({}), "own_keys.issuer", "empty"),
        (section(json!({ "path": "claimgate" })), json!({}), "own_keys.path", "exact path"),
        (section(json!({ "max_lifetime": "91d" })), json!({}), "own_keys.max_lifetime", "90d"),
        (section(json!({ "max_lifetime": "59s" })), json!({}), "own_keys.max_lifetime", "1m"),
        (section(json!({ "allow": "asked.uptreams" })), json!({}), "own_keys.allow", "uptreams"),
        (
            section(json!({ "sealing_key": { "env": "SHORT" } })),
            json!({}),
            "own_keys.sealing_key",
            "32 bytes",
        ),
        (
            section(json!({ "sealing_key": { "env": "NAMELESS" } })),
            json!({}),
            "own_keys.sealing_key",
            "`kid`",
        ),
        (section(json!({ "sealing_key": { "env": "ODD" } })), json!({}), "own_keys.sealing_key", "`kid`"),
        (section(json!({ "sealing_key": { "env": "CURVE" } })), json!({}), "own_keys.sealing_key", "`oct`"),
        (
            section(json!({ "sealing_key": { "env": "TEXT" } })),
            json!({}),
            "own_keys.sealing_key",
            "key sealing",
        ),
        (section(others(&["TWO", "ONE_AGAIN"])), json!({}), "own_keys.other_sealing_keys[1]", "`one`"),
        (
            section(others(&["A", "B", "C", "D", "E"])),
            json!({}),
            "own_keys.other_sealing_keys",
            "more than 4",
        ),
    ] {
        let error = compiled(own, change).unwrap_err();
        assert_eq!(error.at, at, "{error}");
        assert!(error.why.contains(why) && !error.why.contains("sk-secret"), "{error}");
    }
}
