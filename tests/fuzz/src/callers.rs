//! Callers who are known, and a configuration that knows them. The keys are made of fixed numbers, or are
//! those of the unit tests; nobody else has a use for them.

use claimgate::config::Config;
use claimgate::expression::Engine;
use claimgate::gateway::Gateway;
use claimgate::identity::{ApiKey, EngineAnswer, Identity, Question};
use claimgate::request::Moment;
use claimgate::secret::Secret;
use ct_codecs::{Base64UrlSafeNoPadding, Encoder as _};
use ed25519_compact::{KeyPair, Seed};
use jwt_simple::prelude::{
    ECDSAP256KeyPairLike as _, ES256KeyPair, JWTClaims, RS256KeyPair, RSAKeyPairLike as _,
};
use serde_json::{Value, json};

pub const ISSUER: &str = "https://idp.example";
pub const AUDIENCE: &str = "gateway";
/// 2026-01-01T12:00:00Z in seconds.
pub const NOW: u64 = 1_767_268_800;
const RSA: &str = include_str!("../../../src/identity/testdata/rsa_2048.pem");

/// Everybody who may call.
pub struct Callers {
    signer: KeyPair,
    pub api_key: String,
    /// One token per algorithm: EdDSA, ES256, RS256.
    pub tokens: Vec<String>,
    jwks: Value,
}

impl Default for Callers {
    fn default() -> Self {
        Self::new()
    }
}

impl Callers {
    pub fn new() -> Self {
        let signer = KeyPair::from_seed(Seed::new([7; 32]));
        let p256 = ES256KeyPair::from_bytes(&[9; 32]).expect("a P-256 key").with_key_id("p256");
        let rsa = RS256KeyPair::from_pem(RSA).expect("an RSA key").with_key_id("rsa");
        let edwards =
            json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(signer.pk.as_ref()), "kid": "ed"});
        let read = |jwk: String| serde_json::from_str::<Value>(&jwk).expect("a JWK");
        let jwks = [edwards, read(p256.public_key().to_jwk()), read(rsa.public_key().to_jwk())];
        let api_key = String::from_utf8(ApiKey::mint([7; 32]).expose().to_vec()).expect("a key is ASCII");
        let mut callers = Self { signer, api_key, tokens: Vec::new(), jwks: json!({ "keys": jwks }) };
        let first =
            callers.sign(br#"{"alg":"EdDSA","kid":"ed","typ":"JWT"}"#, claims().to_string().as_bytes());
        let others = [p256.sign(jwt_claims()), rsa.sign(jwt_claims())];
        callers.tokens = [first].into_iter().chain(others.map(|token| token.expect("it signs"))).collect();
        callers
    }

    /// A token of any header and claims, with a signature that holds.
    pub fn sign(&self, header: &[u8], claims: &[u8]) -> String {
        let signed = format!("{}.{}", base64url(header), base64url(claims));
        let signature = self.signer.sk.sign(&signed, None);
        format!("{signed}.{}", base64url(signature.as_ref()))
    }

    /// A host's engine that knows the genuine tokens and calls every other signature invalid. It is exact where
    /// a real one is, and a hundred times faster.
    pub fn engine(&self, question: &Question<'_>) -> EngineAnswer {
        let is_signed = |token: &&String| {
            token.rsplit_once('.').is_some_and(|(signed, _)| signed.as_bytes() == question.signed)
        };
        match self.tokens.iter().find(is_signed) {
            // Its bytes are DER for ECDSA, so the signature is left to the code that has no engine.
            Some(_) => EngineAnswer::Unavailable,
            None => EngineAnswer::Invalid,
        }
    }

    /// A configuration with an upstream of each dialect, whose clusters have the dialects' names.
    pub fn configuration(&self) -> Value {
        let mut upstreams = ["openai", "azure", "anthropic", "gemini", "bedrock"]
            .map(|dialect| json!({ "cluster": dialect, "dialect": dialect, "credential": {"env": "PROVIDER"} }))
            .to_vec();
        upstreams.push(json!({
            "cluster": "vertex", "dialect": "vertex", "credential": {"env": "PROVIDER"},
            "projects": ["acme-prod"], "locations": ["global"],
        }));
        let hash = ApiKey::hash(&Secret::new(self.api_key.clone())).to_string();
        json!({
            "open": [{"method": "GET", "path": "/healthz"}],
            "keys": [{"id": "k", "hash": hash, "project": "p", "service_account": "s", "tenant": "acme"}],
            "issuers": [{
                "issuer": ISSUER, "audiences": [AUDIENCE], "algorithms": ["EdDSA", "ES256", "RS256"],
                "jwks": {"inline": self.jwks}, "principal": {"tenant": "claims.org"},
            }],
            "policies": [{
                "file": "model.cel", "expression": "!has(llm.model) || llm.model != 'forbidden'",
            }],
            "quotas": [{"id": "q", "limit": u32::MAX, "window": "1s", "per": ["principal.subject"]}],
            "upstreams": upstreams,
        })
    }

    pub fn gateway(&self) -> Gateway {
        Gateway::compile(&self.config(), &provider).expect("the configuration compiles")
    }

    pub fn identity(&self) -> (Identity, Engine) {
        let engine = Engine::new().expect("an engine");
        (Identity::compile(&self.config(), &engine, &|_| None).expect("the callers compile"), engine)
    }

    fn config(&self) -> Config {
        Config::from_json(self.configuration().to_string().as_bytes()).expect("a configuration")
    }
}

pub const PROVIDER: &str = "sk-provider";

pub fn provider(_name: &str) -> Option<Secret> {
    Some(Secret::new(PROVIDER))
}

pub fn moment() -> Moment {
    Moment { unix_ms: NOW * 1000, entropy: [0x11; 16] }
}

pub fn base64url(bytes: &[u8]) -> String {
    Base64UrlSafeNoPadding::encode_to_string(bytes).expect("there is room")
}

fn claims() -> Value {
    json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "org": "acme", "exp": NOW + 300 })
}

fn jwt_claims() -> JWTClaims<Value> {
    JWTClaims {
        issued_at: None,
        expires_at: None,
        invalid_before: None,
        issuer: None,
        subject: None,
        audiences: None,
        jwt_id: None,
        nonce: None,
        custom: claims(),
    }
}
