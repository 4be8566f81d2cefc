//! What a decided request carries inside Envoy to the filter on the cluster, where the credential goes on.
//!
//! It travels in filter state, which no caller can write. It holds no secret, and it is good for one cluster:
//! where Envoy chose the route again after the decision, or retries on another cluster, it does not fit.

use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::credential::Choice;
use super::{HeaderPatch, Proofs, Upstream, Upstreams, headers};
use crate::credentials::{CredentialIndex, Token};
use crate::denial::{Denial, Reason};
use crate::dialect::Operation;
use crate::identity::Principal;

/// The decision, as the filter on the cluster needs it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Passport {
    cluster: String,
    tenant: Option<String>,
    is_openai_compatible: bool,
}

impl Upstream {
    /// Writes the passport of a call that policy and quota have let through.
    pub fn passport(&self, _proofs: &Proofs, principal: &Principal, operation: &Operation) -> Passport {
        Passport {
            cluster: self.cluster.clone(),
            tenant: principal.tenant.clone(),
            is_openai_compatible: operation.is_openai_compatible(),
        }
    }
}

impl Upstreams {
    /// Puts the credential on at `cluster`, the one really chosen. `token` gives what is got.
    ///
    /// # Errors
    /// `route_changed` where the request has no passport or one for another cluster.
    pub fn attach_at_cluster(
        &self,
        cluster: Option<&str>,
        passport: Option<&Passport>,
        token: &dyn Fn(CredentialIndex) -> Option<Rc<Token>>,
    ) -> Result<HeaderPatch, Denial> {
        let upstream = self.select(cluster)?;
        let passport = passport.filter(|passport| passport.cluster == upstream.cluster).ok_or_else(|| {
            Denial::new(Reason::RouteChanged).with_note("the request has no permit for this cluster")
        })?;
        let mut patch = HeaderPatch::default();
        match upstream.choose(passport.tenant.as_deref(), None)? {
            Choice::Secret(secret) => {
                let is_compatible = passport.is_openai_compatible;
                let setting = headers::place(upstream.dialect, is_compatible).holding(secret);
                patch = patch.with(&[setting].into());
            }
            Choice::Token(chosen) => {
                // The half in the listener's chain has seen one, so it has just ended.
                patch.set_bearer(token(chosen.index).ok_or(Reason::UpstreamTokenUnavailable)?.value());
            }
            // Callers' own keys go on in the listener's chain, which the configuration is held to.
            Choice::Own | Choice::Envoy => {}
        }
        Ok(patch)
    }
}

#[cfg(test)]
mod tests {
    use crate::config;
    use crate::credentials::Credentials;
    use crate::denial::Reason;
    use crate::secret::Secret;
    use crate::upstream::{Passport, Upstreams};

    #[test]
    fn a_passport_is_good_for_its_cluster_alone() {
        let entry = |cluster: &str| serde_json::json!({"cluster": cluster, "dialect": "openai", "credential": {"env": "KEY"}});
        let entries: Vec<config::Upstream> =
            serde_json::from_value(vec![entry("one"), entry("two")].into()).unwrap();
        let upstreams =
            Upstreams::compile(&entries, &Credentials::default(), &|_| Some(Secret::new("provider-key")));
        let upstreams = upstreams.unwrap();
        let passport = Passport { cluster: "one".to_owned(), tenant: None, is_openai_compatible: true };
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
                upstreams.attach_at_cluster(cluster, passport, &|_| None).err().map(|denial| denial.reason());
            assert_eq!(refused, reason, "{note}");
        }
    }
}
