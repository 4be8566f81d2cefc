//! The thumbprint of a public key (RFC 7638).

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::config::Thumbprint;

/// SHA-256 over the members that make the key, in the order of their names and without space; `None` where one of them is
/// missing or no text.
pub(in crate::identity) fn thumbprint(jwk: &Map<String, Value>) -> Option<Thumbprint> {
    let names: &[&str] = match jwk.get("kty")?.as_str()? {
        "EC" => &["crv", "kty", "x", "y"],
        "OKP" => &["crv", "kty", "x"],
        "RSA" => &["e", "kty", "n"],
        _ => return None,
    };
    let mut canonical = String::from("{");
    for (index, name) in names.iter().enumerate() {
        let value = jwk.get(*name).filter(|value| value.is_string())?;
        let comma = if index > 0 { "," } else { "" };
        canonical.push_str(&format!("{comma}\"{name}\":{value}"));
    }
    canonical.push('}');
    Some(Thumbprint::of_digest(Sha256::digest(canonical).into()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::thumbprint;

    fn of(jwk: &Value) -> Option<String> {
        thumbprint(jwk.as_object().unwrap()).map(|thumbprint| thumbprint.to_string())
    }

    #[test]
    fn the_examples_of_the_rfcs_hold() {
        let rsa = json!({
            "kty": "RSA", "alg": "RS256", "kid": "2011-04-29", "e": "AQAB",
            "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECP\
                  ebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY36\
                  8QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd\
                  2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
        });
        let ec = json!({
            "kty": "EC", "crv": "P-256", "use": "sig",
            "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs", "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
        });
        let okp =
            json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
        for (jwk, want, note) in [
            (rsa, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", "RFC 7638 section 3.1"),
            (ec, "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I", "RFC 9449 section 6.1"),
            (okp, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", "RFC 8037 appendix A.3"),
        ] {
            assert_eq!(of(&jwk).as_deref(), Some(want), "{note}");
        }
    }

    #[test]
    fn what_makes_no_key_has_none() {
        for (jwk, note) in [
            (json!({ "kty": "oct", "k": "AAAA" }), "a secret"),
            (json!({ "kty": "OKP", "crv": "Ed25519" }), "a member is missing"),
            (json!({ "kty": "RSA", "n": 5, "e": "AQAB" }), "a member is no text"),
            (json!({ "crv": "Ed25519", "x": "AA" }), "no `kty`"),
        ] {
            assert_eq!(of(&jwk), None, "{note}");
        }
    }
}
