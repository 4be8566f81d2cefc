//! Proof of possession: whoever sends a credential that is bound to a certificate or to a key must hold that, too, and
//! prove it anew on each request.
//!
//! A certificate is the one that Envoy saw in the handshake (RFC 8705). A key signs a proof for one request (RFC 9449),
//! which is good once: its id is remembered until its time is over, for all workers of one Envoy, and only when all else
//! of the proof has held, so that no stranger uses up somebody's proof.

use super::credential::Scheme;
use super::dpop::{Credential, DpopProof, Errand, HEADER};
use super::jose::{EngineAnswer, Question};
use super::nonce::Nonces;
use super::principal::{Holder, Principal};
use super::proof_table::{Allowance, ProofTable};
use super::proven::Proven;
use super::public_url::PublicUrls;
use crate::config::{Algorithm, BoundBy, Config, ConfigError, Dpop, Key, Span, Thumbprint};
use crate::denial::{Denial, Reason};
use crate::request::RequestHead;
use crate::secret::Environment;

/// How possession is proven under one configuration.
#[derive(Debug)]
pub struct Possession {
    proofs: Option<Proofs>,
}

/// The section `dpop`, compiled.
#[derive(Debug)]
struct Proofs {
    urls: PublicUrls,
    algorithms: Vec<Algorithm>,
    max_age: Span,
    leeway: Span,
    nonces: Option<Nonces>,
    allowance: Allowance,
}

/// What a request shows, and what the host knows of it.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    pub request: &'a RequestHead,
    /// The credential as it was sent.
    pub credential: &'a [u8],
    /// The certificate that the client showed; asked only where one is needed.
    pub certificate: &'a dyn Fn() -> Option<Thumbprint>,
    pub verify: &'a dyn Fn(&Question<'_>) -> EngineAnswer,
    pub table: ProofTable<'a>,
}

impl Possession {
    /// # Errors
    /// A section `dpop` that is wrong, or none where a credential is to be bound by it.
    pub(super) fn compile(config: &Config, environment: Environment<'_>) -> Result<Self, ConfigError> {
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

impl Proofs {
    fn compile(dpop: &Dpop, environment: Environment<'_>) -> Result<Self, ConfigError> {
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
    fn take(
        &self,
        principal: &Principal,
        credential: Credential<'_>,
        shown: &Shown<'_>,
    ) -> Result<Thumbprint, Denial> {
        let Shown { request, table, .. } = shown;
        let proof = DpopProof::read(request, &self.algorithms)?;
        // Before the signature: nobody makes us verify with keys of his own choice.
        principal.binding.admit_key(&proof.thumbprint)?;
        let errand = Errand {
            request,
            urls: &self.urls,
            credential,
            now_ms: table.now_ms,
            max_age: self.max_age,
            leeway: self.leeway,
        };
        let identified = proof.fits(&errand)?;
        if let Some(nonces) = &self.nonces {
            nonces.admit(proof.nonce(), table)?;
        }
        proof.verify(shown.verify)?;
        table.use_up(&identified, &proof.thumbprint, principal, &self.allowance)?;
        Ok(proof.thumbprint)
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
