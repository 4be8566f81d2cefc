//! Another body in place of the caller's, where the gateway has something to add to it.

use crate::denial::{Denial, Reason};
use crate::dialect::{self, Operation};
use crate::gateway::call::{AccessRequest, Call, Forwarded, Rewriting, Verdict};
use crate::gateway::host::body;
use crate::gateway::{Body, Gateway};

impl Gateway {
    /// What goes on in place of the body; `None` where that goes on as it came.
    ///
    /// # Errors
    /// A response would be kept under an account where it must not, because its request cannot be written into.
    pub(super) fn rewritten(
        &self,
        request: AccessRequest<'_>,
        body: Body<'_>,
    ) -> Result<Option<Vec<u8>>, Denial> {
        match request.operation().keeps_its_answer() {
            true => forgotten(request, body),
            false => Ok(self.with_stream_usage(request, body)),
        }
    }
}

/// The body with the wish that nothing of it is kept, where that has to be added.
fn forgotten(request: AccessRequest<'_>, body: Body<'_>) -> Result<Option<Vec<u8>>, Denial> {
    if request.has_own_account() {
        return Ok(None);
    }
    let Some(reasoning) = request.upstream.forgets_responses(request.what.model()) else { return Ok(None) };
    match body {
        Body::Complete(content) => dialect::keep_nothing(reasoning, body::read(content)?),
        Body::Coming | Body::Beginning(_) => Err(Reason::ProxyRefused.into()),
    }
}

impl Call {
    /// What goes on in place of the body that came; `None` where that goes on as it is.
    pub fn rewritten(&self) -> Option<&[u8]> {
        match &self.verdict {
            Verdict::Forwarded(Forwarded { rewriting: Rewriting::Due(body), .. }) => Some(body),
            _ => None,
        }
    }

    /// True where another body has taken its body's place.
    pub(in crate::gateway) fn is_rewritten(&self) -> bool {
        matches!(&self.verdict, Verdict::Forwarded(Forwarded { rewriting: Rewriting::Done, .. }))
    }

    /// The host has put it in place.
    pub fn was_rewritten(&mut self) {
        self.rewriting_is(Rewriting::Done);
    }

    /// The host could not put it in place.
    ///
    /// # Errors
    /// A denial where the body must not go on as it came.
    pub fn was_not_rewritten(&mut self) -> Result<(), Denial> {
        self.rewriting_is(Rewriting::None);
        match self.operation().is_some_and(Operation::keeps_its_answer) {
            true => Err(Denial::new(Reason::ProxyRefused).with_note("the body could not be replaced")),
            false => Ok(()),
        }
    }

    fn rewriting_is(&mut self, rewriting: Rewriting) {
        if let Verdict::Forwarded(forwarded) = &mut self.verdict {
            forwarded.rewriting = rewriting;
        }
    }
}
