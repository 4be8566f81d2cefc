//! The counters that a call adds to.

use crate::audit::{self, Decision, QuotaTally, Tally};
use crate::config::Unit;
use crate::denial::Reason;
use crate::gateway::Gateway;
use crate::gateway::call::{Call, GivenKind};
use crate::own_key::OwnKeys;

const SEALED: &str = "sealed";
const OPENED: &str = "opened";
const REFUSED: &str = "refused";

fn of_sealing_key(kid: &str) -> String {
    format!("kid.{kid}")
}

impl Call {
    /// The counters of users' own keys that this call adds to. A sealing key whose counter stays as it is opens nothing more.
    pub fn own_key_counters(&self) -> Vec<String> {
        const REFUSALS: [Reason; 4] = [
            Reason::ProviderKeyInvalid,
            Reason::ProviderKeyExpired,
            Reason::ProviderKeyNotForCaller,
            Reason::ProviderKeyNotForUpstream,
        ];
        let is_refused = self.denial().is_some_and(|denial| REFUSALS.contains(&denial.reason()));
        let is_sealed = self.given().is_some_and(|given| given.kind == GivenKind::SealedKey);
        let opened = self.own_key().map(|key| [OPENED.to_owned(), of_sealing_key(key.sealed_by())]);
        let others = [(is_refused, REFUSED), (is_sealed, SEALED)];
        let others = others.into_iter().filter(|(counts, _)| *counts).map(|(_, name)| name.to_owned());
        others.chain(opened.into_iter().flatten()).collect()
    }
}

impl Gateway {
    /// All counters of users' own keys; none where nobody has one.
    pub fn own_key_counters(&self) -> impl Iterator<Item = String> {
        let of = |own_keys: &OwnKeys| {
            let kids = own_keys.kids().map(of_sealing_key);
            [SEALED, OPENED, REFUSED].map(str::to_owned).into_iter().chain(kids).collect::<Vec<_>>()
        };
        self.rooms.own_keys.iter().flat_map(of)
    }

    /// The counter of this call. `seen` holds the tenants that have a label of their own, and is bounded.
    pub fn tally(&self, call: &Call, seen: &mut Vec<String>) -> Tally {
        Tally {
            decision: call.decision().name(),
            reason: call.refusal().map_or("none", |denial| denial.reason().code()),
            dialect: call.arrival.dialect.name(),
            tenant: self.tenant_label(call, seen),
        }
    }

    /// The counters of what quotas charge, in the places that [`Charged`] names; `None` for one that charges nothing.
    pub fn quota_tallies(&self) -> impl Iterator<Item = Option<QuotaTally>> {
        let tally =
            |(quota, unit): (&str, Unit)| unit.is_charged().then(|| QuotaTally::of(quota, unit.name()));
        self.rooms.quotas.named().map(tally)
    }

    fn tenant_label(&self, call: &Call, seen: &mut Vec<String>) -> String {
        let tenant = match (call.principal(), call.decision()) {
            (Some(principal), Decision::Allow | Decision::Deny) => principal.tenant.as_deref(),
            _ => None,
        };
        let Some(tenant) = tenant else { return "none".to_owned() };
        let label = audit::label(tenant);
        if seen.contains(&label) {
            return label;
        }
        if seen.len() >= self.settings.metric_tenants {
            return "other".to_owned();
        }
        seen.push(label.clone());
        label
    }
}
