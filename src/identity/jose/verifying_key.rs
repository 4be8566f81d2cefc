//! A public key for one algorithm of JWA (RFC 7518), as `jwt_simple` has it; ES512, which it has not, as `p521` has it.

use jwt_simple::prelude::{
    ES256PublicKey, ES384PublicKey, Ed25519PublicKey, PS256PublicKey, PS384PublicKey, PS512PublicKey,
    RS256PublicKey, RS384PublicKey, RS512PublicKey,
};

use super::compact::Compact;
use super::offload::{Question, ecdsa_der};
use crate::config::Algorithm;

/// SubjectPublicKeyInfo of a key on P-521 (RFC 5480 section 2) up to its point.
const P521_DER: &[u8] = &[
    0x30, 0x81, 0x9b, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
    0x81, 0x04, 0x00, 0x23, 0x03, 0x81, 0x86, 0x00,
];

/// A public key for one algorithm, ready to verify.
#[derive(Debug)]
pub(in crate::identity) struct VerifyingKey {
    pub(super) material: Material,
    /// SubjectPublicKeyInfo for an engine outside; `None` where none can use it.
    der: Option<Vec<u8>>,
}

#[derive(Debug)]
pub(super) enum Material {
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
    pub(in crate::identity) fn rsa(algorithm: Algorithm, modulus: &[u8], exponent: &[u8]) -> Option<Self> {
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
    pub(in crate::identity) fn elliptic(algorithm: Algorithm, point: &[u8]) -> Option<Self> {
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
    pub(in crate::identity) fn ed25519(bytes: &[u8]) -> Option<Self> {
        let material = Material::Ed25519(Ed25519PublicKey::from_bytes(bytes).ok()?);
        Some(Self { material, der: None })
    }

    /// What an engine outside must be asked; `None` where it could not be put to one.
    pub(in crate::identity) fn question<'a>(&'a self, token: &'a Compact<'_>) -> Option<Question<'a>> {
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
}
