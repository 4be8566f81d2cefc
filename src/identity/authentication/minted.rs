//! Proves tokens of the gateway's own, which are good only as long as what they were got with.

use std::rc::Rc;

use super::caller::Caller;
use super::identity::Identity;
use crate::denial::{Denial, Reason};
use crate::identity::api_key::Wanted;
use crate::identity::principal::{Binding, KeyFacts, Parent, Principal, holds_scope};
use crate::identity::proven::Evidence;

impl Identity {
    pub(super) fn prove_minted(
        &self,
        token: &str,
        caller: &Caller<'_>,
    ) -> Result<(Rc<Principal>, Evidence), Denial> {
        let none = || Denial::new(Reason::TokenIssuerUnknown).with_detail("this gateway gives no tokens");
        let mut principal = self.mint.as_ref().ok_or_else(none)?.verify(token, &caller.moment)?;
        self.admit_parents(&principal, caller)?;
        principal.key = self.subjects_key(&principal, caller)?;
        let refused_from_ms = principal.expires_at.unwrap_or_default().saturating_mul(1000);
        let fed = self.generation_of_parents(&principal, caller.fed);
        let by = Evidence::Minted { proven_ms: caller.moment.unix_ms, refused_from_ms, fed };
        Ok((Rc::new(principal), by))
    }

    /// A token is good only as long as every credential that it was got with would be.
    pub(super) fn admit_parents(&self, principal: &Principal, caller: &Caller<'_>) -> Result<(), Denial> {
        let parents = principal.minted.iter().flat_map(|minted| &minted.parents);
        for parent in parents {
            self.admit_parent(parent, &principal.binding, caller).map_err(|denial| {
                match denial.reason().status() {
                    // It was not what the caller sent.
                    401 => Denial::new(Reason::ParentCredentialInvalid).with_note(format!(
                        "the credential `{}`: {}",
                        parent.id,
                        denial.reason()
                    )),
                    _ => denial,
                }
            })?;
        }
        Ok(())
    }

    /// What rules know of the subject's key, which is not the token's to say. What a key lost since, its tokens have lost
    /// too.
    fn subjects_key(&self, principal: &Principal, caller: &Caller<'_>) -> Result<Option<KeyFacts>, Denial> {
        let mut key = None;
        let parents = principal.minted.iter().flat_map(|minted| &minted.parents);
        // The first parent is the subject's.
        for (place, parent) in parents.enumerate() {
            let Some(id) = parent.key_id() else { continue };
            let holder = self.holder(id, caller.fed, &caller.moment)?;
            let is_subject = place > 0
                || (holder.project == principal.project
                    && holder.service_account == principal.service_account);
            let holds = |scope: &String| holds_scope(&holder.scopes, scope);
            let is_as_bound = principal.binding.is_within(&holder.binding);
            if !is_subject
                || !is_as_bound
                || holder.tenant != principal.tenant
                || !principal.scopes.iter().all(holds)
            {
                return Err(Denial::new(Reason::ParentCredentialInvalid)
                    .with_note(format!("the key `{id}` is not what it was")));
            }
            if place == 0 {
                key = holder.key;
            }
        }
        Ok(key)
    }

    fn admit_parent(&self, parent: &Parent, binding: &Binding, caller: &Caller<'_>) -> Result<(), Denial> {
        match (parent.key_id(), &parent.issuer) {
            (Some(id), _) => {
                let keys = self.known_keys(caller.fed);
                keys.admit(Wanted::Id(id), caller.connection, &caller.moment)
            }
            (None, Some(name)) if self.verifier.index_of(name).is_some() => {
                self.require_bound(Some(name), binding)
            }
            (None, _) => Err(Reason::TokenIssuerUnknown.into()),
        }
    }
}
