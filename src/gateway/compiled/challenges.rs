//! What the challenges of a refusal say of this configuration, beside why it was refused.

use std::sync::Arc;

use crate::denial::{Answer, Reason};

const HEADER: &str = "www-authenticate";

/// Shared by all calls of one configuration.
#[derive(Clone, Debug, Default)]
pub(in crate::gateway) struct Challenges {
    /// Where the gateway's metadata is (RFC 9728 section 5.1).
    pub(in crate::gateway) metadata_url: Option<Arc<str>>,
    /// The algorithms of proofs (RFC 9449 section 7.1), in one text; `None` where none are taken.
    pub(in crate::gateway) proof_algorithms: Option<Arc<str>>,
}

impl Challenges {
    /// Completes the challenge of a refusal. Whoever sent no credential is told that there is `DPoP`, too.
    pub(in crate::gateway) fn complete(&self, answer: &mut Answer, reason: Reason) {
        let algorithms = self.proof_algorithms.as_ref();
        let algorithms = algorithms.map(|algorithms| format!("algs=\"{algorithms}\""));
        let metadata = self.metadata_url.as_ref().map(|url| format!("resource_metadata=\"{url}\""));
        if let (Reason::CredentialMissing, Some(algorithms)) = (reason, &algorithms) {
            answer.headers.push((HEADER.to_owned(), format!("DPoP realm=\"claimgate\", {algorithms}")));
        }
        let of_challenge = algorithms.filter(|_| reason.is_about_a_proof());
        for (_, challenge) in answer.headers.iter_mut().filter(|(name, _)| name == HEADER) {
            for parameter in of_challenge.iter().chain(&metadata) {
                challenge.push_str(", ");
                challenge.push_str(parameter);
            }
        }
    }
}
