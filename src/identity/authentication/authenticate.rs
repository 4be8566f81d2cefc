//! Proves whose a credential is, or takes what was proven before.

use std::rc::Rc;

use super::caller::{Caller, Unproven};
use super::identity::Identity;
use super::introspection::answered;
use crate::denial::{Denial, Reason};
use crate::expression::Engine;
use crate::identity::api_key::{KeyHolder, Wanted};
use crate::identity::credential::{self, CredentialName, Presented, PresentedKind};
use crate::identity::jwt::{FreshKeys, JwtRefusal};
use crate::identity::principal::Principal;
use crate::identity::proven::{Evidence, Proof, Proven};
use crate::request::RequestHead;

/// A longer credential is verified each time: what it says could fill a worker's memory.
const LONGEST_REMEMBERED: usize = 4096;

impl Identity {
    /// Proves who sent the request.
    ///
    /// # Errors
    /// A denial, or the issuer whose newer keys could still prove it.
    pub fn authenticate(
        &self,
        engine: &Engine,
        request: &RequestHead,
        caller: Caller<'_>,
    ) -> Result<Proven, Unproven> {
        self.prove(engine, &credential::find(request)?, caller)
    }

    /// Proves whose credential it is.
    ///
    /// # Errors
    /// As [`Self::authenticate`].
    pub fn prove(
        &self,
        engine: &Engine,
        presented: &Presented,
        caller: Caller<'_>,
    ) -> Result<Proven, Unproven> {
        let credential = presented.secret.expose();
        let name = CredentialName::of(caller.proven, credential);
        if let Some(proof) =
            caller.proven.get(name, |proof| proof.holds(caller.fed, caller.keys, caller.moment.unix_ms))
        {
            match proof.by() {
                Evidence::Key { hash, .. } => {
                    let keys = self.known_keys(caller.fed);
                    keys.admit(Wanted::Hash(hash), caller.connection, &caller.moment)?;
                }
                Evidence::Minted { .. } => self.admit_parents(proof.principal(), &caller)?,
                Evidence::Token { .. } | Evidence::Introspection { .. } => {}
            }
            return Ok(proof.sent_by(presented.scheme));
        }
        let (principal, by) = match presented.kind {
            PresentedKind::ApiKey => self.prove_key(presented, name, &caller)?,
            PresentedKind::Jwt => self.prove_token(engine, presented, name, &caller)?,
            PresentedKind::Minted => self.prove_minted(presented.text(), &caller)?,
        };
        self.require_bound(principal.issuer.as_deref(), &principal.binding)?;
        let proof = Proof::of(caller.proven, name, principal, by);
        if credential.len() <= LONGEST_REMEMBERED {
            caller.proven.put(name, proof.clone());
        }
        Ok(proof.sent_by(presented.scheme))
    }

    /// An API key, or what an issuer may know where nobody does here.
    fn prove_key(
        &self,
        presented: &Presented,
        name: CredentialName,
        caller: &Caller<'_>,
    ) -> Result<(Rc<Principal>, Evidence), Unproven> {
        let keys = self.known_keys(caller.fed);
        let denial = match keys.authenticate(presented, caller.connection, &caller.moment) {
            Ok(KeyHolder { principal, hash, generation }) => {
                return Ok((Rc::new(principal), Evidence::Key { hash, fed: generation }));
            }
            Err(denial) => denial,
        };
        let issuer = self.introspectors.issuer_of(presented.text());
        match (denial.reason(), issuer) {
            (Reason::KeyUnknown, Some(issuer)) => answered(issuer, &presented.secret, name, caller),
            // Where the issuer does not know it either, a feed still could.
            (Reason::KeyFeedUnavailable, Some(issuer)) => answered(issuer, &presented.secret, name, caller)
                .map_err(|unproven| match unproven {
                    Unproven::Denied(_) => denial.into(),
                    unproven => unproven,
                }),
            _ => Err(denial.into()),
        }
    }

    fn prove_token(
        &self,
        engine: &Engine,
        presented: &Presented,
        name: CredentialName,
        caller: &Caller<'_>,
    ) -> Result<(Rc<Principal>, Evidence), Unproven> {
        let now_ms = caller.moment.unix_ms;
        let keys = FreshKeys { ring: caller.keys, now_ms };
        let examined = self.verifier.examine(presented.text(), &keys, &caller.moment);
        let claims = match examined.and_then(|examined| examined.prove(caller.verify)) {
            Ok(claims) => claims,
            Err(JwtRefusal::Denied(denial)) => return Err(denial.into()),
            Err(JwtRefusal::UnknownKey { issuer, reason }) if caller.keys.is_just_fetched(issuer, now_ms) => {
                return Err(Denial::from(reason).into());
            }
            Err(JwtRefusal::UnknownKey { issuer, .. } | JwtRefusal::KeysMissing { issuer }) => {
                return Err(Unproven::NeedsKeys { issuer });
            }
            Err(JwtRefusal::Introspected { issuer }) => {
                return answered(issuer, &presented.secret, name, caller);
            }
        };
        let by = Evidence::Token {
            issuer: claims.issuer(),
            generation: caller.keys.generation(claims.issuer(), now_ms),
            proven_ms: now_ms,
            refused_from_ms: claims.refused_from_ms(),
        };
        Ok((Rc::new(self.principal_of(engine, claims)?), by))
    }
}
