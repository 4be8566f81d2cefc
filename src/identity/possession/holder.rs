//! Whether the sender of a credential holds what it is bound to.

use super::dpop::Proofs;
use super::dpop_proof::{Credential, HEADER};
use super::nonces::Nonces;
use super::proof_table::ProofTable;
use super::shown::Shown;
use crate::config::{BoundBy, Config, ConfigError, Key, Thumbprint};
use crate::denial::{Denial, Reason};
use crate::identity::credential::Scheme;
use crate::identity::principal::{Holder, Principal};
use crate::identity::proven::Proven;
use crate::secret::Environment;

/// How possession is proven under one configuration.
#[derive(Debug)]
pub struct Possession {
    proofs: Option<Proofs>,
}

impl Possession {
    /// # Errors
    /// A section `dpop` that is wrong, or none where a credential is to be bound by it.
    pub(in crate::identity) fn compile(
        config: &Config,
        environment: Environment<'_>,
    ) -> Result<Self, ConfigError> {
        let proofs = config.dpop.as_ref().map(|dpop| Proofs::compile(dpop, environment)).transpose()?;
        match (needs_proofs(config), &proofs) {
            (Some(at), None) => {
                let why = "proofs need the section `dpop` with the `public_origins` that they are made for";
                Err(ConfigError::new(at, why))
            }
            _ => Ok(Self { proofs }),
        }
    }

    /// The algorithms of proofs, for challenges; `None` where proofs are not taken.
    pub fn algorithms(&self) -> Option<impl Iterator<Item = &'static str>> {
        self.proofs.as_ref().map(|proofs| proofs.algorithms.iter().map(|algorithm| algorithm.name()))
    }

    /// True where random bytes are needed that all workers share.
    pub fn wants_shared_key(&self) -> bool {
        self.nonces().is_some_and(Nonces::want_shared_key)
    }

    /// A nonce for the next proof; `None` where none are given.
    ///
    /// # Errors
    /// Refuses where the key that makes them is not there.
    pub fn nonce(&self, table: &ProofTable<'_>) -> Result<Option<String>, Denial> {
        self.nonces().map(|nonces| nonces.fresh(table)).transpose()
    }

    fn nonces(&self) -> Option<&Nonces> {
        self.proofs.as_ref()?.nonces.as_ref()
    }

    /// Proves that whoever sent the request holds what the principal's credential is bound to.
    ///
    /// # Errors
    /// A denial for each way in which that is not so.
    pub fn prove(&self, proven: &Proven, shown: &Shown<'_>) -> Result<Holder, Denial> {
        let Proven { principal, scheme, .. } = proven;
        let binding = &principal.binding;
        let mut holder = Holder::default();
        if binding.names_certificates() {
            holder.certificate = (shown.certificate)();
            binding.admit_certificate(holder.certificate.as_ref())?;
        }
        match (binding.names_keys(), scheme) {
            (true, _) => holder.key = Some(self.prove_key(proven, shown)?),
            (false, Scheme::Bearer) => {}
            // RFC 9449 section 7.1: under this scheme a credential must be bound to a key.
            (false, Scheme::Dpop) => {
                return Err(Denial::new(Reason::BindingRequired)
                    .with_detail("it was sent by `DPoP`, and is not bound to a key"));
            }
        }
        Ok(holder)
    }

    fn prove_key(&self, proven: &Proven, shown: &Shown<'_>) -> Result<Thumbprint, Denial> {
        let unconfigured = || {
            Denial::new(Reason::ConfirmationUnsupported)
                .with_detail("this gateway takes no DPoP proofs")
                .with_note("the configuration has no `dpop`, which says for which URLs proofs are made")
        };
        let proofs = self.proofs.as_ref().ok_or_else(unconfigured)?;
        // RFC 9449 section 7.2: else a thief would send it as what it is not.
        if proven.scheme == Scheme::Bearer {
            return Err(Reason::DpopSchemeRequired.into());
        }
        proofs.take(&proven.principal, Credential::Bound(shown.credential), shown)
    }

    /// True where a proof came.
    pub fn is_offered(&self, shown: &Shown<'_>) -> bool {
        shown.request.values(HEADER).next().is_some()
    }

    /// The key of a proof that came with a request for a token, by a caller whose credential is not bound to a key.
    ///
    /// # Errors
    /// Refuses a proof that is not good, and any where none are taken.
    pub fn prove_offered(&self, principal: &Principal, shown: &Shown<'_>) -> Result<Thumbprint, Denial> {
        let proofs = self.proofs.as_ref().ok_or_else(|| {
            Denial::new(Reason::TokenRequestInvalid).with_detail("this gateway takes no DPoP proofs")
        })?;
        proofs.take(principal, Credential::Asking(shown.credential), shown)
    }
}

/// The first field by which a credential must be bound to a key.
fn needs_proofs(config: &Config) -> Option<String> {
    let names_keys = |key: &Key| key.bound_to.as_ref().is_some_and(|bound_to| !bound_to.dpop_keys.is_empty());
    let issuer = config.issuers.iter().position(|issuer| issuer.bound_by == Some(BoundBy::Dpop));
    let key = || config.keys.iter().position(|key| names_keys(key));
    let at_issuer = issuer.map(|index| format!("issuers[{index}].bound_by"));
    at_issuer.or_else(|| key().map(|index| format!("keys[{index}].bound_to.dpop_keys")))
}
