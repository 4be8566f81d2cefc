//! Proves opaque tokens, which are what their issuers say they are.

use std::rc::Rc;

use sha2::{Digest, Sha256};

use super::caller::{Caller, Unproven};
use super::identity::Identity;
use crate::config::Span;
use crate::expression::Engine;
use crate::identity::credential::CredentialName;
use crate::identity::introspection::{self, Inquiry, Introspected, IntrospectionRequest};
use crate::identity::principal::Principal;
use crate::identity::proven::Evidence;
use crate::request::Moment;
use crate::secret::Secret;

impl Identity {
    /// How the issuer is asked; `None` where it cannot be, for want of the gateway's secret.
    pub fn introspection_request<'a>(&'a self, inquiry: &'a Inquiry) -> Option<IntrospectionRequest<'a>> {
        self.introspectors.request(inquiry)
    }

    /// What the answer of an issuer to a question of `asked_ms` means.
    ///
    /// # Errors
    /// One line for the operator where it is none.
    pub fn read_introspection(
        &self,
        engine: &Engine,
        inquiry: &Inquiry,
        answer: &[u8],
        asked_ms: u64,
        moment: &Moment,
    ) -> Result<Introspected, String> {
        let source = self.introspectors.source(inquiry.issuer).ok_or("no such issuer")?;
        let digest = Sha256::digest(answer).into();
        let claims = introspection::read(answer)?
            .and_then(|claims| self.verifier.admit_answer(inquiry.issuer, claims, moment));
        let relied_on_until = |span: Span| asked_ms.saturating_add(span.milliseconds());
        let until_ms = match &claims {
            Ok(claims) => relied_on_until(source.max_age).min(claims.refused_from_ms()),
            Err(_) => relied_on_until(source.negative_max_age),
        };
        let principal = claims.and_then(|claims| self.principal_of(engine, claims)).map(Rc::new);
        Ok(Introspected { principal, answer: digest, asked_ms, until_ms })
    }
}

/// What the token's issuer has said of it.
pub(super) fn answered(
    issuer: usize,
    token: &Secret,
    name: CredentialName,
    caller: &Caller<'_>,
) -> Result<(Rc<Principal>, Evidence), Unproven> {
    let introspected =
        caller.introspected.iter().find(|(of, _)| *of == name).map(|(_, introspected)| introspected.clone());
    let introspected = introspected
        .or_else(|| caller.inactive.get(name, |introspected| introspected.holds(caller.moment.unix_ms)));
    match introspected {
        Some(Introspected { principal, answer, asked_ms, until_ms }) => {
            Ok((principal?, Evidence::Introspection { answer, asked_ms, until_ms }))
        }
        None => Err(Unproven::NeedsIntrospection(Inquiry::new(issuer, name, token))),
    }
}
