//! The caller's own key for the provider, brought along or kept for it: opened anew for each call, or as this worker has opened
//! it before.

use std::rc::Rc;

use crate::denial::{Denial, Reason};
use crate::dialect::ModelPlace;
use crate::gateway::call::{AccessRequest, Arrival, Identified};
use crate::gateway::walk::bounds::model_is_elsewhere;
use crate::gateway::{Gateway, Known};
use crate::identity::{PROVIDER_KEY, Principal};
use crate::own_key::{OwnKey, OwnKeys};
use crate::request::RequestHead;
use crate::secret::Secret;
use crate::upstream::Upstream;

impl Gateway {
    /// The key that the call brings, in its header or in its token, or else the one that is kept for its caller, once all holds but
    /// for the model; `None` where there is none that matters here.
    ///
    /// # Errors
    /// Refuses a key that is not this caller's for this upstream: whoever brings one means to pay with it, and nobody else shall.
    pub(in crate::gateway::walk) fn own_key(
        &self,
        arrival: &Arrival,
        who: &Identified,
        upstream: &Upstream,
        known: &Known<'_>,
    ) -> Result<Option<Rc<OwnKey>>, Denial> {
        let Some(own_keys) = &self.rooms.own_keys else { return Ok(None) };
        let principal = who.principal();
        let folded = principal.minted.as_ref().and_then(|minted| minted.provider_key.as_ref());
        let value = match (sent(&arrival.head)?, folded.map(Secret::expose)) {
            (Some(_), Some(_)) => {
                return Err(Denial::new(Reason::AmbiguousCredential).with_detail(format!(
                    "the token holds a provider key, and `{PROVIDER_KEY}` another one"
                )));
            }
            (Some(value), None) => value,
            // A token is good for other upstreams too.
            (None, Some(value)) if upstream.takes_own_keys() => value,
            (None, None) if upstream.takes_own_keys() => {
                return self.kept_key(own_keys, principal, upstream.cluster(), known);
            }
            (None, _) => return Ok(None),
        };
        let key = self.opened(value, principal, known)?;
        if !upstream.takes_own_keys() {
            return Err(Denial::new(Reason::ProviderKeyNotForUpstream)
                .with_detail("the gateway's own credential is used there; leave the key out"));
        }
        key.require_upstream(upstream.cluster())?;
        Ok(Some(key))
    }

    /// The key in a sealed value, which is this principal's, and neither over nor revoked.
    pub(in crate::gateway::walk) fn opened(
        &self,
        value: &[u8],
        principal: &Principal,
        known: &Known<'_>,
    ) -> Result<Rc<OwnKey>, Denial> {
        let own_keys = self.rooms.own_keys.as_ref().ok_or(Reason::ProviderKeysUnavailable)?;
        let (seen, now_seconds) = (&known.memory.brought.own_keys, known.moment.unix_seconds());
        let name = seen.name(&[value]);
        let lasts = |key: &Rc<OwnKey>| key.expires_at() > now_seconds;
        let key = seen.get_or(name, lasts, || own_keys.open(value).map(Rc::new))?;
        key.require_owner(principal, now_seconds)?;
        self.unrevoked(key, "it is the sealed provider key", known)
    }

    /// The key that the feed has for this caller; `None` where it has none.
    fn kept_key(
        &self,
        own_keys: &OwnKeys,
        principal: &Principal,
        cluster: &str,
        known: &Known<'_>,
    ) -> Result<Option<Rc<OwnKey>>, Denial> {
        let Some(feed) = own_keys.feed() else { return Ok(None) };
        let wanted = (cluster, known.moment.unix_ms);
        let Some(entry) = feed.find(&known.polled.provider_keys, principal, wanted)? else { return Ok(None) };
        let seen = &known.memory.brought.own_keys;
        let key = seen.get_or(entry.name(seen), |_| true, || feed.open(entry).map(Rc::new))?;
        self.unrevoked(key, "it is the provider key that is kept for you", known).map(Some)
    }

    /// Also where it is remembered.
    fn unrevoked(&self, key: Rc<OwnKey>, which: &str, known: &Known<'_>) -> Result<Rc<OwnKey>, Denial> {
        match self.rooms.revocations.revoked(&known.polled.board, key.revocable(), known.moment.unix_ms) {
            None => Ok(key),
            Some(note) => Err(Denial::new(Reason::CredentialRevoked).with_detail(which).with_note(note)),
        }
    }

    /// A key that is for some models is for no other, whatever the rules say.
    pub(in crate::gateway::walk) fn require_model_of_key(
        &self,
        request: AccessRequest<'_>,
        known: &Known<'_>,
    ) -> Result<(), Denial> {
        let Some(key) = request.own_key().filter(|key| key.names_models()) else { return Ok(()) };
        let facts = request.facts(known.moment);
        match facts.model().filter(|_| !model_is_elsewhere(&facts)) {
            Some(model) => key.require_model(model),
            None if facts.operation.model_place() == ModelPlace::None => Ok(()),
            None => {
                Err(Denial::new(Reason::ModelUnknowable)
                    .with_note("the provider key is for some models only"))
            }
        }
    }
}

/// The one value of the header. An empty one, as SDKs send for a variable that is not there, is none.
fn sent(head: &RequestHead) -> Result<Option<&[u8]>, Denial> {
    let mut values = head.values(PROVIDER_KEY).map(<[u8]>::trim_ascii).filter(|value| !value.is_empty());
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        (_, Some(_)) => Err(Denial::new(Reason::AmbiguousCredential)
            .with_detail(format!("`{PROVIDER_KEY}` has more than one value"))),
    }
}
