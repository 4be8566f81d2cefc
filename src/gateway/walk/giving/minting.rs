//! The walk of a call that asks for a token, which the gateway answers itself.

use std::rc::Rc;

use crate::cache::Cache;
use crate::denial::{Answer, Denial, Reason};
use crate::dialect::{TokenShape, wanted_token};
use crate::gateway::call::{Authenticated, Given, GivenKind, hex};
use crate::gateway::host::body;
use crate::gateway::stop::Stop;
use crate::gateway::walk::proving::{caller, stop};
use crate::gateway::{Body, Call, Gateway, Known, Need, Patience};
use crate::identity::{self, Caller, EngineAnswer, Presented, Principal, Proven, Unproven, in_body};
use crate::mint::{self, Grant, Manner, Minting, Parties, TokenRequest};
use crate::request::{Connection, Moment, RequestHead};
use crate::secret::Secret;

/// The longest request for a token, in bytes.
const BODY_LIMIT: u64 = 64 * 1024;

impl Gateway {
    /// The section `tokens`, where the call asks for a token, with the shape where it asks a provider for one.
    pub(in crate::gateway::walk) fn minting_of(&self, call: &Call) -> Option<(&Minting, Option<TokenShape>)> {
        let minting = self.rooms.minting.as_ref()?;
        if minting.is_asked(&call.arrival.head) {
            return Some((minting, None));
        }
        let upstream = self.rooms.upstreams.select(call.cluster()).ok()?;
        let shape = wanted_token(upstream.dialect(), &call.arrival.head, upstream.path_prefix())?;
        (shape != TokenShape::Foreign).then_some((minting, Some(shape)))
    }

    /// Proves who asks, reads what for, and answers with the token.
    pub(in crate::gateway::walk) fn mint(
        &self,
        (minting, shape): (&Minting, Option<TokenShape>),
        call: &mut Call,
        known: &Known<'_>,
    ) -> Result<(Answer, Given), Stop> {
        call.arrival.manner = match shape {
            None => Manner::of(&call.arrival.head).unwrap_or_default(),
            Some(_) => Manner::default(),
        };
        if call.arrival.head.method() != "POST" || call.arrival.head.is_upgrade() {
            return Err(Denial::new(Reason::OperationUnknown)
                .with_detail("tokens are asked for by `POST`")
                .into());
        }
        let Authenticated { arrival, received, who, .. } = self.authenticate(call, known)?;
        let holder = self.take_offer(arrival, who, known)?;
        let body = match (known.body, known.patience) {
            (Body::Complete(content), _) => content,
            (_, Patience::Left) => return Err(Stop::Need(Need::Body { limit: BODY_LIMIT, look: None })),
            (_, Patience::Exhausted) => return Err(Reason::HoldTimeout.into()),
        };
        // It may have been held for keys, under a wider bound.
        if u64::try_from(body.length()).is_ok_and(|length| length > BODY_LIMIT) {
            let most = format!("a request for a token has at most {BODY_LIMIT} bytes");
            return Err(Denial::new(Reason::BodyTooLarge).with_detail(most).into());
        }
        let now_seconds = known.moment.unix_seconds();
        let body = body::read(body)?;
        let asked = match shape {
            None => TokenRequest::read(&arrival.head, body)?,
            Some(shape) => TokenRequest::read_shape(shape, &arrival.head, body, now_seconds)?,
        };
        let subject = match &asked.subject {
            Some(token) => Some(self.prove_subject(token, caller(arrival, received, known), known)?),
            None => None,
        };
        if let Some(subject) = &subject {
            self.judge(&subject.principal, known)?;
        }
        self.require_same_actor(&arrival.head, asked.actor.as_ref())?;
        let parties =
            Parties { caller: who.principal(), subject: subject.as_ref().map(|proven| &*proven.principal) };
        let mut grant =
            minting.grant(&self.rooms.engine, &asked, parties, (&arrival.decision_id, now_seconds))?;
        if let Some(sealed) = &asked.provider_key {
            self.fold(sealed, &mut grant, known)?;
        }
        grant.principal.binding = self.binding_for(holder, &asked, parties.subject, known)?;
        let token = self.rooms.identity.mint(&grant.principal, &known.moment, grant.expires_at)?;
        let Principal { credential_id: id, subject, .. } = &grant.principal;
        let given = Given {
            id: id.clone(),
            subject: subject.clone(),
            expires_at: grant.expires_at,
            kind: GivenKind::Token,
        };
        Ok((mint::answer(&asked, &grant, &token, now_seconds), given))
    }

    /// Puts the subject's own key for a provider into its token, which ends no later than the key.
    fn fold(&self, sealed: &Secret, grant: &mut Grant, known: &Known<'_>) -> Result<(), Denial> {
        if self.rooms.own_keys.is_none() {
            return Err(Denial::new(Reason::TokenRequestInvalid)
                .with_detail("`provider_key`: this gateway takes no keys of its callers"));
        }
        let key = self.opened(sealed.expose(), &grant.principal, known)?;
        grant.expires_at = grant.expires_at.min(key.expires_at());
        if let Some(minted) = &mut grant.principal.minted {
            minted.provider_key = Some(sealed.clone());
        }
        Ok(())
    }

    /// The token that the holder of the key `id` would get, and when it ends (Unix seconds).
    ///
    /// # Errors
    /// As for the holder.
    pub fn token_for_key(
        &self,
        id: &str,
        asked: &TokenRequest,
        moment: Moment,
    ) -> Result<(Secret, u64), Denial> {
        let none = || Denial::new(Reason::TokensUnavailable).with_note("the configuration has no `tokens`");
        let minting = self.rooms.minting.as_ref().ok_or_else(none)?;
        let holder = self.rooms.identity.holder(id, &self.rooms.identity.feeds().none_fed(), &moment)?;
        let parties = Parties { caller: &holder, subject: None };
        let name = hex(&moment.entropy);
        let grant = minting.grant(&self.rooms.engine, asked, parties, (&name, moment.unix_seconds()))?;
        Ok((self.rooms.identity.mint(&grant.principal, &moment, grant.expires_at)?, grant.expires_at))
    }

    /// Whose token it is, with no more than the configuration to prove it by.
    ///
    /// # Errors
    /// As for its bearer; `identity_unavailable` where the issuer's keys are not in the configuration.
    pub fn bearer_of(
        &self,
        token: &str,
        connection: &Connection,
        moment: Moment,
    ) -> Result<Principal, Denial> {
        let caller = Caller {
            connection,
            keys: &self.key_ring(),
            fed: &self.rooms.identity.feeds().none_fed(),
            moment,
            verify: &|_| EngineAnswer::Unavailable,
            proven: &Cache::new(0, &[0; 16]),
            introspected: &[],
            inactive: &Cache::new(0, &[0; 16]),
        };
        let proven = self.rooms.identity.prove(&self.rooms.engine, &in_body("token", token)?, caller);
        proven.map(|proven| Rc::unwrap_or_clone(proven.principal)).map_err(|unproven| match unproven {
            Unproven::Denied(denial) => denial,
            Unproven::NeedsKeys { .. } => Denial::new(Reason::IdentityUnavailable)
                .with_note("Envoy fetches the issuer's keys, this command does not"),
            Unproven::NeedsIntrospection(_) => Denial::new(Reason::IdentityUnavailable)
                .with_note("Envoy asks the token's issuer, this command does not"),
        })
    }

    /// The user's token, which the caller holds but is not known by.
    fn prove_subject(
        &self,
        token: &Presented,
        caller: Caller<'_>,
        known: &Known<'_>,
    ) -> Result<Proven, Stop> {
        self.rooms.identity.prove(&self.rooms.engine, token, caller).map_err(|unproven| match unproven {
            Unproven::Denied(denial) if denial.status() < 500 => Denial::new(Reason::TokenRequestInvalid)
                .with_detail(format!("`subject_token`: {} [{}]", denial.reason().message(), denial.reason()))
                .into(),
            unproven => stop(unproven, known),
        })
    }

    /// The caller is the actor; where it says so once more, it must be the same.
    fn require_same_actor(&self, head: &RequestHead, actor: Option<&Presented>) -> Result<(), Denial> {
        let Some(actor) = actor else { return Ok(()) };
        let presented = identity::find(head)?;
        match presented.secret == actor.secret {
            true => Ok(()),
            false => Err(Denial::new(Reason::AmbiguousCredential)
                .with_detail("`actor_token` is not the token in `Authorization`, which is the actor's")),
        }
    }
}
