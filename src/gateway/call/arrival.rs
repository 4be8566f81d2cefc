//! What came with a call's headers, and who is told what of it: always there.

use super::ids;
use crate::denial::{Answer, Denial, Ids};
use crate::dialect;
use crate::gateway::compiled::Challenges;
use crate::mint::Manner;
use crate::request::{Connection, Dialect, Moment, RequestHead, Wire};
use crate::upstream::{HeaderPatch, REQUEST_ID};

/// What came with the headers.
#[derive(Debug)]
pub(in crate::gateway) struct Arrival {
    pub(in crate::gateway) head: RequestHead,
    pub(in crate::gateway) connection: Connection,
    pub(in crate::gateway) request_id: String,
    pub(in crate::gateway) decision_id: String,
    pub(in crate::gateway) started_ms: u64,
    pub(in crate::gateway) dialect: Dialect,
    /// OAuth's where a form asks for a token; all else is answered in the words of the dialect.
    pub(in crate::gateway) manner: Manner,
    challenges: Challenges,
}

impl Arrival {
    pub(in crate::gateway) fn new(
        head: RequestHead,
        connection: Connection,
        moment: Moment,
        (dialect, challenges): (Dialect, Challenges),
    ) -> Self {
        Self {
            request_id: ids::request_id(&head, &moment),
            decision_id: ids::hex(&moment.entropy),
            started_ms: moment.unix_ms,
            manner: Manner::default(),
            head,
            connection,
            dialect,
            challenges,
        }
    }

    /// The cluster that Envoy selected.
    pub(in crate::gateway) fn cluster(&self) -> Option<&str> {
        self.connection.cluster.as_deref()
    }

    /// In whose words the caller reads an answer.
    pub(in crate::gateway) fn wire(&self) -> Wire {
        dialect::wire_at(self.dialect, &self.head)
    }

    /// The denial as the caller reads it, with the ids.
    pub(in crate::gateway) fn in_dialect(&self, denial: &Denial) -> Answer {
        let ids = Ids { request: &self.request_id, decision: &self.decision_id };
        let mut answer = match self.manner {
            Manner::Secrets => denial.answer(self.wire(), ids),
            Manner::OAuth => denial.oauth_answer(ids),
        };
        answer.headers.push((REQUEST_ID.to_owned(), self.request_id.clone()));
        self.challenges.complete(&mut answer, denial.reason());
        answer
    }

    /// Sets the request id where the request has another one, several or none.
    pub(in crate::gateway) fn set_request_id(&self, patch: &mut HeaderPatch) {
        let mut sent = self.head.values(REQUEST_ID);
        if (sent.next(), sent.next()) != (Some(self.request_id.as_bytes()), None) {
            patch.set(REQUEST_ID, self.request_id.as_bytes());
        }
    }
}
