//! The walk of a call that asks for a key to be sealed, which the gateway answers itself.
//!
//! The body, and so the key, is in this walk alone: nothing of it is remembered, recorded or said again.

use crate::denial::{Answer, Denial, Reason};
use crate::gateway::call::{Authenticated, Given, GivenKind};
use crate::gateway::host::body;
use crate::gateway::stop::Stop;
use crate::gateway::{Body, Call, Gateway, Known, Need, Patience};
use crate::own_key::{LONGEST_REQUEST, OwnKeys, SealRequest};

impl Gateway {
    /// The section `own_keys`, where the call asks for a key to be sealed.
    pub(in crate::gateway::walk) fn sealing_of(&self, call: &Call) -> Option<&OwnKeys> {
        self.rooms.own_keys.as_ref().filter(|own_keys| own_keys.is_asked(&call.arrival.head))
    }

    /// Proves who asks, reads what for, and answers with the sealed key.
    pub(in crate::gateway::walk) fn seal(
        &self,
        own_keys: &OwnKeys,
        call: &mut Call,
        known: &Known<'_>,
    ) -> Result<(Answer, Given), Stop> {
        if call.arrival.head.method() != "POST" || call.arrival.head.is_upgrade() {
            return Err(Denial::new(Reason::OperationUnknown)
                .with_detail("keys are sealed by `POST`")
                .into());
        }
        let Authenticated { arrival, who, .. } = self.authenticate(call, known)?;
        let content = match (known.body, known.patience) {
            (Body::Complete(content), _) => content,
            (_, Patience::Left) => return Err(Stop::Need(Need::Body { limit: LONGEST_REQUEST, look: None })),
            (_, Patience::Exhausted) => return Err(Reason::HoldTimeout.into()),
        };
        // It may have been held for the caller's credential, under a wider bound.
        if u64::try_from(content.length()).is_ok_and(|length| length > LONGEST_REQUEST) {
            let most = format!("a request to seal a key has at most {LONGEST_REQUEST} bytes");
            return Err(Denial::new(Reason::BodyTooLarge).with_detail(most).into());
        }
        let asked = SealRequest::read(&arrival.head, body::read(content)?)?;
        if let SealRequest::Reseal(sealed) = &asked {
            // What is revoked must not come back under another name.
            self.opened(sealed.expose(), who.principal(), known)?;
        }
        let named = (arrival.decision_id.as_str(), &known.moment);
        let sealed = own_keys.seal(&self.rooms.engine, asked, who.principal(), named)?;
        let given = Given {
            id: sealed.id.clone(),
            subject: who.principal().subject.clone(),
            expires_at: sealed.expires_at,
            kind: GivenKind::SealedKey,
        };
        Ok((sealed.answer(), given))
    }
}
