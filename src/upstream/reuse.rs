//! Which tenants' credentials others reach too.
//!
//! Two secrets that differ may still belong to one account at the provider; this cannot see that. Tokens are of one account
//! where their endpoint, client and scope are the same, and one key of several in common makes two accounts one. Vertex AI keeps what is stored under the project, whoever stored it.

use std::collections::BTreeSet;

use hashbrown::HashMap;

use super::Upstream;
use super::places::Places;

/// Where a provider keeps what is stored.
#[derive(PartialEq, Eq, Hash)]
enum Account<'a> {
    OfCredential(&'a [u8]),
    OfProject(&'a str),
}

/// What one tenant stores at a provider must not be found by whoever reaches the same account elsewhere.
pub(super) fn mark(upstreams: &mut HashMap<String, Upstream>) {
    let mut reused = reused(upstreams);
    for (cluster, upstream) in upstreams {
        upstream.reused = reused.remove(cluster).unwrap_or_default();
    }
}

/// The tenants of each cluster whose account is not theirs alone.
fn reused(upstreams: &HashMap<String, Upstream>) -> HashMap<String, BTreeSet<String>> {
    let mut holders: HashMap<Account<'_>, Option<&str>> = HashMap::new();
    for (tenant, account) in upstreams.values().flat_map(Upstream::holdings) {
        let holder = holders.entry(account).or_insert(tenant);
        if *holder != tenant {
            *holder = None;
        }
    }
    let of_upstream = |upstream: &Upstream| {
        let reused = upstream.holdings().filter(|(_, account)| holders.get(account) == Some(&None));
        reused.filter_map(|(tenant, _)| tenant.map(str::to_owned)).collect()
    };
    upstreams.iter().map(|(cluster, upstream)| (cluster.clone(), of_upstream(upstream))).collect()
}

impl Upstream {
    /// Each account that is there, and the tenant it is for; `None` where it is for whoever comes.
    fn holdings(&self) -> impl Iterator<Item = (Option<&str>, Account<'_>)> {
        // One credential of an upstream that belongs to a tenant is that tenant's.
        let of_upstream = self.tenant.as_deref().filter(|_| !self.credential.is_per_tenant());
        let by_credential = self.credential.sources().flat_map(move |(tenant, source)| {
            source.accounts().map(move |account| (tenant.or(of_upstream), Account::OfCredential(account)))
        });
        let tenants: BTreeSet<_> = match self.credential.is_per_tenant() {
            true => self.credential.sources().map(|(tenant, _)| tenant).collect(),
            false => [of_upstream].into(),
        };
        let projects = self.places.iter().flat_map(Places::projects);
        let by_project = projects.flat_map(move |project| {
            let tenants = tenants.clone().into_iter();
            tenants.map(move |tenant| (tenant, Account::OfProject(project)))
        });
        by_credential.chain(by_project)
    }
}
