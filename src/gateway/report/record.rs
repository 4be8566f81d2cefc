//! What the operator's record says of a call.

use std::borrow::Cow;

use crate::audit::{Bill, Labels, Line, Record, Spent, Subject, Unusual, UpstreamCredential};
use crate::gateway::Ending;
use crate::gateway::call::{Call, Forwarded, GivenKind, Observed, Verdict};
use crate::own_key::OwnKey;
use crate::upstream::Attachment;

/// As long as most records are, in bytes.
const ROOM: usize = 1024;

impl Call {
    /// The audit line of this call.
    pub fn record(&self, ending: &Ending) -> String {
        let (denial, given) = (self.denial(), self.given());
        let given_as = |kind| given.filter(|given| given.kind == kind);
        let (token, sealed) = (given_as(GivenKind::Token), given_as(GivenKind::SealedKey));
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
            token_id: token.map(|given| given.id.as_str()),
            token_subject: token.map(|given| given.subject.as_str()),
            token_expires_at: token.map(|given| given.expires_at),
            sealed_key_id: sealed.map(|given| given.id.as_str()),
            sealed_key_expires_at: sealed.map(|given| given.expires_at),
            upstream_wait_ms: ending.upstream_wait_ms,
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
        self.upstream_credential(ending).write(&mut line);
        if let Some(usage) = &ending.usage {
            Spent { usage, price: ending.price.as_ref() }.write(&mut line);
        }
        Bill(&ending.charged).write(&mut line);
        Labels(&ending.labels).write(&mut line);
        if let Some(Observed { anomaly: Some(anomaly), kinds }) = self.observed()
            && !kinds.is_empty()
        {
            Unusual::of(anomaly, kinds).write(&mut line);
        }
        line.finish()
    }

    fn upstream_credential<'a>(&'a self, ending: &'a Ending) -> UpstreamCredential<'a> {
        let (attachment, own) = (self.attachment(), self.own_key());
        let chosen = attachment.and_then(Attachment::chosen);
        let member = self.picked().map(|picked| picked.member.name());
        UpstreamCredential {
            id: chosen.map(|chosen| chosen.id.as_ref()),
            kind: chosen
                .map(|chosen| chosen.kind)
                .or(own.map(|own| if own.is_of_feed() { "feed" } else { "own" })),
            token_id: self.upstream_token().map(|(_, token)| token.id()),
            member: member.or(ending.pool_member.as_deref()),
            owner: attachment.map(|attachment| attachment.owner().name()),
            key_id: own.map(OwnKey::id),
        }
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
