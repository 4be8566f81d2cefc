//! Which tenants' credentials others reach too.
//!
//! Two secrets that differ may still belong to one account at the provider; this cannot see that. Tokens are of one account
//! where their endpoint, client and scope are the same.

use hashbrown::HashMap;

use super::Upstream;

/// What one tenant stores at a provider must not be found by whoever has the same credential elsewhere.
pub(super) fn mark(upstreams: &mut HashMap<String, Upstream>) {
    let mut holders: HashMap<Vec<u8>, Option<String>> = HashMap::new();
    for (tenant, account) in upstreams.values().flat_map(Upstream::holdings) {
        let holder = holders.entry(account.to_vec()).or_insert_with(|| tenant.map(str::to_owned));
        if holder.as_deref() != tenant {
            *holder = None;
        }
    }
    let is_reused = |account: &[u8]| holders.get(account) == Some(&None);
    for upstream in upstreams.values_mut() {
        let reused = upstream.holdings().filter(|(_, account)| is_reused(account));
        upstream.reused = reused.filter_map(|(tenant, _)| tenant.map(str::to_owned)).collect();
    }
}

impl Upstream {
    /// Each account that is there, and the tenant it is for; `None` where it is for whoever comes.
    fn holdings(&self) -> impl Iterator<Item = (Option<&str>, &[u8])> {
        // One credential of an upstream that belongs to a tenant is that tenant's.
        let of_upstream = self.tenant.as_deref().filter(|_| !self.credential.is_per_tenant());
        let sources = self.credential.sources();
        sources.filter_map(move |(tenant, source)| Some((tenant.or(of_upstream), source.account()?)))
    }
}
