//! What a decided request carries inside Envoy to the filter on the cluster, where the credential goes on.
//!
//! It travels in filter state, which no caller can write. It holds no secret, of a caller's own key only what is sealed, and it is good for one cluster:
//! where Envoy chose the route again after the decision, or retries on another cluster, it does not fit.

use std::fmt;
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::credential::Choice;
use super::{HeaderPatch, Proofs, Upstream, Upstreams, headers};
use crate::credentials::{CredentialIndex, Picked, PoolIndex, Supply, Ticket, Token};
use crate::denial::{Denial, Reason};
use crate::dialect::Operation;
use crate::identity::Principal;
use crate::own_key::OwnKey;

/// The decision, as the filter on the cluster needs it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Passport {
    cluster: String,
    tenant: Option<String>,
    is_openai_compatible: bool,
    /// The caller's own key, as it was sent or is kept for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    own_key: Option<SealedKey>,
    /// What chooses among several keys; `None` where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ticket: Option<Ticket>,
}

/// A sealed key, whose `Debug` does not show it.
#[derive(Clone, Deserialize, PartialEq, Eq, Serialize)]
#[serde(transparent)]
struct SealedKey(String);

impl fmt::Debug for SealedKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SealedKey")
    }
}

/// What the filter on the cluster gets by itself.
pub struct AtHand<'a> {
    /// The token of a credential that is got.
    pub token: &'a dyn Fn(CredentialIndex) -> Option<Rc<Token>>,
    /// One of several keys.
    pub member: &'a dyn Fn(PoolIndex, Ticket) -> Result<Picked, Denial>,
    /// A caller's own key, opened.
    pub own_key: &'a dyn Fn(&[u8]) -> Result<OwnKey, Denial>,
}

/// What goes on at the cluster.
#[derive(Debug)]
pub struct Attached {
    pub patch: HeaderPatch,
    /// The key, where it is one of several.
    pub picked: Option<Picked>,
}

impl Upstream {
    /// Writes the passport of a call that policy and quota have let through.
    pub fn passport(
        &self,
        _proofs: &Proofs,
        principal: &Principal,
        operation: &Operation,
        (own, ticket): (Option<&OwnKey>, Option<Ticket>),
    ) -> Passport {
        let sealed = own.map(|own| String::from_utf8_lossy(own.sealed().expose()).into_owned());
        Passport {
            cluster: self.cluster.clone(),
            tenant: principal.tenant.clone(),
            is_openai_compatible: operation.is_openai_compatible(),
            own_key: sealed.map(SealedKey),
            ticket,
        }
    }
}

impl Upstreams {
    /// Puts the credential on at `cluster`, the one really chosen.
    ///
    /// # Errors
    /// `route_changed` where the request has no passport or one for another cluster; what is not at hand.
    pub fn attach_at_cluster(
        &self,
        cluster: Option<&str>,
        passport: Option<&Passport>,
        at_hand: &AtHand<'_>,
    ) -> Result<Attached, Denial> {
        let upstream = self.select(cluster)?;
        let passport = passport.filter(|passport| passport.cluster == upstream.cluster).ok_or_else(|| {
            Denial::new(Reason::RouteChanged).with_note("the request has no permit for this cluster")
        })?;
        let (mut patch, mut picked) = (HeaderPatch::default(), None);
        let own = passport.own_key.as_ref().map(|SealedKey(sealed)| (at_hand.own_key)(sealed.as_bytes()));
        let own = own.transpose()?;
        if own.is_some() && !upstream.takes_own_keys() {
            // The two halves have different configurations; nobody else shall pay.
            return Err(Reason::ProviderKeyNotForUpstream.into());
        }
        let place = headers::place(upstream.dialect, passport.is_openai_compatible);
        match upstream.choose(passport.tenant.as_deref(), own.as_ref())? {
            Choice::Secret(secret) => patch = patch.with(&[place.holding(secret)].into()),
            Choice::Entry(chosen) => match chosen.supply {
                // The half in the listener's chain has seen one, so it has just ended.
                Supply::Token(index) => {
                    let token = (at_hand.token)(index).ok_or(Reason::UpstreamTokenUnavailable)?;
                    patch.set_bearer(token.value());
                }
                // Only the half in the listener's chain has callers' tokens.
                Supply::UserToken(_) => return Err(Reason::UpstreamTokenUnavailable.into()),
                Supply::Key(index) => {
                    let ticket = passport.ticket.ok_or(Reason::RouteChanged)?;
                    let key = (at_hand.member)(index, ticket)?;
                    patch.set_key(place, key.member.secret());
                    picked = Some(key);
                }
            },
            Choice::Own => own.iter().for_each(|own| patch.set_key(place, own.secret())),
            Choice::Envoy => {}
        }
        Ok(Attached { patch, picked })
    }
}

#[cfg(test)]
mod tests {
    use crate::config;
    use crate::credentials::Credentials;
    use crate::denial::Reason;
    use crate::secret::Secret;
    use crate::upstream::{AtHand, Passport, Upstreams};

    #[test]
    fn a_passport_is_good_for_its_cluster_alone() {
        let entry = |cluster: &str| serde_json::json!({"cluster": cluster, "dialect": "openai", "credential": {"env": "KEY"}});
        let entries: Vec<config::Upstream> =
            serde_json::from_value(vec![entry("one"), entry("two")].into()).unwrap();
        let upstreams =
            Upstreams::compile(&entries, &Credentials::default(), &|_| Some(Secret::new("provider-key")));
        let upstreams = upstreams.unwrap();
        let passport = Passport {
            cluster: "one".to_owned(),
            tenant: None,
            is_openai_compatible: true,
            own_key: None,
            ticket: None,
        };
        let at_hand = AtHand {
            token: &|_| None,
            member: &|_, _| Err(Reason::UpstreamPoolExhausted.into()),
            own_key: &|_| Err(Reason::ProviderKeyInvalid.into()),
        };
        for (cluster, passport, reason, note) in [
            (Some("one"), Some(&passport), None, "the decided cluster"),
            (Some("two"), Some(&passport), Some(Reason::RouteChanged), "another cluster"),
            (Some("one"), None, Some(Reason::RouteChanged), "a request that was never decided"),
            (
                Some("three"),
                Some(&passport),
                Some(Reason::UpstreamNotConfigured),
                "a cluster without an entry",
            ),
            (None, Some(&passport), Some(Reason::NoUpstream), "no cluster"),
        ] {
            let refused =
                upstreams.attach_at_cluster(cluster, passport, &at_hand).err().map(|denial| denial.reason());
            assert_eq!(refused, reason, "{note}");
        }
    }
}
