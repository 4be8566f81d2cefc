//! What a call adds to its caller's recent past, and what is unusual about it.

use crate::anomaly::{Observation, PrincipalHash, Totals};
use crate::config::ClientAddress;
use crate::expression::Reads;
use crate::gateway::call::{Arrival, Call, Identified, Observed};
use crate::gateway::{Ending, Gateway, Known, Memory};
use crate::identity::{Asker, CredentialName, Source};
use crate::ledger::Store;
use crate::request::Connection;

impl Gateway {
    pub(in crate::gateway) fn reads_anomalies(&self) -> bool {
        reads_anomalies(self.rooms.policies.reads()) || reads_anomalies(self.rooms.quotas.reads())
    }

    /// Adds the call to its caller's past, once, and finds what is unusual about it.
    pub(in crate::gateway) fn observe(
        &self,
        Arrival { connection, .. }: &Arrival,
        who: &mut Identified,
        model: Option<&str>,
        known: &Known<'_>,
    ) {
        let (Some(anomalies), None) = (&self.rooms.anomalies, &who.observed) else { return };
        let name = PrincipalHash::of(who.principal());
        let address = connection.source_address.as_deref().filter(|_| self.believes_address_of(connection));
        let sight = Observation { model, address, now_ms: known.moment.unix_ms };
        let anomaly =
            anomalies.observe((&self.rooms.ledger, known.store), &known.memory.pasts, name, &sight).ok();
        let kinds = anomaly.iter().flat_map(|anomaly| anomalies.kinds(anomaly)).collect();
        who.observed = Some(Observed { anomaly, kinds });
    }

    /// Notes what the call has come to.
    pub(in crate::gateway) fn note_end(
        &self,
        call: &Call,
        ending: &Ending,
        store: &dyn Store,
        memory: &Memory,
    ) {
        let Some(anomalies) = self.rooms.anomalies.as_ref().filter(|_| !call.is_answered()) else { return };
        let Some(name) = call.principal().map(PrincipalHash::of) else { return };
        let ended = Totals {
            requests: 1,
            refused: u32::from(call.denial().is_some()),
            tokens: ending.usage.as_ref().and_then(|usage| usage.at_least().total).unwrap_or_default(),
        };
        anomalies.note((&self.rooms.ledger, store), &memory.pasts, name, &ended, ending.now_ms);
    }

    /// Adds to callers' pasts what their requests have come to.
    pub(in crate::gateway) fn settle_pasts(&self, store: &dyn Store, memory: &Memory, now_ms: u64) {
        if let Some(anomalies) = &self.rooms.anomalies {
            anomalies.settle((&self.rooms.ledger, store), &memory.pasts, now_ms);
        }
    }

    /// Who asks an issuer about a token: from the address that Envoy says, as far as the configuration believes it.
    pub fn asker(
        &self,
        memory: &Memory,
        name: CredentialName,
        (address, port): (Option<&str>, u64),
    ) -> Asker {
        if memory.was_vouched_for(name) {
            return Asker::Known;
        }
        // With port 0 it was taken from a header.
        let of_connection = address.filter(|_| port != 0);
        Asker::Stranger(match (self.settings.client_address, of_connection) {
            (Some(ClientAddress::Forwarded), _) => address.map_or(Source::connection(None), Source::address),
            (Some(ClientAddress::Peer), Some(address)) => Source::address(address),
            (Some(ClientAddress::Peer) | None, of_connection) => Source::connection(of_connection),
        })
    }

    /// Under `peer`, an address with port 0 was taken from a header.
    pub(in crate::gateway) fn believes_address_of(&self, connection: &Connection) -> bool {
        let is_peer = self.settings.client_address == Some(ClientAddress::Peer);
        !is_peer || connection.source_port.unwrap_or(0) != 0
    }
}

pub(in crate::gateway) fn reads_anomalies(reads: &Reads) -> bool {
    reads.field("principal", "anomaly")
}
