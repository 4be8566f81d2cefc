//! Opaque tokens: which issuer is asked about one, how and when it is asked, and what its answer means (RFC 7662).
//!
//! It does not ask. The host sends the [`IntrospectionRequest`] of an [`Inquiry`] and hands the answer in.

mod inquiry;
mod answer;
mod introspectors;
mod questions;

pub(super) use answer::read;
pub use answer::{Introspected, MAX_ANSWER_BYTES};
pub use inquiry::{Inquiry, IntrospectionRequest};
pub(super) use introspectors::Introspectors;
pub use questions::{Admitted, Asked, Asker, Questions, Source};

#[cfg(test)]
mod tests;
