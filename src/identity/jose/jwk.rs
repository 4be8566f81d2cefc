//! A public key, read from its JWK (RFC 7517, RFC 7518 section 6, RFC 8037).

use serde_json::{Map, Value};

use super::base64url::base64url;
use super::verifying_key::VerifyingKey;
use crate::config::Algorithm;

/// `None` where the JWK is no key for this algorithm, or one that is refused.
pub(in crate::identity) fn verifying_key(
    key: &Map<String, Value>,
    algorithm: Algorithm,
) -> Option<VerifyingKey> {
    let text = |name: &str| key.get(name).and_then(Value::as_str);
    let bytes = |name: &str| text(name).and_then(base64url);
    let of_size = |name: &str, size: usize| bytes(name).filter(|bytes| bytes.len() == size);
    let elliptic = |curve: &str, size: usize| {
        let point = [vec![4], of_size("x", size)?, of_size("y", size)?].concat();
        (text("crv")? == curve).then(|| VerifyingKey::elliptic(algorithm, &point))?
    };
    match (text("kty")?, algorithm) {
        (
            "RSA",
            Algorithm::RS256
            | Algorithm::RS384
            | Algorithm::RS512
            | Algorithm::PS256
            | Algorithm::PS384
            | Algorithm::PS512,
        ) => VerifyingKey::rsa(algorithm, &bytes("n")?, &bytes("e")?),
        ("EC", Algorithm::ES256) => elliptic("P-256", 32),
        ("EC", Algorithm::ES384) => elliptic("P-384", 48),
        ("EC", Algorithm::ES512) => elliptic("P-521", 66),
        ("OKP", Algorithm::EdDSA) if text("crv")? == "Ed25519" => VerifyingKey::ed25519(&of_size("x", 32)?),
        _ => None,
    }
}
