//! All families of one configuration.

use super::{cache, calls, documents, events, ledger_gauge, members, own_keys, rate_limits, tokens};
use crate::gateway::Gateway;
use crate::lifecycle::host::Family;

pub(in crate::lifecycle) fn families(gateway: &Gateway) -> Vec<Family> {
    let credentials = gateway.credentials();
    let of_all = [
        &calls::FAMILIES[..],
        &events::FAMILIES,
        &cache::FAMILIES,
        &ledger_gauge::FAMILIES,
        &rate_limits::FAMILIES,
    ];
    let documents = gateway.remotes().flat_map(|(remote, id, _)| documents::families(remote.section(), id));
    let of_all = of_all.into_iter().flatten().cloned();
    of_all
        .chain(documents)
        .chain(tokens::families(credentials))
        .chain(members::families(credentials))
        .chain(own_keys::families(gateway))
        .collect()
}
