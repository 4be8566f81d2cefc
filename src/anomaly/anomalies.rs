//! What is unusual about callers, by one configuration.

use super::history::History;
use super::kinds::{Anomaly, AnomalyKind};
use super::observation::Observation;
use super::pending_totals::PendingTotals;
use super::principal_hash::PrincipalHash;
use super::totals::Totals;
use crate::config::{AnomalySettings, ConfigError, Span};
use crate::ledger::{Change, Entry, Ledger, LedgerError, Namespace, Store};

/// How many periods without a request before another caller may take the place.
const IDLE_PERIODS: u32 = 10;

/// What is unusual about callers, by one configuration.
#[derive(Clone, Copy, Debug)]
pub struct Anomalies {
    settings: AnomalySettings,
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

    /// Adds a request that has come to its caller's history, and says what is unusual about it.
    ///
    /// # Errors
    /// As [`Ledger::update`]; the history stays as it was.
    pub fn observe(
        &self,
        (ledger, store): (&Ledger, &dyn Store),
        pending: &PendingTotals,
        name: PrincipalHash,
        observation: &Observation<'_>,
    ) -> Result<Anomaly, LedgerError> {
        let totals = pending.take(name);
        let observed = self.change(ledger, store, name, observation.now_ms, |history| {
            history.add(&totals);
            history.observe(observation, &self.settings)
        });
        observed.map(|anomaly| anomaly.unwrap_or(Anomaly::NONE)).inspect_err(|_| pending.add(name, &totals))
    }

    /// Notes what a request has come to; where too many callers wait for that, the history is changed at once.
    pub fn note(
        &self,
        (ledger, store): (&Ledger, &dyn Store),
        pending: &PendingTotals,
        name: PrincipalHash,
        totals: &Totals,
        now_ms: u64,
    ) {
        if !pending.has_room_for(name) {
            self.settle((ledger, store), pending, now_ms);
        }
        pending.add(name, totals);
    }

    /// Adds to the ledger what requests have come to; called on each tick. What cannot be added is lost: a baseline is no bill.
    pub fn settle(&self, (ledger, store): (&Ledger, &dyn Store), pending: &PendingTotals, now_ms: u64) {
        for (name, totals) in pending.take_all() {
            let _ = self.change(ledger, store, name, now_ms, |history| history.add(&totals));
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

    /// Changes the history of a caller as it is at `now_ms`; `None` where another one has its place.
    fn change<T>(
        &self,
        ledger: &Ledger,
        store: &dyn Store,
        name: PrincipalHash,
        now_ms: u64,
        change: impl Fn(&mut History) -> T,
    ) -> Result<Option<T>, LedgerError> {
        let period = self.period_at(now_ms);
        let expires_ms = now_ms.saturating_add(self.settings.forget_after.milliseconds());
        let entry = Entry { namespace: Namespace::History, key: &name.slot(ledger) };
        ledger.update(store, entry, now_ms, |value| {
            let mut history = match value.and_then(History::decode) {
                Some(history) if history.is_of(name) => history,
                Some(history) if !history.is_idle(period, IDLE_PERIODS) => return Change::Keep(None),
                _ => History::beginning(name, period),
            };
            history.advance(period, &self.settings);
            let result = change(&mut history);
            Change::Put { value: history.encode(), expires_ms, result: Some(result) }
        })
    }

    fn period_at(&self, now_ms: u64) -> u32 {
        let period_ms = self.settings.period.milliseconds().max(1);
        u32::try_from(now_ms.checked_div(period_ms).unwrap_or_default()).unwrap_or(u32::MAX)
    }
}
