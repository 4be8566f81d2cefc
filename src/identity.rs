//! Proves who calls.
//!
//! A request presents one credential. What proves it depends on its kind, and the answer is a [`Principal`] either way, or a
//! [`Denial`](crate::denial::Denial) that says why there is none. Where the credential is bound to a certificate or a key, its
//! sender proves to hold that, too.
//!
//! The inner rooms, of which each imports only those above it:
//! - `claim`: how a claim of a token is read, and what is wrong with one.
//! - `credential`: what a request presents, and where it is found ([`find`]).
//! - `jose`: what all signed tokens are made of: JWS, JWK, signatures.
//! - `principal`: the proven caller, its binding, and the limits of its token.
//! - `api_key`: keys of the configuration and of feeds, looked up by their hash ([`KeyTable`], [`KeyFeeds`]).
//! - `jwt`: JWTs, verified against their issuers' keys ([`Verifier`], [`KeyRing`]).
//! - `mapping`: the principal that is made of a token's claims.
//! - `introspection`: opaque tokens, about which their issuers are asked ([`Inquiry`], [`Questions`]).
//! - `minted`: tokens of this gateway's own, which hold their principal.
//! - `proven`: what was proven before, and how long it is believed ([`Proof`]).
//! - `possession`: the proof that a sender holds what its credential is bound to ([`Possession`]).
//! - `authentication`: the one door to all of them ([`Identity`]).
//!
//! It does not decide what the caller may do, and it reads no tenant from anything but the credential. It
//! does not fetch keys, keep the time or own what is remembered: all of that arrives as values.

mod claim;
mod credential;
mod jose;
mod principal;
mod api_key;
mod jwt;
mod mapping;
mod introspection;
mod minted;
mod proven;
mod possession;
mod authentication;

pub use credential::{
    CARRIERS, Carrier, CredentialName, MAX_CREDENTIAL_BYTES, MINTED_PREFIX, PROVIDER_KEY, Presented,
    PresentedKind, SEALED_PREFIX, Scheme, find, in_body, protocols_without_credentials,
};

pub use jose::{AssertionKey, EngineAnswer, Question, base64url};

pub use principal::{
    Binding, Holder, KeyFacts, Kind, Limits, MAX_ACTORS, Minted, Parent, Principal, holds_scope,
};

pub use api_key::{ApiKey, FedKeys, KeyFeeds, KeyTable, MAX_FEED_BYTES, read_feed};

pub use jwt::{Claims, Examined, JwtRefusal, KeyRing, KeySet, MAX_KEY_SET_BYTES, RemoteKeys, Verifier};

pub use introspection::{
    Admitted, Asked, Asker, Inquiry, Introspected, IntrospectionRequest, MAX_ANSWER_BYTES, Questions, Source,
};

pub use proven::{CallerName, Proof, Proven};

pub use possession::{Possession, ProofTable, PublicUrls, Shown};

pub use authentication::{Caller, Identity, Unproven};

#[cfg(test)]
pub(crate) use jose::signing;
