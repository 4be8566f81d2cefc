//! How `jwt_simple` is kept to the signature alone: what it would judge beside it has been judged before.

use jwt_simple::prelude::{Duration, JWTClaims, UnixTimeStamp, VerificationOptions};

use crate::config::Span;
use crate::identity::credential::MAX_CREDENTIAL_BYTES;
use crate::request::Moment;

/// For a token whose header and claims have been judged. Every field is set, because the defaults are lenient and may
/// change.
pub(in crate::identity) fn options(
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
pub(in crate::identity) fn jwt_claims<C>(custom: C) -> JWTClaims<C> {
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

    pub(crate) const RSA: &str = include_str!("../testdata/rsa_2048.pem");
    pub(crate) const OTHER_RSA: &str = include_str!("../testdata/rsa_2048_other.pem");

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
