//! Proofs by a key (RFC 9449), as the configuration takes them.

use super::dpop_proof::{Credential, DpopProof, Expected};
use super::nonces::Nonces;
use super::proof_table::Allowance;
use super::public_urls::PublicUrls;
use super::shown::Shown;
use crate::config::{Algorithm, ConfigError, Dpop, Span, Thumbprint};
use crate::denial::Denial;
use crate::identity::principal::Principal;
use crate::secret::Environment;

/// The section `dpop`, compiled.
#[derive(Debug)]
pub(super) struct Proofs {
    urls: PublicUrls,
    pub(super) algorithms: Vec<Algorithm>,
    max_age: Span,
    leeway: Span,
    pub(super) nonces: Option<Nonces>,
    allowance: Allowance,
}

impl Proofs {
    pub(super) fn compile(dpop: &Dpop, environment: Environment<'_>) -> Result<Self, ConfigError> {
        if dpop.algorithms.is_empty() {
            let why = "an empty list, which no proof could satisfy; write at least one, such as `ES256`";
            return Err(ConfigError::new("dpop.algorithms", why));
        }
        for (at, span, longest) in [
            ("dpop.max_age", dpop.max_age, Dpop::LONGEST_AGE),
            ("dpop.leeway", dpop.leeway, Dpop::LONGEST_LEEWAY),
        ] {
            if span > longest {
                return Err(ConfigError::new(at, format!("`{span}` is longer than `{longest}`")));
            }
        }
        for (at, most) in [
            ("dpop.proofs_per_caller", dpop.proofs_per_caller),
            ("dpop.proofs_per_tenant", dpop.proofs_per_tenant),
        ] {
            if most == 0 {
                return Err(ConfigError::new(at, "`0` proofs would refuse everybody"));
            }
        }
        // As long as a proof can be remembered.
        let whole = dpop.max_age.milliseconds().saturating_add(dpop.leeway.milliseconds());
        Ok(Self {
            urls: PublicUrls::compile(&dpop.public_origins, "dpop.public_origins")?,
            algorithms: dpop.algorithms.clone(),
            max_age: dpop.max_age,
            leeway: dpop.leeway,
            nonces: Nonces::compile(dpop, environment)?,
            allowance: Allowance::compile(dpop, Span::from_milliseconds(whole))
                .map_err(|error| ConfigError::new("dpop.max_age", error.why))?,
        })
    }

    /// Takes the proof of a request, once, and says whose key made it.
    pub(super) fn take(
        &self,
        principal: &Principal,
        credential: Credential<'_>,
        shown: &Shown<'_>,
    ) -> Result<Thumbprint, Denial> {
        let Shown { request, table, .. } = shown;
        let proof = DpopProof::read(request, &self.algorithms)?;
        // Before the signature: nobody makes us verify with keys of his own choice.
        principal.binding.admit_key(&proof.thumbprint)?;
        let expected = Expected {
            request,
            urls: &self.urls,
            credential,
            now_ms: table.now_ms,
            max_age: self.max_age,
            leeway: self.leeway,
        };
        let proof_id = proof.fits(&expected)?;
        if let Some(nonces) = &self.nonces {
            nonces.admit(proof.nonce(), table)?;
        }
        proof.verify(shown.verify)?;
        table.use_up(&proof_id, &proof.thumbprint, principal, &self.allowance)?;
        Ok(proof.thumbprint)
    }
}
