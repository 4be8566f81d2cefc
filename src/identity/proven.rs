//! Callers that were proven before, so that one credential is verified once per worker.
//!
//! A remembered proof is good only as long as the credential would prove its caller anew: a token until it expires and
//! while the key set is the one that verified it or as long as its issuer's answer is relied on, an API key as long as its
//! entry admits it and says the same. It does not hold the credential, which is remembered under its fingerprint.

mod evidence;
mod caller_name;
mod proof;

pub use caller_name::CallerName;
pub(super) use evidence::Evidence;
pub use proof::{Proof, Proven};
