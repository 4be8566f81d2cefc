//! Proof of possession in the walk: of the caller's own credential, of a user's token that an agent sends, and of what a
//! new token shall be bound to; and what all workers must share for it.

use crate::denial::{Denial, Reason};
use crate::gateway::call::{Arrival, Identified};
use crate::gateway::{Gateway, Known};
use crate::identity::{self, Binding, Holder, Principal, ProofTable, Scheme, Shown};
use crate::ledger::Store;
use crate::mint::{Bind, TokenRequest};

impl Gateway {
    /// Creates what all workers share, where it is absent; called when a configuration loads.
    ///
    /// # Errors
    /// One line for the operator, where it cannot be shared.
    pub fn prepare(
        &mut self,
        store: &dyn Store,
        random: impl Fn() -> Option<[u8; 32]>,
        now_ms: u64,
    ) -> Result<(), String> {
        self.rooms
            .ledger
            .share_key(store, &random)
            .map_err(|why| format!("the ledger cannot be used: {why}"))?;
        self.rooms.ledger.prepare(store);
        if !self.rooms.identity.possession().wants_shared_key() {
            return Ok(());
        }
        let random = random().ok_or("there is no randomness for `dpop.nonce`; write a `dpop.nonce_key`")?;
        let shared = ProofTable { ledger: &self.rooms.ledger, store, now_ms }.share_key(&random);
        shared.map_err(|error| format!("the key of `dpop.nonce` cannot be shared: {error}"))
    }

    /// Proves, once per call, that the sender holds what its credential is bound to.
    pub(in crate::gateway::walk) fn possess(
        &self,
        arrival: &Arrival,
        who: &mut Identified,
        known: &Known<'_>,
    ) -> Result<Holder, Denial> {
        if let Some(holder) = who.holder {
            return Ok(holder);
        }
        let proven = &who.proven;
        if proven.principal.binding.is_none() && proven.scheme == Scheme::Bearer {
            return Ok(*who.holder.insert(Holder::default()));
        }
        let presented = identity::find(&arrival.head)?;
        let shown = self.shown(arrival, presented.secret.expose(), known);
        let possession = self.rooms.identity.possession();
        let nonce =
            if proven.principal.binding.names_keys() { possession.nonce(&shown.table)? } else { None };
        let holder = possession.prove(proven, &shown);
        // Also where the proof is refused: the next one needs it.
        who.nonce = nonce;
        Ok(*who.holder.insert(holder?))
    }

    /// Takes, once per call, what comes with a request for a token to be bound to: the key of a proof, or the client's
    /// certificate.
    pub(in crate::gateway::walk) fn take_offer(
        &self,
        arrival: &Arrival,
        who: &mut Identified,
        known: &Known<'_>,
    ) -> Result<Holder, Denial> {
        let holder = self.possess(arrival, who, known)?;
        if holder.key.is_some() {
            return Ok(holder);
        }
        let presented = identity::find(&arrival.head)?;
        let shown = self.shown(arrival, presented.secret.expose(), known);
        let possession = self.rooms.identity.possession();
        if !possession.is_offered(&shown) {
            return Ok(holder);
        }
        let nonce = possession.nonce(&shown.table)?;
        let key = possession.prove_offered(who.principal(), &shown);
        who.nonce = nonce;
        Ok(*who.holder.insert(Holder { key: Some(key?), ..holder }))
    }

    /// What a token is bound to: all that had to be held for it, and what was asked for.
    pub(in crate::gateway::walk) fn binding_for(
        &self,
        mut holder: Holder,
        asked: &TokenRequest,
        subject: Option<&Principal>,
        known: &Known<'_>,
    ) -> Result<Binding, Denial> {
        let names_certificate = subject.is_some_and(|subject| subject.binding.names_certificates());
        if holder.certificate.is_none() && (names_certificate || asked.bind.contains(&Bind::Certificate)) {
            holder.certificate = (known.certificate)();
        }
        // Else an agent that was given somebody's token could have one that anybody may use.
        if let Some(subject) = subject {
            subject.binding.admit(&holder).map_err(|denial| {
                Denial::new(Reason::TokenRequestDenied).with_detail(format!(
                    "`subject_token`: {} [{}]",
                    denial.reason().message(),
                    denial.reason()
                ))
            })?;
        }
        for (bind, held, what) in [
            (Bind::Certificate, holder.certificate.is_some(), "the connection shows no client certificate"),
            (Bind::Dpop, holder.key.is_some(), "no proof came in `DPoP`"),
        ] {
            if asked.bind.contains(&bind) && !held {
                return Err(Denial::new(Reason::TokenRequestInvalid).with_detail(format!("`bind`: {what}")));
            }
        }
        Ok(Binding::to(&holder))
    }

    fn shown<'a>(&'a self, arrival: &'a Arrival, credential: &'a [u8], known: &Known<'a>) -> Shown<'a> {
        Shown {
            request: &arrival.head,
            credential,
            certificate: known.certificate,
            verify: known.verify,
            table: ProofTable {
                ledger: &self.rooms.ledger,
                store: known.store,
                now_ms: known.moment.unix_ms,
            },
        }
    }
}
