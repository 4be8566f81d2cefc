//! What each kind asks for, what proves the gateway, and which entries are wrong.

use serde_json::{Value, json};

use super::super::{Credentials, Made, Step, TokenAnswer};
use crate::config::ServedFile;
use crate::identity::signing::RSA;
use crate::policy::fixture::{NOW_MS, moment};
use crate::request::{Dialect, Moment};
use crate::secret::Secret;

fn compiled(kind: Value) -> Result<Credentials, String> {
    let mut entry = json!({ "id": "it" });
    entry.as_object_mut().unwrap().extend(kind.as_object().unwrap().clone());
    let entries = [serde_json::from_value(entry).map_err(|error| error.to_string())?];
    let files: Vec<ServedFile> = match kind.to_string().contains("\"token\"") {
        true => {
            serde_json::from_value(json!([{ "id": "token", "cluster": "files", "path": "/token" }])).unwrap()
        }
        false => Vec::new(),
    };
    let google = json!({
        "type": "service_account", "private_key": RSA, "private_key_id": "k", "client_email": "gate@acme.test",
    });
    let environment = |name: &str| match name {
        "ABSENT" => None,
        "RSA" => Some(Secret::new(RSA)),
        "CERTIFICATE" => Some(Secret::new(CERTIFICATE)),
        "BROKEN" => Some(Secret::new("word\n")),
        "GOOGLE" => Some(Secret::new(google.to_string())),
        name => Some(Secret::new(format!("secret-{name}"))),
    };
    Credentials::compile(&entries, &files, &environment).map_err(|error| error.to_string())
}

fn client(proof: Value) -> Value {
    let endpoint = json!({ "cluster": "login", "host": "login.example", "path": "/token" });
    json!({ "oauth": { "endpoint": endpoint, "client_id": "gate", "client_authentication": proof, "scope": "s" } })
}

#[test]
fn a_machine_asks_its_clouds_metadata_server() {
    for (machine, host, path, header) in [
        (
            json!({ "azure": { "cluster": "m", "resource": "https://a.example" } }),
            "169.254.169.254",
            "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fa.example",
            ("metadata", "true"),
        ),
        (
            json!({ "azure": { "cluster": "m", "resource": "r", "client_id": "7d1e" } }),
            "169.254.169.254",
            "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=r&client_id=7d1e",
            ("metadata", "true"),
        ),
        (
            json!({ "app_service": { "cluster": "m", "resource": "r", "header": { "env": "HEADER" } } }),
            "localhost",
            "/msi/token?api-version=2019-08-01&resource=r",
            ("x-identity-header", "secret-HEADER"),
        ),
        (
            json!({ "google": { "cluster": "m" } }),
            "metadata.google.internal",
            "/computeMetadata/v1/instance/service-accounts/default/token",
            ("metadata-flavor", "Google"),
        ),
        (
            json!({ "google": { "cluster": "m", "account": "a@b.test", "scopes": ["x", "y"] } }),
            "metadata.google.internal",
            "/computeMetadata/v1/instance/service-accounts/a@b.test/token?scopes=x%2Cy",
            ("metadata-flavor", "Google"),
        ),
    ] {
        let credentials = compiled(json!({ "metadata": machine })).unwrap();
        let (_, credential) = credentials.iter().next().unwrap();
        let Ok(Step::Ask(request)) = credential.begin(&moment(NOW_MS)) else { panic!("{machine}") };
        assert_eq!((request.host, request.path, request.form.is_none()), (host, path, true));
        assert!(request.headers.contains(&(header.0, header.1.to_owned())), "{machine}");
    }
}

/// Three bytes, whose SHA-256 is that of `abc`.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\\nYWJj\\n-----END CERTIFICATE-----\\n";

#[test]
fn an_assertion_says_who_for_whom_and_once() {
    let proof = json!({ "private_key_jwt": { "key": { "env": "RSA" }, "certificate": { "env": "CERTIFICATE" }, "key_id": "k" } });
    let credentials = compiled(client(proof)).unwrap();
    let (_, credential) = credentials.iter().next().unwrap();
    let assertion = |entropy: u8| {
        let moment = Moment { entropy: [entropy; 16], ..moment(NOW_MS) };
        let Ok(Step::Ask(request)) = credential.begin(&moment) else { panic!() };
        let form = request.form.unwrap();
        let assertion = form.split("client_assertion=").nth(1).unwrap().to_owned();
        let part = |index: usize| -> Value {
            let part = assertion.split('.').nth(index).unwrap();
            serde_json::from_slice(&data_encoding::BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap()
        };
        (part(0), part(1))
    };
    let (header, claims) = assertion(1);
    // RFC 7515 section 4.1.8; the digest of `abc` is that of FIPS 180-2.
    let thumbprint = "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0";
    assert_eq!(header, json!({ "alg": "PS256", "typ": "JWT", "kid": "k", "x5t#S256": thumbprint }));
    let now = NOW_MS / 1000;
    assert_eq!(
        claims,
        json!({
            "iss": "gate", "sub": "gate", "aud": "https://login.example/token", "jti": "01".repeat(16),
            "iat": now - 10, "nbf": now - 10, "exp": now + 300,
        })
    );
    assert_ne!(assertion(2).1["jti"], claims["jti"]);
}

#[test]
fn the_role_of_one_pod_is_not_that_of_another() {
    let account = |file: Option<&str>| {
        let container = json!({ "cluster": "c", "path": "/v1/credentials", "authorization_file": file });
        let kind = json!({ "bedrock_key": { "region": "r", "aws": { "container": container } } });
        compiled(kind).unwrap().choose("it", "at").unwrap().accounts
    };
    assert_ne!(account(Some("token")), account(None));
}

#[test]
fn what_lies_in_a_file_is_read_first() {
    let jwt = "eyJhIjoxfQ.eyJhIjoxfQ.c2ln";
    let credentials = compiled(client(json!({ "client_assertion": { "file": "token" } }))).unwrap();
    let (_, credential) = credentials.iter().next().unwrap();
    let Ok(Step::Read(request)) = credential.begin(&moment(NOW_MS)) else { panic!() };
    assert_eq!((request.cluster, request.host, request.path), ("files", "files", "/token"));
    for (content, why) in [
        (Ok(format!(" {jwt}\n")), None),
        (Ok(String::new()), Some("does not hold one JWT")),
        (Ok("a.b".to_owned()), Some("does not hold one JWT")),
        (Ok(format!("{jwt}&client_id=other")), Some("does not hold one JWT")),
        (Ok("a".repeat(16 * 1024) + ".b.c"), Some("does not hold one JWT")),
        (Err("status 404".to_owned()), Some("status 404")),
    ] {
        let told = credential
            .with_file(content.as_deref().map(str::as_bytes).map_err(String::clone), &moment(NOW_MS));
        match (told, why) {
            (Ok(request), None) => {
                assert!(request.form.unwrap().ends_with(&format!("client_assertion={jwt}")))
            }
            (Err(setback), Some(why)) => assert!(setback.why.contains(why), "{}", setback.why),
            (told, _) => panic!("{content:?}: {}", told.is_ok()),
        }
    }
}

#[test]
fn what_is_made_here_is_asked_of_nobody() {
    let keys = json!({ "keys": { "access_key_id": { "env": "ID" }, "secret_access_key": { "env": "KEY" } } });
    for (kind, life, begins) in [
        (json!({ "google_key": { "key": { "env": "GOOGLE" } } }), 3600, "eyJ"),
        (
            json!({ "bedrock_key": { "region": "eu-central-1", "lifetime": "5m", "aws": keys } }),
            300,
            "bedrock-api-key-",
        ),
    ] {
        let credentials = compiled(kind.clone()).unwrap();
        let (_, credential) = credentials.iter().next().unwrap();
        let Ok(Step::Made(Made { token, life_s })) = credential.begin(&moment(NOW_MS)) else {
            panic!("{kind}")
        };
        assert_eq!(life_s, life, "{kind}");
        assert!(token.expose().starts_with(begins.as_bytes()), "{kind}");
    }
}

#[test]
fn keys_of_a_container_are_read_strictly() {
    let container = json!({ "container": { "cluster": "c", "path": "/v1/credentials" } });
    let credentials = compiled(json!({ "bedrock_key": { "region": "r", "aws": container } })).unwrap();
    let (_, credential) = credentials.iter().next().unwrap();
    let keys = |expiration: &str| {
        json!({ "AccessKeyId": "i", "SecretAccessKey": "s", "Token": "t", "Expiration": expiration })
            .to_string()
    };
    for (body, why) in [
        (keys("2026-01-01T12:10:00Z"), None),
        (keys("2026-01-01T12:00:00Z"), Some("its keys have expired already")),
        (keys("soon"), Some("its `Expiration` is no time")),
        (json!({ "AccessKeyId": "i" }).to_string(), Some("it lacks `AccessKeyId` or `SecretAccessKey`")),
        ("[]".to_owned(), Some("it is not one JSON object")),
    ] {
        let answer = TokenAnswer { status: 200, retry_after: None, body: body.as_bytes() };
        let slot = credential.answered(super::super::Slot::default(), answer, NOW_MS, &moment(NOW_MS));
        match why {
            None => assert_eq!(slot.token().unwrap().expires_ms() - NOW_MS, 600_000),
            Some(why) => assert!(slot.failure().unwrap().why.ends_with(why), "{}", slot.failure().unwrap()),
        }
    }
}

#[test]
fn a_key_that_is_absent_or_wrong_is_told() {
    let signed = |key: &str, more: Value| {
        let mut proof = json!({ "key": { "env": key } });
        proof.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        client(json!({ "private_key_jwt": proof }))
    };
    for kind in [
        signed("ABSENT", json!({})),
        signed("RSA", json!({ "certificate": { "env": "ABSENT" } })),
        json!({ "google_key": { "key": { "env": "ABSENT" } } }),
        json!({ "metadata": { "app_service": { "cluster": "m", "resource": "r", "header": { "env": "ABSENT" } } } }),
    ] {
        let credentials = compiled(kind.clone()).unwrap();
        assert!(credentials.iter().all(|(_, credential)| credential.lacks_secret()), "{kind}");
    }
    for (kind, why) in [
        (
            signed("X", json!({})),
            "private_key_jwt.key: the variable's value is not an RSA key of 2048 bits or more in PEM, which `algorithm` asks for",
        ),
        (
            signed("RSA", json!({ "algorithm": "ES256" })),
            "private_key_jwt.key: the variable's value is not a P-256 key in PEM (PKCS #8), which `algorithm` asks for",
        ),
        (
            signed("RSA", json!({ "certificate": { "env": "X" } })),
            "private_key_jwt.certificate: the variable's value is not one certificate in PEM",
        ),
        (
            json!({ "google_key": { "key": { "env": "X" } } }),
            "google_key.key: the variable's value is not the JSON of a key file",
        ),
        (
            json!({ "metadata": { "google": { "cluster": "m", "account": "../x" } } }),
            "google.account: `../x` is no service account; write its address, or leave it out",
        ),
        (
            json!({ "metadata": { "azure": { "cluster": "", "resource": "r" } } }),
            "metadata.cluster: an empty text; write the exact value",
        ),
    ] {
        let told = compiled(kind).unwrap_err();
        assert!(told.ends_with(why), "{told}");
        assert!(!told.contains("secret-X"), "{told}");
    }
}

#[test]
fn a_clouds_own_identity_is_for_that_clouds_services() {
    use Dialect::{Anthropic, Azure, Bedrock, Gemini, Openai, Vertex};
    let aws = json!({ "keys": { "access_key_id": { "env": "ID" }, "secret_access_key": { "env": "KEY" } } });
    let google_key = |audience: Value| {
        let mut key = json!({ "key": { "env": "GOOGLE" } });
        key.as_object_mut().unwrap().extend(audience.as_object().unwrap().clone());
        json!({ "google_key": key })
    };
    let own = ["openai", "anthropic"];
    for (kind, dialects, note) in [
        (
            json!({ "metadata": { "google": { "cluster": "gce" } } }),
            &["gemini", "vertex"][..],
            "Google's machine",
        ),
        (
            json!({ "metadata": { "azure": { "cluster": "imds", "resource": "r" } } }),
            &["azure"],
            "Azure's machine",
        ),
        (json!({ "bedrock_key": { "region": "r", "aws": aws } }), &["bedrock"], "AWS's key"),
        (google_key(json!({})), &["gemini"], "Google's key, for Gemini's API"),
        (
            google_key(json!({ "audience": "https://aiplatform.googleapis.com/" })),
            &["gemini", "vertex"],
            "Google's key, for Vertex AI",
        ),
    ] {
        let credentials = compiled(kind).unwrap();
        let (_, credential) = credentials.iter().next().unwrap();
        for dialect in [Openai, Azure, Anthropic, Gemini, Bedrock, Vertex] {
            let suits = own.contains(&dialect.name()) || dialects.contains(&dialect.name());
            assert_eq!(credential.objection(dialect).is_none(), suits, "{note}: {dialect}");
        }
    }
}
