//! What goes on with one request: put together before the quotas are asked, and put on once they have let it through.

use super::Upstream;
use super::attachment::{Attachment, Fresh, Later, Proofs};
use super::credential::Choice;
use super::headers::{self, HeaderPatch, Setting};
use crate::config::{Asserted, Attach};
use crate::denial::{Denial, Reason};
use crate::dialect::Operation;
use crate::identity::Principal;
use crate::own_key::OwnKey;
use crate::request::{Dialect, RequestHead};

impl Upstream {
    /// Puts together what goes on, before the quotas are asked, so that a request which cannot be sent on costs
    /// nothing. At the cluster the credential goes on later, against [`Self::passport`].
    ///
    /// # Errors
    /// The credential or an identity header that is missing.
    pub fn prepare(
        &self,
        principal: &Principal,
        operation: &Operation,
        own: Option<&OwnKey>,
        attach: Attach,
    ) -> Result<Attachment, Denial> {
        let identity = self.identity(principal)?.into_iter();
        let identity = identity.map(|(name, value)| Setting::new(name, value.as_bytes()));
        let tenant = principal.tenant.as_deref();
        let place = headers::place(self.dialect, operation.is_openai_compatible());
        let (credential, later) = match self.choose(tenant, own)? {
            Choice::Secret(secret) => (Some(place.holding(secret)), Later::Nothing),
            Choice::Entry(chosen) => (None, Later::Entry(chosen.clone())),
            Choice::Own => (None, Later::OwnKey),
            Choice::Envoy => (None, Later::Nothing),
        };
        let credential = credential.filter(|_| attach == Attach::InChain);
        let settings = identity.chain(credential).collect();
        Ok(Attachment { settings, later, place, owner: self.credential.owner(tenant, own) })
    }

    /// Takes the caller's credential and identity headers off and puts the provider's on: what was put together, and the token
    /// or the key that it has chosen, where that goes on here.
    pub fn attach(
        &self,
        _proofs: &Proofs,
        attachment: &Attachment,
        fresh: Option<Fresh<'_>>,
        request: &RequestHead,
    ) -> HeaderPatch {
        let mut patch = HeaderPatch::stripping(request).with(&attachment.settings);
        match fresh {
            Some(Fresh::Token(token)) => patch.set_bearer(token.value()),
            Some(Fresh::Member(member)) => patch.set_key(attachment.place, member.secret()),
            Some(Fresh::OwnKey(key)) if attachment.takes_own_key() => {
                patch.set_key(attachment.place, key.secret())
            }
            Some(Fresh::OwnKey(_)) | None => {}
        }
        if self.dialect == Dialect::Anthropic && request.text(headers::ANTHROPIC_VERSION).is_none() {
            patch.set(headers::ANTHROPIC_VERSION, b"2023-06-01");
        }
        patch
    }

    /// The identity headers that this upstream asserts for the principal.
    fn identity<'a>(&'a self, principal: &'a Principal) -> Result<Vec<(&'static str, &'a str)>, Denial> {
        // The rules isolate tenants; this holds where somebody removed the rule.
        if self.tenant.is_some() && self.tenant != principal.tenant {
            return Err(Denial::new(Reason::TenantMismatch));
        }
        let quota_project = self.asserted.quota_project.as_deref();
        let mut identity: Vec<_> =
            quota_project.into_iter().map(|project| (headers::USER_PROJECT, project)).collect();
        for (name, asserted, own) in [
            (headers::ORGANIZATION, &self.asserted.organization, &principal.tenant),
            (headers::PROJECT, &self.asserted.project, &principal.project),
        ] {
            let value = match asserted {
                None => continue,
                Some(Asserted::Value(value)) => Some(value),
                Some(Asserted::Principal) => own.as_ref(),
            };
            let value = value.filter(|value| headers::is_value(value));
            identity.push((name, value.ok_or(Reason::IdentityIncomplete)?.as_str()));
        }
        Ok(identity)
    }

    /// The provider's credential for this tenant, or the caller's own.
    pub(super) fn choose(&self, tenant: Option<&str>, own: Option<&OwnKey>) -> Result<Choice<'_>, Denial> {
        let missing = || {
            let note = format!("the environment of Envoy has no credential for cluster `{}`", self.cluster);
            Denial::new(Reason::ProviderCredentialMissing).with_note(note)
        };
        self.credential.choose(tenant, own).ok_or_else(|| self.credential.absence())?.ok_or_else(missing)
    }
}
