//! Which tenants' credentials others reach too.
//!
//! Two secrets that differ may still belong to one account at the provider; this cannot see that.

use hashbrown::HashMap;

use super::{Credential, Upstream};
use crate::secret::Secret;

/// What one tenant stores at a provider must not be found by whoever has the same secret elsewhere.
pub(super) fn mark(upstreams: &mut HashMap<String, Upstream>) {
    let mut holders: HashMap<Vec<u8>, Option<String>> = HashMap::new();
    for (tenant, secret) in upstreams.values().flat_map(Upstream::holdings) {
        let holder = holders.entry(secret.expose().to_vec()).or_insert_with(|| tenant.map(str::to_owned));
        if holder.as_deref() != tenant {
            *holder = None;
        }
    }
    let is_reused = |secret: &Secret| holders.get(secret.expose()) == Some(&None);
    for upstream in upstreams.values_mut() {
        let reused = upstream.holdings().filter(|(_, secret)| is_reused(secret));
        upstream.reused = reused.filter_map(|(tenant, _)| tenant.map(str::to_owned)).collect();
    }
}

impl Upstream {
    /// Each secret that is there, and the tenant it is for; `None` where it is for whoever comes.
    fn holdings(&self) -> impl Iterator<Item = (Option<&str>, &Secret)> {
        let (shared, tenants, fallback) = match &self.credential {
            Credential::Shared(secret) => (secret.as_ref(), None, None),
            Credential::PerTenant { tenants, fallback } => (None, Some(tenants), fallback.as_ref()),
            Credential::Envoy => (None, None, None),
        };
        let own = tenants
            .into_iter()
            .flatten()
            .filter_map(|(tenant, secret)| Some((Some(tenant.as_str()), secret.as_ref()?)));
        let shared = shared.map(|secret| (self.tenant.as_deref(), secret));
        let fallback = fallback.and_then(Option::as_ref).map(|secret| (None, secret));
        own.chain(shared).chain(fallback)
    }
}
