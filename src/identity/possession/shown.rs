//! What a request shows for its sender to be believed a holder.

use super::proof_table::ProofTable;
use crate::config::Thumbprint;
use crate::identity::jose::{EngineAnswer, Question};
use crate::request::RequestHead;

/// What a request shows, and what the host knows of it.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    pub request: &'a RequestHead,
    /// The credential as it was sent.
    pub credential: &'a [u8],
    /// The certificate that the client showed; asked only where one is needed.
    pub certificate: &'a dyn Fn() -> Option<Thumbprint>,
    pub verify: &'a dyn Fn(&Question<'_>) -> EngineAnswer,
    pub table: ProofTable<'a>,
}
