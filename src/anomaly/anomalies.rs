//! What is unusual about a call, against its caller's own recent past: how many requests, how many model tokens, which model,
//! from which network, and how often it is refused.
//!
//! What is known of a caller is one small entry on the ledger, so that all workers of an Envoy have the same. A request that
//! comes changes it once; what a request has come to when it is over waits in its worker, and goes on with the caller's next
//! request or the next tick. It does not refuse anybody: rules do, by `principal.anomaly`.
//!
//! # Bounded
//! There are [`SLOTS`] places for callers, and a caller's name gives its place; all of them together take at most 3 MiB. A
//! caller whose place is taken gets it once the other has sent nothing for ten periods; until then it has no past, and nothing
//! about it is an anomaly. So whoever has very many names can hide from a baseline, and gains nothing else: quotas count on.
//!
//! # Slowly
//! A caller who raises its rate step by step raises its baseline with it. A period counts for at most twice the baseline, so
//! that a burst that goes on for hours stays one for long; the right bound on what anybody may do is a quota.

mod familiar;
mod past;
mod pending;

use crate::config::{AnomalySettings, ConfigError, Span};
use crate::identity::Principal;
use crate::ledger::{Change, Entry, Ledger, LedgerError, Namespace, Store, compose};

use past::{Past, mark};

pub use pending::Pending;

/// How many callers have a past at most. A power of two.
const SLOTS: u64 = 16_384;

/// How many periods without a request before another caller may take the place.
const IDLE_PERIODS: u32 = 10;

/// What is told of callers, by one configuration.
#[derive(Clone, Copy, Debug)]
pub struct Anomalies {
    settings: AnomalySettings,
}

/// What is unusual about one call. Of a caller without a past: 1, 1, 0 and no.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Anomaly {
    /// The requests of this period so far, this one included, to those of an average period.
    pub request_rate: f64,
    /// The model tokens of this period, as far as answers have told them, to those of an average period.
    pub token_rate: f64,
    /// A model that is not among the caller's latest twelve.
    pub new_model: bool,
    /// A network (/24, or /48 of IPv6) that is not among the caller's latest twelve.
    pub new_network: bool,
    /// Of the caller's latest requests, how many were refused: 0 to 1.
    pub denial_share: f64,
}

/// One way to be unusual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnomalyKind {
    RequestRate,
    TokenRate,
    NewModel,
    NewNetwork,
    DenialShare,
}

/// Whose past it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PrincipalName([u8; 8]);

/// What one request shows when it comes.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
    /// `None` where it is not known.
    pub model: Option<&'a str>,
    /// `None` where there is none.
    pub address: Option<&'a str>,
    pub now_ms: u64,
}

/// What requests have come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    pub requests: u32,
    pub refused: u32,
    pub tokens: u64,
}

impl AnomalyKind {
    pub const ALL: [Self; 5] =
        [Self::RequestRate, Self::TokenRate, Self::NewModel, Self::NewNetwork, Self::DenialShare];

    /// The field of `principal.anomaly`, the member of the record and the label of the metric.
    pub fn name(self) -> &'static str {
        match self {
            Self::RequestRate => "request_rate",
            Self::TokenRate => "token_rate",
            Self::NewModel => "new_model",
            Self::NewNetwork => "new_network",
            Self::DenialShare => "denial_share",
        }
    }
}

impl Anomaly {
    /// Of a caller of whom nothing is known yet.
    pub const NONE: Self =
        Self { request_rate: 1.0, token_rate: 1.0, new_model: false, new_network: false, denial_share: 0.0 };
}

impl PrincipalName {
    pub fn of(principal: &Principal) -> Self {
        let Principal { kind, issuer, tenant, subject, .. } = principal;
        let [issuer, tenant] = [issuer, tenant].map(|text| text.as_deref().unwrap_or_default());
        Self(mark(&compose(&[kind.name(), issuer, tenant, subject].map(str::as_bytes))))
    }

    /// Found by the ledger's key, so that nobody can choose a name that takes somebody's place.
    fn slot(self, ledger: &Ledger) -> [u8; 8] {
        (ledger.scatter(self.0) % SLOTS).to_le_bytes()
    }
}

impl Anomalies {
    /// # Errors
    /// A length of time or a threshold that could tell nothing.
    pub fn compile(settings: &AnomalySettings) -> Result<Self, ConfigError> {
        let refuse = |field: &str, why: String| Err(ConfigError::new(format!("anomalies.{field}"), why));
        let (shortest, longest) = (Span::from_seconds(1), Span::from_seconds(24 * 60 * 60));
        let AnomalySettings { period, warm_up, memory, forget_after, .. } = *settings;
        if period < shortest || period > longest {
            return refuse("period", format!("`{period}` is not between {shortest} and {longest}"));
        }
        if warm_up == 0 {
            return refuse("warm_up", "without a period there is no baseline; write 1 or more".to_owned());
        }
        if memory < warm_up {
            return refuse("memory", format!("`{memory}` is less than `warm_up`; write {warm_up} or more"));
        }
        if forget_after < period {
            return refuse("forget_after", format!("`{forget_after}` is shorter than a period; write more"));
        }
        for (field, ratio) in [("request_rate", settings.request_rate), ("token_rate", settings.token_rate)] {
            if !(ratio.is_finite() && ratio > 1.0) {
                return refuse(field, format!("`{ratio}` is no more than the baseline; write more than 1"));
            }
        }
        let share = settings.denial_share;
        if !(share > 0.0 && share <= 1.0) {
            return refuse(
                "denial_share",
                format!("`{share}` is not a share; write more than 0, and at most 1"),
            );
        }
        for (field, least) in
            [("least_requests", settings.least_requests), ("least_tokens", settings.least_tokens)]
        {
            if least == 0 {
                return refuse(field, "a baseline of nothing is no baseline; write 1 or more".to_owned());
            }
        }
        Ok(Self { settings: *settings })
    }

    /// Adds a request that has come to its caller's past, and tells what is unusual about it.
    ///
    /// # Errors
    /// As [`Ledger::update`]; the past stays as it was.
    pub fn observe(
        &self,
        (ledger, store): (&Ledger, &dyn Store),
        pending: &Pending,
        name: PrincipalName,
        sight: &Sight<'_>,
    ) -> Result<Anomaly, LedgerError> {
        let ended = pending.take(name);
        let observed = self.change(ledger, store, name, sight.now_ms, |past| {
            past.add(&ended);
            past.see(sight, &self.settings)
        });
        observed.map(|anomaly| anomaly.unwrap_or(Anomaly::NONE)).inspect_err(|_| pending.add(name, &ended))
    }

    /// Notes what a request has come to; where too many callers wait for that, the past is changed at once.
    pub fn note(
        &self,
        (ledger, store): (&Ledger, &dyn Store),
        pending: &Pending,
        name: PrincipalName,
        ended: &Ended,
        now_ms: u64,
    ) {
        if !pending.has_room_for(name) {
            self.settle((ledger, store), pending, now_ms);
        }
        pending.add(name, ended);
    }

    /// Adds to the ledger what requests have come to; called on each tick. What cannot be added is lost: a baseline is no bill.
    pub fn settle(&self, (ledger, store): (&Ledger, &dyn Store), pending: &Pending, now_ms: u64) {
        for (name, ended) in pending.take_all() {
            let _ = self.change(ledger, store, name, now_ms, |past| past.add(&ended));
        }
    }

    /// Which of these are anomalies.
    pub fn kinds(&self, anomaly: &Anomaly) -> impl Iterator<Item = AnomalyKind> {
        let Self { settings } = *self;
        let anomaly = *anomaly;
        AnomalyKind::ALL.into_iter().filter(move |kind| match kind {
            AnomalyKind::RequestRate => anomaly.request_rate >= settings.request_rate,
            AnomalyKind::TokenRate => anomaly.token_rate >= settings.token_rate,
            AnomalyKind::NewModel => anomaly.new_model,
            AnomalyKind::NewNetwork => anomaly.new_network,
            AnomalyKind::DenialShare => anomaly.denial_share >= settings.denial_share,
        })
    }

    /// Changes the past of a caller as it is at `now_ms`; `None` where another one has its place.
    fn change<T>(
        &self,
        ledger: &Ledger,
        store: &dyn Store,
        name: PrincipalName,
        now_ms: u64,
        change: impl Fn(&mut Past) -> T,
    ) -> Result<Option<T>, LedgerError> {
        let period = self.period_at(now_ms);
        let expires_ms = now_ms.saturating_add(self.settings.forget_after.milliseconds());
        let entry = Entry { namespace: Namespace::Past, key: &name.slot(ledger) };
        ledger.update(store, entry, now_ms, |value| {
            let mut past = match value.and_then(Past::decode) {
                Some(past) if past.is_of(name) => past,
                Some(past) if !past.is_idle(period, IDLE_PERIODS) => return Change::Keep(None),
                _ => Past::beginning(name, period),
            };
            past.advance(period, &self.settings);
            let result = change(&mut past);
            Change::Put { value: past.encode(), expires_ms, result: Some(result) }
        })
    }

    fn period_at(&self, now_ms: u64) -> u32 {
        let period_ms = self.settings.period.milliseconds().max(1);
        u32::try_from(now_ms.checked_div(period_ms).unwrap_or_default()).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "test code: an overflow fails the test")]
mod tests;
