//! Signatures, verified natively: what Envoy's `verify_signature` is for the wasm filter.

use crate::identity::{EngineAnswer, Question};

#[cfg(feature = "native-signatures")]
pub(super) fn verify(question: &Question<'_>) -> EngineAnswer {
    use aws_lc_rs::signature::UnparsedPublicKey;

    let Some(algorithm) = algorithm(question) else { return EngineAnswer::Unavailable };
    match UnparsedPublicKey::new(algorithm, question.key).verify(question.signed, &question.signature) {
        Ok(()) => EngineAnswer::Valid,
        Err(_) => EngineAnswer::Invalid,
    }
}

#[cfg(not(feature = "native-signatures"))]
pub(super) fn verify(_: &Question<'_>) -> EngineAnswer {
    EngineAnswer::Unavailable
}

/// By what the key says that it is for, and the hash.
#[cfg(feature = "native-signatures")]
fn algorithm(question: &Question<'_>) -> Option<&'static dyn aws_lc_rs::signature::VerificationAlgorithm> {
    use aws_lc_rs::signature;

    // The identifiers of SubjectPublicKeyInfo (RFC 3279 section 2.3, RFC 5480 section 2.1.1), near its beginning.
    const RSA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
    const P256: &[u8] = b"\x2a\x86\x48\xce\x3d\x03\x01\x07";
    const P384: &[u8] = b"\x2b\x81\x04\x00\x22";
    const P521: &[u8] = b"\x2b\x81\x04\x00\x23";
    const HEAD: usize = 32;
    let head = question.key.get(..HEAD)?;
    let names = |identifier: &[u8]| memchr::memmem::find(head, identifier).is_some();
    Some(match question.hash {
        "sha256" if names(RSA) => &signature::RSA_PKCS1_2048_8192_SHA256,
        "sha384" if names(RSA) => &signature::RSA_PKCS1_2048_8192_SHA384,
        "sha512" if names(RSA) => &signature::RSA_PKCS1_2048_8192_SHA512,
        "sha256" if names(P256) => &signature::ECDSA_P256_SHA256_ASN1,
        "sha384" if names(P384) => &signature::ECDSA_P384_SHA384_ASN1,
        "sha512" if names(P521) => &signature::ECDSA_P521_SHA512_ASN1,
        _ => return None,
    })
}

#[cfg(test)]
#[cfg(feature = "native-signatures")]
mod tests {
    use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{self, EcdsaKeyPair, KeyPair, RsaKeyPair};

    use super::verify;
    use crate::identity::{EngineAnswer, Question};

    const SIGNED: &[u8] = b"header.claims";

    /// A key, and its signature.
    type Pair = (Vec<u8>, Vec<u8>);

    fn rsa(algorithm: &'static dyn signature::RsaEncoding) -> Pair {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(algorithm, &SystemRandom::new(), SIGNED, &mut signature).unwrap();
        let key: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        (key.as_ref().to_vec(), signature)
    }

    fn elliptic(algorithm: &'static signature::EcdsaSigningAlgorithm) -> Pair {
        let pair = EcdsaKeyPair::generate(algorithm).unwrap();
        let signature = pair.sign(&SystemRandom::new(), SIGNED).unwrap();
        let key: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        (key.as_ref().to_vec(), signature.as_ref().to_vec())
    }

    #[test]
    fn a_signature_is_that_of_one_text_under_one_key() {
        for (hash, (key, signature), other) in [
            ("sha256", rsa(&signature::RSA_PKCS1_SHA256), rsa(&signature::RSA_PKCS1_SHA256)),
            ("sha512", rsa(&signature::RSA_PKCS1_SHA512), rsa(&signature::RSA_PKCS1_SHA512)),
            (
                "sha256",
                elliptic(&signature::ECDSA_P256_SHA256_ASN1_SIGNING),
                elliptic(&signature::ECDSA_P256_SHA256_ASN1_SIGNING),
            ),
            (
                "sha512",
                elliptic(&signature::ECDSA_P521_SHA512_ASN1_SIGNING),
                elliptic(&signature::ECDSA_P521_SHA512_ASN1_SIGNING),
            ),
        ] {
            let ask = |key, signature: &[u8], signed| {
                verify(&Question { hash, key, signature: signature.to_vec(), signed })
            };
            assert_eq!(ask(&key, &signature, SIGNED), EngineAnswer::Valid, "{hash}");
            assert_eq!(ask(&key, &signature, b"header.other"), EngineAnswer::Invalid, "{hash}");
            assert_eq!(ask(&key, &signature[1..], SIGNED), EngineAnswer::Invalid, "{hash}");
            assert_eq!(ask(&other.0, &signature, SIGNED), EngineAnswer::Invalid, "{hash}");
            assert_eq!(ask(&key[..20], &signature, SIGNED), EngineAnswer::Unavailable, "{hash}");
        }
    }

    #[test]
    fn what_it_does_not_know_is_verified_elsewhere() {
        let (key, signature) = rsa(&signature::RSA_PKCS1_SHA256);
        let question = Question { hash: "md5", key: &key, signature, signed: SIGNED };
        assert_eq!(verify(&question), EngineAnswer::Unavailable);
    }
}
