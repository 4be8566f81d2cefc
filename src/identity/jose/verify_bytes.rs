//! Verifies a signature over any bytes. `jwt_simple` verifies whole tokens, and does not read one that brings its key in
//! the header as an object (RFC 7515 section 4.1.3), as a proof of possession does.

use jwt_simple::prelude::{
    ECDSAP256PublicKeyLike as _, ECDSAP384PublicKeyLike as _, EdDSAPublicKeyLike as _, RSAPublicKeyLike,
};
use p256::ecdsa::signature::Verifier as _;
use superboring::pkey::PKey;
use superboring::sign::Verifier;

use super::verifying_key::{Material, VerifyingKey};

impl VerifyingKey {
    /// True where `signature`, in the form of a JWS (RFC 7518 section 3), is that of `signed`.
    pub(in crate::identity) fn signed(&self, signed: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Rs256(key) => rsa(key, signed, signature),
            Material::Rs384(key) => rsa(key, signed, signature),
            Material::Rs512(key) => rsa(key, signed, signature),
            Material::Ps256(key) => rsa(key, signed, signature),
            Material::Ps384(key) => rsa(key, signed, signature),
            Material::Ps512(key) => rsa(key, signed, signature),
            Material::Es256(key) => p256::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.public_key().as_ref().verify(signed, &signature).is_ok()),
            Material::Es384(key) => p384::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.public_key().as_ref().verify(signed, &signature).is_ok()),
            Material::Es512(key) => p521::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(signed, &signature).is_ok()),
            Material::Ed25519(key) => ed25519_compact::Signature::from_slice(signature)
                .is_ok_and(|signature| key.public_key().as_ref().verify(signed, &signature).is_ok()),
        }
    }
}

fn rsa<K: RSAPublicKeyLike>(key: &K, signed: &[u8], signature: &[u8]) -> bool {
    let verified = || {
        let public = PKey::from_rsa(key.public_key().as_ref().clone()).ok()?;
        let mut verifier = Verifier::new(K::hash(), &public).ok()?;
        verifier.set_rsa_padding(key.padding_scheme()).ok()?;
        verifier.update(signed).ok()?;
        verifier.verify(signature).ok()
    };
    verified() == Some(true)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::config::Algorithm;
    use crate::identity::jose::compact::Compact;
    use crate::identity::jose::jwk::verifying_key;
    use crate::identity::signing::{OTHER_RSA, RSA, signed};

    #[test]
    fn a_signature_is_that_of_its_bytes_and_key_alone() {
        for algorithm in Algorithm::ALL {
            let name = algorithm.name();
            let (token, jwk) = signed(algorithm, "k", &json!({ "a": 1 }), RSA);
            let (other, other_jwk) = signed(algorithm, "k", &json!({ "a": 2 }), OTHER_RSA);
            let key = |jwk: &serde_json::Value| verifying_key(jwk.as_object().unwrap(), algorithm).unwrap();
            let (token, other) = (Compact::read(&token).unwrap(), Compact::read(&other).unwrap());
            let verify = |key: &super::VerifyingKey, token: &Compact<'_>, signature: &[u8]| {
                key.signed(token.signed.as_bytes(), signature)
            };
            assert!(verify(&key(&jwk), &token, &token.signature), "{name}");
            assert!(!verify(&key(&other_jwk), &token, &token.signature), "{name}: another key");
            assert!(!verify(&key(&jwk), &other, &token.signature), "{name}: other bytes");
            for (damaged, note) in [
                (Vec::new(), "nothing"),
                (token.signature[1..].to_vec(), "cut off"),
                ([token.signature.as_slice(), &[0]].concat(), "a byte more"),
                (vec![0; token.signature.len()], "zeros"),
            ] {
                assert!(!verify(&key(&jwk), &token, &damaged), "{name}: {note}");
            }
        }
    }
}
