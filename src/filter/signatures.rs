//! Envoy's foreign function `verify_signature`: BoringSSL instead of wasm for RSA and ECDSA signatures.
//!
//! A host without it answers NotFound, and the signature is verified here instead.

use proxy_wasm::hostcalls;

use super::protobuf::push_field;
use crate::identity::{EngineAnswer, Question};

/// `envoy.source.extensions.common.wasm.VerifySignatureArguments`, by field number.
const HASH: u8 = 1;
const PUBLIC_KEY: u8 = 2;
const SIGNATURE: u8 = 3;
const SIGNED: u8 = 4;

/// `VerifySignatureResult { 1: bool result, 2: string error }` where the result is true.
const VALID: [u8; 2] = [0x08, 0x01];

pub(super) fn verify(question: &Question<'_>) -> EngineAnswer {
    let mut message = Vec::new();
    push_field(&mut message, HASH, question.hash.as_bytes());
    push_field(&mut message, PUBLIC_KEY, question.key);
    push_field(&mut message, SIGNATURE, &question.signature);
    push_field(&mut message, SIGNED, question.signed);
    match hostcalls::call_foreign_function("verify_signature", Some(&message)) {
        Ok(Some(answer)) if answer.starts_with(&VALID) => EngineAnswer::Valid,
        Ok(_) => EngineAnswer::Invalid,
        Err(_) => EngineAnswer::Unavailable,
    }
}
