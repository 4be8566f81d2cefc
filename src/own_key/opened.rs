//! A key that was opened, and what it is good for.

use serde_json::Map;

use super::content::Content;
use super::owner::{Holder, Owner};
use super::terms::Terms;
use crate::config::Timestamp;
use crate::denial::{Denial, Reason};
use crate::identity::{Binding, Kind, Limits, Minted, Parent, Principal};
use crate::secret::Secret;

/// What a JWE of a feed begins with where it travels beside a request. Nobody can send one: what lies in a feed is not a bearer's.
const OF_FEED: &str = "cgf_";

/// The key of a user or of its tenant, opened. Its `Debug` does not show the key.
#[derive(Debug)]
pub struct OwnKey {
    key: Secret,
    /// As it was sent, or lies in the feed.
    sealed: Secret,
    holder: Holder,
    upstreams: Vec<String>,
    /// Of which only the models are limited.
    limits: Limits,
    /// Unix seconds.
    expires_at: u64,
    /// The key as revocation lists see it.
    revocable: Principal,
    /// The name of the key that had sealed it.
    sealed_by: String,
}

/// When a key of a feed began and when it ends, in Unix seconds.
#[derive(Clone, Copy)]
pub(super) struct Times {
    begin: Option<u64>,
    end: u64,
}

impl Times {
    /// Without an end it lasts as long as its entry does.
    pub(super) fn of(begin: Option<Timestamp>, end: Option<Timestamp>) -> Self {
        let seconds = |time: Timestamp| u64::try_from(time.unix_seconds()).unwrap_or_default();
        Self { begin: begin.map(seconds), end: end.map_or(u64::MAX, seconds) }
    }
}

/// The JWE in what travels beside a request; `None` where that is a key which was brought along.
pub(super) fn jwe_of_feed(sealed: &[u8]) -> Option<&str> {
    std::str::from_utf8(sealed.strip_prefix(OF_FEED.as_bytes())?).ok()
}

impl OwnKey {
    /// A key that was kept in a feed.
    pub(super) fn of_feed(terms: Terms<'_>, (key, jwe): (&str, &str), times: Times, sealed_by: &str) -> Self {
        let (subject, issuer) = (terms.subject.unwrap_or_default(), terms.issuer);
        Self {
            key: Secret::new(key),
            sealed: Secret::new(format!("{OF_FEED}{jwe}")),
            holder: terms.holder(),
            upstreams: terms.upstreams.to_vec(),
            limits: terms.limits(),
            expires_at: times.end,
            revocable: revocable(subject, terms.tenant, (issuer, None), (terms.id, times.begin)),
            sealed_by: sealed_by.to_owned(),
        }
    }

    pub(super) fn of(content: Content, sealed: &[u8], sealed_by: &str) -> Self {
        let Content { iss, jti, iat, exp, tenant, sub, sub_iss, upstreams, models, key } = content;
        let revocable = revocable(&sub, &tenant, (Some(&sub_iss), Some(&iss)), (&jti, Some(iat)));
        Self {
            key: Secret::new(key),
            sealed: Secret::new(sealed),
            holder: Holder::User(Owner { tenant, subject: sub, issuer: sub_iss }),
            upstreams,
            limits: Limits { models, ..Limits::default() },
            expires_at: exp,
            revocable,
            sealed_by: sealed_by.to_owned(),
        }
    }

    /// What goes to the provider.
    pub fn secret(&self) -> &Secret {
        &self.key
    }

    /// What the caller has sent, or what lies in the feed, which only the gateway can open.
    pub fn sealed(&self) -> &Secret {
        &self.sealed
    }

    /// True where it was kept in a feed, and not brought along.
    pub fn is_of_feed(&self) -> bool {
        jwe_of_feed(self.sealed.expose()).is_some()
    }

    /// True where the account is the tenant's, and not one user's.
    pub fn is_of_tenant(&self) -> bool {
        matches!(self.holder, Holder::Tenant(_))
    }

    /// Whose the account is, for the names of what is remembered.
    pub fn holder(&self) -> &'static str {
        match &self.holder {
            Holder::User(_) => "user",
            Holder::Tenant(_) => "tenant",
        }
    }

    /// Its `jti`, or the id of its entry.
    pub fn id(&self) -> &str {
        &self.revocable.credential_id
    }

    /// Unix seconds from which on it is refused.
    pub fn expires_at(&self) -> u64 {
        self.expires_at
    }

    /// The key as a credential of its owner, for the lists of what is revoked.
    pub fn revocable(&self) -> &Principal {
        &self.revocable
    }

    /// The name of the sealing key, for whoever rotates it.
    pub fn sealed_by(&self) -> &str {
        &self.sealed_by
    }

    /// # Errors
    /// `provider_key_not_for_caller` where it is somebody else's, `provider_key_expired`.
    pub fn require_owner(&self, principal: &Principal, now_seconds: u64) -> Result<(), Denial> {
        match Owner::of(principal) {
            Some(owner) => self.require_of(&owner, now_seconds),
            None => Err(Reason::ProviderKeyNotForCaller.into()),
        }
    }

    pub(super) fn require_of(&self, owner: &Owner, now_seconds: u64) -> Result<(), Denial> {
        // Whose it is comes first: nobody else is told anything of it.
        if !matches!(&self.holder, Holder::User(user) if user == owner) {
            return Err(Reason::ProviderKeyNotForCaller.into());
        }
        match self.expires_at <= now_seconds {
            true => Err(Reason::ProviderKeyExpired.into()),
            false => Ok(()),
        }
    }

    /// # Errors
    /// `provider_key_not_for_upstream` where the cluster is not named.
    pub fn require_upstream(&self, cluster: &str) -> Result<(), Denial> {
        match self.upstreams.iter().any(|name| name == cluster) {
            true => Ok(()),
            false => Err(Denial::new(Reason::ProviderKeyNotForUpstream)
                .with_detail(format!("it is for `{}`", self.upstreams.join("`, `")))),
        }
    }

    /// True where it is for some models only, so that the model must be known.
    pub fn names_models(&self) -> bool {
        self.limits.models.is_some()
    }

    /// # Errors
    /// `model_not_allowed` where it is not for this model.
    pub fn require_model(&self, model: &str) -> Result<(), Denial> {
        match self.limits.admit_model(model) {
            true => Ok(()),
            false => Err(Denial::new(Reason::ModelNotAllowed).with_detail(format!(
                "the provider key is for `{}`",
                self.limits.models.as_deref().unwrap_or_default().join("`, `")
            ))),
        }
    }
}

/// An entry of a list fits the key by its own name, by its owner, or by this gateway as the issuer of what it has sealed.
fn revocable(
    subject: &str,
    tenant: &str,
    (subject_issuer, issuer): (Option<&str>, Option<&str>),
    (id, issued_at): (&str, Option<u64>),
) -> Principal {
    let of_subject =
        Parent { kind: Kind::Jwt, id: String::new(), issuer: subject_issuer.map(str::to_owned), issued_at };
    Principal {
        kind: Kind::Jwt,
        subject: subject.to_owned(),
        tenant: Some(tenant.to_owned()),
        project: None,
        service_account: None,
        client: None,
        scopes: Vec::new(),
        roles: Vec::new(),
        claims: Map::new(),
        key: None,
        issuer: issuer.map(str::to_owned),
        credential_id: id.to_owned(),
        actor: None,
        actors: Vec::new(),
        expires_at: None,
        issued_at,
        binding: Binding::default(),
        minted: Some(Minted { parents: vec![of_subject], limits: Limits::default(), provider_key: None }),
    }
}
