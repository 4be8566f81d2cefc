//! The proof that a token was signed with a key.
//!
//! It checks nothing but the signature. The claims, the header and the choice of the key are judged before,
//! by our own rules; `jwt_simple` judges the claims once more and can only be stricter. It has no ES512, whose bytes are
//! verified as they are.

use jwt_simple::prelude::{
    ECDSAP256PublicKeyLike as _, ECDSAP384PublicKeyLike as _, EdDSAPublicKeyLike as _, JWTClaims,
    NoCustomClaims, RSAPublicKeyLike as _,
};

use super::compact::{Compact, Header};
use super::jwt_simple_options::options;
use super::verifying_key::{Material, VerifyingKey};
use crate::config::Span;
use crate::denial::{Denial, Reason};
use crate::request::Moment;

impl VerifyingKey {
    /// Verifies the signature of a token whose header names this key's algorithm.
    pub(in crate::identity) fn verify(
        &self,
        token: &Compact<'_>,
        leeway: Span,
        moment: &Moment,
    ) -> Result<(), Denial> {
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
