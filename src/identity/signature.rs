//! Public keys, and the proof that a token was signed with one; beside `seal`, the only file that names `jwt_simple`.
//!
//! It checks nothing but the signature. The claims, the header and the choice of the key are judged before,
//! by our own rules; `jwt_simple` judges the claims once more and can only be stricter. It has no ES512, whose bytes are
//! verified as they are.

mod detached;

use jwt_simple::prelude::{
    Duration, ECDSAP256PublicKeyLike as _, ECDSAP384PublicKeyLike as _, ES256PublicKey, ES384PublicKey,
    Ed25519PublicKey, EdDSAPublicKeyLike as _, JWTClaims, NoCustomClaims, PS256PublicKey, PS384PublicKey,
    PS512PublicKey, RS256PublicKey, RS384PublicKey, RS512PublicKey, RSAPublicKeyLike as _, UnixTimeStamp,
    VerificationOptions,
};

use super::compact::{Compact, Header};
use super::credential::MAX_CREDENTIAL_BYTES;
use super::engine::{Question, ecdsa_der};
use crate::config::{Algorithm, Span};
use crate::denial::{Denial, Reason};
use crate::request::Moment;

/// SubjectPublicKeyInfo of a key on P-521 (RFC 5480 section 2) up to its point.
const P521_DER: &[u8] = &[
    0x30, 0x81, 0x9b, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
    0x81, 0x04, 0x00, 0x23, 0x03, 0x81, 0x86, 0x00,
];

/// A public key for one algorithm, ready to verify.
#[derive(Debug)]
pub(super) struct VerifyingKey {
    material: Material,
    /// SubjectPublicKeyInfo for an engine outside; `None` where none can use it.
    der: Option<Vec<u8>>,
}

#[derive(Debug)]
enum Material {
    Rs256(RS256PublicKey),
    Rs384(RS384PublicKey),
    Rs512(RS512PublicKey),
    Ps256(PS256PublicKey),
    Ps384(PS384PublicKey),
    Ps512(PS512PublicKey),
    Es256(ES256PublicKey),
    Es384(ES384PublicKey),
    Es512(Box<p521::ecdsa::VerifyingKey>),
    Ed25519(Ed25519PublicKey),
}

impl VerifyingKey {
    /// An RSA key from its big-endian modulus and exponent: 2048 to 4096 bits, exponent 65537.
    pub(super) fn rsa(algorithm: Algorithm, modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        let (material, der) = match algorithm {
            Algorithm::RS256 => {
                let key = RS256PublicKey::from_components(modulus, exponent).ok()?;
                let der = key.to_der().ok();
                (Material::Rs256(key), der)
            }
            Algorithm::RS384 => {
                let key = RS384PublicKey::from_components(modulus, exponent).ok()?;
                let der = key.to_der().ok();
                (Material::Rs384(key), der)
            }
            Algorithm::RS512 => {
                let key = RS512PublicKey::from_components(modulus, exponent).ok()?;
                let der = key.to_der().ok();
                (Material::Rs512(key), der)
            }
            Algorithm::PS256 => {
                (Material::Ps256(PS256PublicKey::from_components(modulus, exponent).ok()?), None)
            }
            Algorithm::PS384 => {
                (Material::Ps384(PS384PublicKey::from_components(modulus, exponent).ok()?), None)
            }
            Algorithm::PS512 => {
                (Material::Ps512(PS512PublicKey::from_components(modulus, exponent).ok()?), None)
            }
            Algorithm::ES256 | Algorithm::ES384 | Algorithm::ES512 | Algorithm::EdDSA => return None,
        };
        Some(Self { material, der })
    }

    /// A key on P-256, P-384 or P-521 from its uncompressed point: 4, then x, then y.
    pub(super) fn elliptic(algorithm: Algorithm, point: &[u8]) -> Option<Self> {
        let (material, der) = match algorithm {
            Algorithm::ES256 => {
                let key = ES256PublicKey::from_bytes(point).ok()?;
                let der = key.to_der().ok();
                (Material::Es256(key), der)
            }
            Algorithm::ES384 => {
                let key = ES384PublicKey::from_bytes(point).ok()?;
                let der = key.to_der().ok();
                (Material::Es384(key), der)
            }
            Algorithm::ES512 => {
                let key = p521::ecdsa::VerifyingKey::from_sec1_bytes(point).ok()?;
                (Material::Es512(Box::new(key)), Some([P521_DER, point].concat()))
            }
            _ => return None,
        };
        Some(Self { material, der })
    }

    /// An Ed25519 key from its 32 bytes; weak ones are refused.
    pub(super) fn ed25519(bytes: &[u8]) -> Option<Self> {
        let material = Material::Ed25519(Ed25519PublicKey::from_bytes(bytes).ok()?);
        Some(Self { material, der: None })
    }

    /// What an engine outside must be asked; `None` where it could not be put to one.
    pub(super) fn question<'a>(&'a self, token: &'a Compact<'_>) -> Option<Question<'a>> {
        let (hash, signature) = match &self.material {
            Material::Rs256(_) => ("sha256", token.signature.clone()),
            Material::Rs384(_) => ("sha384", token.signature.clone()),
            Material::Rs512(_) => ("sha512", token.signature.clone()),
            Material::Es256(_) => ("sha256", ecdsa_der(&token.signature, 32)?),
            Material::Es384(_) => ("sha384", ecdsa_der(&token.signature, 48)?),
            Material::Es512(_) => ("sha512", ecdsa_der(&token.signature, 66)?),
            Material::Ps256(_) | Material::Ps384(_) | Material::Ps512(_) | Material::Ed25519(_) => {
                return None;
            }
        };
        Some(Question { hash, key: self.der.as_deref()?, signature, signed: token.signed.as_bytes() })
    }

    /// Verifies the signature of a token whose header names this key's algorithm.
    pub(super) fn verify(&self, token: &Compact<'_>, leeway: Span, moment: &Moment) -> Result<(), Denial> {
        let Header { kid, typ, .. } = &token.header;
        let options = Some(options(kid.clone(), typ.clone(), leeway, moment));
        let proven: Result<JWTClaims<NoCustomClaims>, _> = match &self.material {
            Material::Rs256(key) => key.verify_token(token.token, options),
            Material::Rs384(key) => key.verify_token(token.token, options),
            Material::Rs512(key) => key.verify_token(token.token, options),
            Material::Ps256(key) => key.verify_token(token.token, options),
            Material::Ps384(key) => key.verify_token(token.token, options),
            Material::Ps512(key) => key.verify_token(token.token, options),
            Material::Es256(key) => key.verify_token(token.token, options),
            Material::Es384(key) => key.verify_token(token.token, options),
            Material::Es512(_) => {
                return match self.signed(token.signed.as_bytes(), &token.signature) {
                    true => Ok(()),
                    false => Err(Reason::TokenSignatureInvalid.into()),
                };
            }
            Material::Ed25519(key) => key.verify_token(token.token, options),
        };
        match proven {
            Ok(_) => Ok(()),
            // The header was read before, so what cannot be deserialized is a claim behind a good signature.
            Err(error) if error.is::<serde_json::Error>() => Err(Reason::TokenClaimInvalid.into()),
            Err(_) => Err(Reason::TokenSignatureInvalid.into()),
        }
    }
}

/// For a token whose header and claims have been judged. Every field is set, because the defaults are lenient and may
/// change.
pub(super) fn options(
    kid: Option<String>,
    typ: Option<String>,
    leeway: Span,
    moment: &Moment,
) -> VerificationOptions {
    VerificationOptions {
        reject_before: None,
        // Without the host's clock: `nbf` and `iat` were judged before, in exact arithmetic.
        accept_future: true,
        required_subject: None,
        required_key_id: kid,
        // The issuer's `types` have been applied; this only keeps jwt-simple's own list from narrowing them.
        required_signature_type: typ,
        required_content_type: None,
        required_nonce: None,
        allowed_issuers: None,
        allowed_audiences: None,
        time_tolerance: Some(Duration::from_secs(leeway.seconds().saturating_add(1))),
        max_validity: None,
        max_token_length: Some(MAX_CREDENTIAL_BYTES),
        max_header_length: Some(MAX_CREDENTIAL_BYTES),
        artificial_time: Some(UnixTimeStamp::from_secs(moment.unix_seconds())),
    }
}

/// Leaves every registered claim to `custom`, so that no clock of jwt-simple's gets in.
pub(super) fn jwt_claims<C>(custom: C) -> JWTClaims<C> {
    JWTClaims {
        issued_at: None,
        expires_at: None,
        invalid_before: None,
        issuer: None,
        subject: None,
        audiences: None,
        jwt_id: None,
        nonce: None,
        custom,
    }
}

#[cfg(test)]
pub(crate) mod signing {
    //! Signs test tokens: ordinary ones with every algorithm, and any bytes at all with Ed25519.

    use ct_codecs::{Base64UrlSafeNoPadding, Encoder as _};
    use jwt_simple::prelude::{
        ECDSAP256KeyPairLike as _, ECDSAP384KeyPairLike as _, ES256KeyPair, ES384KeyPair, Ed25519KeyPair,
        EdDSAKeyPairLike as _, HS256Key, MACLike as _, PS256KeyPair, PS384KeyPair, PS512KeyPair,
        RS256KeyPair, RS384KeyPair, RS512KeyPair, RSAKeyPairLike as _,
    };
    use p521::ecdsa::signature::Signer as _;
    use serde_json::{Value, json};

    use super::jwt_claims;
    use crate::config::Algorithm;

    pub(crate) const RSA: &str = include_str!("testdata/rsa_2048.pem");
    pub(crate) const OTHER_RSA: &str = include_str!("testdata/rsa_2048_other.pem");

    /// A token with an ordinary header, and the JWK that verifies it; `rsa` is the key of RSA algorithms.
    pub(crate) fn signed(algorithm: Algorithm, kid: &str, claims: &Value, rsa: &str) -> (String, Value) {
        macro_rules! sign {
            ($pair:expr) => {{
                let pair = $pair.with_key_id(kid);
                (pair.sign(jwt_claims(claims)).unwrap(), pair.public_key().to_jwk())
            }};
        }
        let (token, jwk) = match algorithm {
            Algorithm::RS256 => sign!(RS256KeyPair::from_pem(rsa).unwrap()),
            Algorithm::RS384 => sign!(RS384KeyPair::from_pem(rsa).unwrap()),
            Algorithm::RS512 => sign!(RS512KeyPair::from_pem(rsa).unwrap()),
            Algorithm::PS256 => sign!(PS256KeyPair::from_pem(rsa).unwrap()),
            Algorithm::ES256 => sign!(ES256KeyPair::generate()),
            Algorithm::PS384 => sign!(PS384KeyPair::from_pem(rsa).unwrap()),
            Algorithm::PS512 => sign!(PS512KeyPair::from_pem(rsa).unwrap()),
            Algorithm::ES384 => sign!(ES384KeyPair::generate()),
            Algorithm::ES512 => return es512(kid, claims),
            Algorithm::EdDSA => sign!(Ed25519KeyPair::generate()),
        };
        (token, serde_json::from_str(&jwk).unwrap())
    }

    fn es512(kid: &str, claims: &Value) -> (String, Value) {
        let mut secret = [0; 66];
        // Below the order of the curve, whose first byte is 1.
        getrandom::fill(&mut secret[1..]).unwrap();
        let key = p521::ecdsa::SigningKey::from_slice(&secret).unwrap();
        let header = json!({ "alg": "ES512", "kid": kid, "typ": "JWT" });
        let signed = format!(
            "{}.{}",
            base64url(header.to_string().as_bytes()),
            base64url(claims.to_string().as_bytes())
        );
        let signature: p521::ecdsa::Signature = key.sign(signed.as_bytes());
        let point = key.verifying_key().to_sec1_point(false);
        let half = |range: std::ops::Range<usize>| base64url(&point.as_bytes()[range]);
        let jwk = json!({ "kty": "EC", "crv": "P-521", "kid": kid, "x": half(1..67), "y": half(67..133) });
        (format!("{signed}.{}", base64url(&signature.to_bytes())), jwk)
    }

    /// A token whose HMAC secret is `secret`.
    pub(crate) fn hs256(secret: &[u8], kid: &str, claims: &Value) -> String {
        HS256Key::from_bytes(secret).with_key_id(kid).authenticate(jwt_claims(claims)).unwrap()
    }

    /// The public half of an RSA key in the forms that confused verifiers have used as HMAC secrets.
    pub(crate) fn public_forms(rsa: &str) -> [Vec<u8>; 3] {
        let key = RS256KeyPair::from_pem(rsa).unwrap().public_key();
        [key.to_pem().unwrap().into_bytes(), key.to_der().unwrap(), key.to_components().n]
    }

    /// An Ed25519 key that signs whatever header and claims it is given.
    pub(crate) struct RawSigner(Ed25519KeyPair);

    impl RawSigner {
        pub(crate) fn generate(kid: &str) -> Self {
            Self(Ed25519KeyPair::generate().with_key_id(kid))
        }

        pub(crate) fn jwk(&self) -> Value {
            serde_json::from_str(&self.0.public_key().to_jwk()).unwrap()
        }

        /// With its private part, as the environment has a signing key.
        pub(crate) fn private_jwk(&self) -> String {
            self.0.to_jwk()
        }

        pub(crate) fn sign(&self, header: &str, claims: &str) -> String {
            self.sign_segments(&base64url(header.as_bytes()), &base64url(claims.as_bytes()))
        }

        /// A proof of possession (RFC 9449 section 4.2) with these claims.
        pub(crate) fn proof(&self, claims: &Value) -> String {
            let header = serde_json::json!({ "typ": "dpop+jwt", "alg": "EdDSA", "jwk": self.jwk() });
            self.sign(&header.to_string(), &claims.to_string())
        }

        /// The thumbprint of its public key (RFC 7638).
        pub(crate) fn thumbprint(&self) -> String {
            self.0.public_key().jwk_thumbprint()
        }

        pub(crate) fn sign_segments(&self, header: &str, claims: &str) -> String {
            let signed = format!("{header}.{claims}");
            let signature = self.0.key_pair().as_ref().sk.sign(&signed, None);
            format!("{signed}.{}", base64url(signature.as_ref()))
        }
    }

    pub(crate) fn base64url(bytes: &[u8]) -> String {
        Base64UrlSafeNoPadding::encode_to_string(bytes).unwrap()
    }
}
