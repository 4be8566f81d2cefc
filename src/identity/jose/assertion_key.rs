//! Signs what the gateway says of itself, with a private key that somebody else knows the public half of.
//!
//! `jwt_simple` signs no token with the header that Entra wants (`x5t#S256`), so that only its keys are used here.

use ct_codecs::{Base64UrlSafeNoPadding, Encoder};
use jwt_simple::prelude::{ECDSAP256KeyPairLike as _, ES256KeyPair};
use p256::ecdsa::signature::Signer as _;
use serde_json::{Map, Value};
use superboring::hash::MessageDigest;
use superboring::pkey::{PKey, Private};
use superboring::rsa::{Padding, Rsa};
use superboring::sign::Signer;

use crate::config::AssertionAlgorithm;
use crate::secret::Secret;

/// A private key, and the algorithm that it signs by.
pub struct AssertionKey(Material);

enum Material {
    Rs256(PKey<Private>),
    Ps256(PKey<Private>),
    Es256(Box<ES256KeyPair>),
}

impl AssertionKey {
    /// Reads a key in PEM (PKCS #8; of RSA PKCS #1, too); `\n` in it may be written out.
    ///
    /// # Errors
    /// What is wrong with it, without quoting it.
    pub fn parse(pem: &Secret, algorithm: AssertionAlgorithm) -> Result<Self, &'static str> {
        let text = std::str::from_utf8(pem.expose()).map_err(|_| "is not a text")?.replace("\\n", "\n");
        let rsa = || {
            let key = Rsa::private_key_from_pem(text.as_bytes()).ok();
            let key = key.filter(|key| key.bits() >= 2048).and_then(|key| PKey::from_rsa(key).ok());
            key.ok_or("is not an RSA key of 2048 bits or more in PEM, which `algorithm` asks for")
        };
        Ok(Self(match algorithm {
            AssertionAlgorithm::RS256 => Material::Rs256(rsa()?),
            AssertionAlgorithm::PS256 => Material::Ps256(rsa()?),
            AssertionAlgorithm::ES256 => {
                let pair = ES256KeyPair::from_pem(text.trim())
                    .map_err(|_| "is not a P-256 key in PEM (PKCS #8), which `algorithm` asks for")?;
                Material::Es256(Box::new(pair))
            }
        }))
    }

    /// A JWT with these claims, and these parameters in its header beside `alg` and `typ`. `None` where the key cannot sign.
    pub fn sign(&self, mut header: Map<String, Value>, claims: &Value) -> Option<String> {
        header.insert("alg".to_owned(), self.algorithm().name().into());
        header.insert("typ".to_owned(), "JWT".into());
        let parts = [Value::Object(header).to_string(), claims.to_string()];
        let [header, claims] = parts.map(Base64UrlSafeNoPadding::encode_to_string);
        let signed = format!("{}.{}", header.ok()?, claims.ok()?);
        let signature = match &self.0 {
            Material::Rs256(key) => rsa(key, Padding::PKCS1, signed.as_bytes())?,
            Material::Ps256(key) => rsa(key, Padding::PKCS1_PSS, signed.as_bytes())?,
            Material::Es256(pair) => {
                let signature: p256::ecdsa::Signature =
                    pair.key_pair().as_ref().try_sign(signed.as_bytes()).ok()?;
                signature.to_bytes().to_vec()
            }
        };
        Some(format!("{signed}.{}", Base64UrlSafeNoPadding::encode_to_string(signature).ok()?))
    }

    fn algorithm(&self) -> AssertionAlgorithm {
        match self.0 {
            Material::Rs256(_) => AssertionAlgorithm::RS256,
            Material::Ps256(_) => AssertionAlgorithm::PS256,
            Material::Es256(_) => AssertionAlgorithm::ES256,
        }
    }
}

impl std::fmt::Debug for AssertionKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "AssertionKey({})", self.algorithm().name())
    }
}

fn rsa(key: &PKey<Private>, padding: Padding, signed: &[u8]) -> Option<Vec<u8>> {
    let mut signer = Signer::new(MessageDigest::sha256(), key).ok()?;
    signer.set_rsa_padding(padding).ok()?;
    signer.update(signed).ok()?;
    signer.sign_to_vec().ok()
}

#[cfg(test)]
mod tests {
    use jwt_simple::prelude::ES256KeyPair;
    use serde_json::{Map, json};

    use super::AssertionKey;
    use crate::config::{Algorithm, AssertionAlgorithm};
    use crate::identity::jose::compact::Compact;
    use crate::identity::jose::jwk::verifying_key;
    use crate::identity::signing::{OTHER_RSA, RSA, signed};
    use crate::secret::Secret;

    #[test]
    fn what_it_signs_its_public_half_verifies() {
        let pair = ES256KeyPair::generate();
        let jwk_of = |algorithm, rsa| signed(algorithm, "k", &json!({}), rsa).1;
        for (algorithm, verified_by, pem, jwk, other) in [
            (
                AssertionAlgorithm::RS256,
                Algorithm::RS256,
                RSA.replace('\n', "\\n"),
                jwk_of(Algorithm::RS256, RSA),
                jwk_of(Algorithm::RS256, OTHER_RSA),
            ),
            (
                AssertionAlgorithm::PS256,
                Algorithm::PS256,
                RSA.to_owned(),
                jwk_of(Algorithm::PS256, RSA),
                jwk_of(Algorithm::PS256, OTHER_RSA),
            ),
            (
                AssertionAlgorithm::ES256,
                Algorithm::ES256,
                pair.to_pem().unwrap(),
                serde_json::from_str(&pair.public_key().to_jwk()).unwrap(),
                jwk_of(Algorithm::ES256, RSA),
            ),
        ] {
            let key = AssertionKey::parse(&Secret::new(pem), algorithm).unwrap();
            let header = Map::from_iter([("kid".to_owned(), json!("k"))]);
            let token = key.sign(header, &json!({ "iss": "gate" })).unwrap();
            let compact = Compact::read(&token).unwrap();
            let verifies = |jwk: &serde_json::Value| {
                let key = verifying_key(jwk.as_object().unwrap(), verified_by).unwrap();
                key.signed(compact.signed.as_bytes(), &compact.signature)
            };
            assert!(verifies(&jwk) && !verifies(&other), "{algorithm:?}");
        }
    }

    #[test]
    fn a_key_that_is_none_is_told_without_quoting_it() {
        for algorithm in [AssertionAlgorithm::RS256, AssertionAlgorithm::PS256, AssertionAlgorithm::ES256] {
            for pem in ["", "hunter2", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
                let why = AssertionKey::parse(&Secret::new(pem), algorithm).unwrap_err();
                assert!(why.contains("in PEM"), "{why}");
            }
        }
    }
}
