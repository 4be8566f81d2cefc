//! Proof of possession: whoever sends a credential that is bound to a certificate or to a key must hold that, too, and
//! prove it anew on each request.
//!
//! A certificate is the one that Envoy saw in the handshake (RFC 8705). A key signs a proof for one request (RFC 9449),
//! which is good once: its id is remembered until its time is over, for all workers of one Envoy, and only when all else
//! of the proof has held, so that no stranger uses up somebody's proof.

mod public_urls;
mod dpop_proof;
mod proof_table;
mod nonces;
mod shown;
mod dpop;
mod holder;

pub use holder::Possession;
pub use proof_table::ProofTable;
pub use public_urls::PublicUrls;
pub use shown::Shown;

#[cfg(test)]
mod tests;
