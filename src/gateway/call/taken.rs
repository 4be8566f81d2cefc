//! What a call has taken of quotas.

use crate::quota::{Answer, Charged, Held, Pending};

/// What a call has taken of quotas until its cost is known. It outlives the verdict: whoever is refused while the rate limit
/// service is asked, or in flight, has taken it all the same.
#[derive(Debug, Default)]
#[expect(
    clippy::large_enum_variant,
    reason = "a call has one, and a box would cost each that asks an allocation"
)]
pub(in crate::gateway) enum Taken {
    #[default]
    Nothing,
    /// Of those that this Envoy counts, while the rate limit service is asked for the others.
    Asking(Asking),
    /// Of all that apply.
    Admitted {
        /// What they hold for it until its cost is known.
        held: Vec<Held>,
        /// What they have charged for it so far.
        charged: Vec<Charged>,
    },
}

/// What waits for the rate limit service.
#[derive(Debug)]
pub(in crate::gateway) struct Asking {
    pub(in crate::gateway) pending: Pending,
    /// `None` until the service has answered, or it is known why it has not.
    pub(in crate::gateway) answer: Option<Answer>,
}

impl Taken {
    /// Takes out what waits for the rate limit service.
    pub(in crate::gateway) fn take_asking(&mut self) -> Option<Asking> {
        match std::mem::take(self) {
            Self::Asking(asking) => Some(asking),
            other => {
                *self = other;
                None
            }
        }
    }

    /// Notes what the service has said, where it is asked.
    pub(in crate::gateway) fn take_answer(&mut self, answer: Answer) {
        if let Self::Asking(asking) = self {
            asking.answer = Some(answer);
        }
    }
}
