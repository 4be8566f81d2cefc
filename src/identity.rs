//! Proves who calls.
//!
//! A request presents one credential ([`find`]). An API key is looked up by its hash ([`KeyTable`], [`KeyFeeds`]); a JWT is
//! verified against its issuer's keys ([`Verifier`]) and its claims become a principal; of an opaque token its
//! issuer tells the claims ([`Inquiry`]); a token of this gateway's own holds its principal. [`Identity`] is the one door to all.
//! Where the credential is bound to a certificate or a key, [`Possession`] proves that its sender holds that, too. Either way the answer is a [`Principal`], or a [`Denial`](crate::denial::Denial) that says why there is none.
//!
//! It does not decide what the caller may do, and it reads no tenant from anything but the credential. It
//! does not fetch keys, keep the time or own what is remembered ([`Proof`]): all of that arrives as values.

mod api_key;
mod claim;
mod credential;
mod introspection;
mod jose;
mod jwt;
mod mapping;
mod minted;
mod possession;
mod principal;
mod proven;
mod authentication;

pub use api_key::{ApiKey, FedKeys, KeyFeeds, KeyTable, MAX_FEED_BYTES, read_feed};
pub use authentication::{Caller, Identity, Unproven};
pub use credential::{
    CARRIERS, Carrier, CredentialName, MAX_CREDENTIAL_BYTES, MINTED_PREFIX, Presented, PresentedKind, Scheme,
    find, in_body, protocols_without_credentials,
};
pub use introspection::{
    Admitted, Asked, Asker, Inquiry, Introspected, IntrospectionRequest, MAX_ANSWER_BYTES, Questions, Source,
};
#[cfg(test)]
pub(crate) use jose::signing;
pub use jose::{EngineAnswer, Question};
pub use jwt::{Claims, Examined, JwtRefusal, KeyRing, KeySet, MAX_KEY_SET_BYTES, RemoteKeys, Verifier};
pub use possession::{Possession, ProofTable, PublicUrls, Shown};
pub use principal::{
    Binding, Holder, KeyFacts, Kind, Limits, MAX_ACTORS, Minted, Parent, Principal, holds_scope,
};
pub use proven::{CallerName, Proof, Proven};
