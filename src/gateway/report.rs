//! What the caller's answer and the operator's record say of a call.

use std::borrow::Cow;

use crate::audit::{self, Bill, Decision, Line, QuotaTally, Record, Spent, Subject, Tally, Unusual};
use crate::config::Unit;
use crate::gateway::call::{Call, DPOP_NONCE, Forwarded, Observed, Verdict};
use crate::gateway::{Ending, Gateway};
use crate::upstream::{HeaderPatch, REQUEST_ID, answer_patch};

/// As long as most records are, in bytes.
const ROOM: usize = 1024;

impl Call {
    /// Edits of the headers of an answer that comes at `now_ms`: the request id and what is left of the quota go on, what names the
    /// provider's account comes off.
    pub fn answer_patch<'a>(
        &self,
        headers: impl Iterator<Item = (&'a str, &'a [u8])>,
        now_ms: u64,
    ) -> HeaderPatch {
        let own_rates = match &self.verdict {
            Verdict::Forwarded(Forwarded { proofs, .. }) => {
                proofs.admission.rates().headers_at(self.arrival.dialect, now_ms)
            }
            Verdict::Undecided(_) | Verdict::Open | Verdict::Answered(_) | Verdict::Refused(_) => Vec::new(),
        };
        let mut patch = answer_patch(headers, !own_rates.is_empty());
        patch.set(REQUEST_ID, self.arrival.request_id.as_bytes());
        if let Some(nonce) = self.nonce() {
            patch.set(DPOP_NONCE, nonce.as_bytes());
        }
        for (name, value) in own_rates {
            patch.set(name, value.as_bytes());
        }
        patch
    }

    /// The audit line of this call.
    pub fn record(&self, ending: &Ending) -> String {
        let (denial, given) = (self.denial(), self.given());
        let record = Record {
            time: time(self.arrival.started_ms),
            decision: self.decision(),
            reason: denial.map(|denial| denial.reason().code()),
            rule: denial.and_then(|denial| denial.rule()),
            note: self.refusal().and_then(|denial| denial.note()),
            decision_id: &self.arrival.decision_id,
            request_id: &self.arrival.request_id,
            answered_by: ending.answered_by,
            error_type: self.error_type(ending),
            aborted: ending.aborted,
            duration_ms: ending.now_ms.saturating_sub(self.arrival.started_ms),
            shadow_denials: self.shadow_denials(),
            counted_alone: self.counted_alone(),
            provider_request_id: text(ending.provider_request_id.as_ref()),
            status: ending.status,
            token_id: given.map(|given| given.id.as_str()),
            token_subject: given.map(|given| given.subject.as_str()),
            token_expires_at: given.map(|given| given.expires_at),
            client_address: text(self.arrival.connection.source_address.as_ref()),
        };
        let mut line = Line::with_room(ROOM);
        record.write(&mut line);
        match &self.verdict {
            // The model that a body names is not the next one's.
            Verdict::Forwarded(Forwarded { settled, .. }) if self.body_facts().is_none() => {
                line.append(settled.subject.get_or_init(|| {
                    let mut line = Line::with_room(ROOM);
                    self.subject().write(&mut line);
                    line.members()
                }));
            }
            _ => self.subject().write(&mut line),
        }
        if let Some(usage) = &ending.usage {
            Spent { usage, price: ending.price.as_ref() }.write(&mut line);
        }
        Bill(&ending.charged).write(&mut line);
        if let Some(Observed { anomaly: Some(anomaly), kinds }) = self.observed()
            && !kinds.is_empty()
        {
            Unusual::of(anomaly, kinds).write(&mut line);
        }
        line.finish()
    }

    fn subject(&self) -> Subject<'_> {
        let (principal, operation) = (self.principal(), self.operation());
        Subject {
            principal_kind: principal.map(|principal| principal.kind.name()),
            subject: principal.map(|principal| principal.subject.as_str()),
            issuer: text(principal.and_then(|principal| principal.issuer.as_ref())),
            tenant: text(principal.and_then(|principal| principal.tenant.as_ref())),
            project: text(principal.and_then(|principal| principal.project.as_ref())),
            service_account: text(principal.and_then(|principal| principal.service_account.as_ref())),
            client: text(principal.and_then(|principal| principal.client.as_ref())),
            actor: text(principal.and_then(|principal| principal.actor.as_ref())),
            credential_id: text(principal.map(|principal| &principal.credential_id)),
            parents: principal
                .and_then(|principal| principal.minted.as_ref())
                .map(|minted| minted.parents.iter().map(|parent| parent.id.as_str()).collect())
                .unwrap_or_default(),
            bound_by: principal.map(|principal| principal.binding.kinds().collect()).unwrap_or_default(),
            cluster: text(self.arrival.connection.cluster.as_ref()),
            provider: operation.map(|operation| operation.dialect().provider()),
            operation: operation.map(|operation| operation.name()),
            model: self.model(),
            method: self.arrival.head.method(),
            path: self.arrival.head.path_only(),
        }
    }
}

impl Call {
    /// Our reason, the one Envoy's error came to, or the provider's status.
    fn error_type(&self, ending: &Ending) -> Option<Cow<'static, str>> {
        if let Some(denial) = self.refusal() {
            return Some(Cow::Borrowed(denial.reason().code()));
        }
        let status = ending.status.filter(|status| *status >= 400)?;
        Some(Cow::Owned(status.to_string()))
    }
}

impl Gateway {
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

/// The text, where there is some.
fn text(value: Option<&String>) -> Option<&str> {
    value.map(String::as_str).filter(|text| !text.is_empty())
}

fn time(unix_ms: u64) -> String {
    i64::try_from(unix_ms)
        .ok()
        .and_then(chrono::DateTime::from_timestamp_millis)
        .map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
        .unwrap_or_default()
}
