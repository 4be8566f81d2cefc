//! What the caller is answered, and what comes off a provider's answer.

use crate::denial::{Answer, Denial};
use crate::gateway::call::{Call, Forwarded, Verdict};
use crate::upstream::{HeaderPatch, REQUEST_ID, answer_patch};

/// Holds a nonce for the caller's next proof (RFC 9449 section 8).
const DPOP_NONCE: &str = "dpop-nonce";

impl Call {
    /// The refusal in the caller's dialect, or the token, with the ids; `None` where the call goes on.
    pub fn answer(&self) -> Option<Answer> {
        match &self.verdict {
            Verdict::Refused(denial) => Some(self.in_dialect(denial)),
            Verdict::Answered(own) => {
                let mut answer = own.answer.clone();
                self.give_nonce(&mut answer);
                answer.headers.push(("x-claimgate-decision-id".to_owned(), self.arrival.decision_id.clone()));
                answer.headers.push((REQUEST_ID.to_owned(), self.arrival.request_id.clone()));
                Some(answer)
            }
            Verdict::Undecided(_) | Verdict::Forwarded(_) | Verdict::Open => None,
        }
    }

    /// Puts an error that Envoy answered by itself into the caller's dialect; the decision stays what it was.
    pub fn answer_for_envoy(&mut self, status: u32, details: &str) -> Answer {
        let denial = Denial::of_envoy(status, details);
        let answer = self.in_dialect(&denial);
        self.local_reply = Some(denial);
        answer
    }

    pub(in crate::gateway) fn in_dialect(&self, denial: &Denial) -> Answer {
        let mut answer = self.arrival.in_dialect(denial);
        self.give_nonce(&mut answer);
        answer
    }

    fn give_nonce(&self, answer: &mut Answer) {
        answer.headers.extend(self.nonce().map(|nonce| (DPOP_NONCE.to_owned(), nonce.to_owned())));
    }

    /// Edits of the headers of an answer that comes at `now_ms`: the request id and what is left of the quota go on, what names the
    /// provider's account comes off.
    pub fn answer_patch<'a>(
        &self,
        headers: impl Iterator<Item = (&'a str, &'a [u8])>,
        now_ms: u64,
    ) -> HeaderPatch {
        let own_rates = match &self.verdict {
            Verdict::Forwarded(Forwarded { proofs, .. }) => {
                proofs.admission.rates().headers_at(self.arrival.wire(), now_ms)
            }
            Verdict::Undecided(_) | Verdict::Open | Verdict::Answered(_) | Verdict::Refused(_) => Vec::new(),
        };
        let mut patch = answer_patch(headers, !own_rates.is_empty());
        patch.set(REQUEST_ID, self.arrival.request_id.as_bytes());
        if let Some(nonce) = self.nonce() {
            patch.set(DPOP_NONCE, nonce.as_bytes());
        }
        for (name, value) in own_rates {
            patch.set(name, value.as_bytes());
        }
        patch
    }
}
