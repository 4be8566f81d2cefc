//! What a call may cost before it goes, and what it has cost when it is over.

use crate::audit::{AnsweredBy, Price};
use crate::config::Factor;
use crate::denial::Reason;
use crate::dialect::{BodyForm, Counts};
use crate::gateway::call::{AccessRequest, Call, Taken};
use crate::gateway::{Body, Ending, Gateway, Known, Memory};
use crate::ledger::Store;
use crate::meter::{Usage, tokens_of};
use crate::price::{Circumstances, Consumption, Rate};
use crate::quota::{Cost, QuotaContext, Size};
use crate::upstream::Upstream;

const JSON: &str = "application/json";

impl Gateway {
    /// Charges what a call has cost in the place of what quotas held for it, and has the record tell it, in money too. To be
    /// called once, when it is over; what has to be tried again is kept in `memory`.
    pub fn settle_call(&self, call: &mut Call, ending: &mut Ending, store: &dyn Store, memory: &Memory) {
        if let Some(usage) = &mut ending.usage {
            usage.asked = call.asked_tokens();
            usage.counts.characters = call.spoken_characters();
        }
        ending.price = self.price(call, ending);
        ending.labels = self.labels_of(call);
        self.note_end(call, ending, store, memory);
        let held = match std::mem::take(&mut call.taken) {
            Taken::Nothing => return,
            Taken::Asking(asking) => {
                self.rooms.quotas.give_up(asking.pending, self.quota_context(store, memory, ending.now_ms));
                return;
            }
            Taken::Admitted { held, charged } => {
                ending.charged = charged;
                held
            }
        };
        if held.is_empty() {
            return;
        }
        let cost = match &ending.usage {
            Some(usage) => cost_of(usage, ending.price.as_ref()),
            // A provider that refused charges nothing, nor does one that the request did not reach.
            None if may_have_cost(call, ending.answered_by) => self.unseen_cost(call),
            None => Cost::NOTHING,
        };
        ending.charged.extend(self.rooms.quotas.charged(&held, &cost));
        let unsettled =
            self.rooms.quotas.settle(held, cost, self.quota_context(store, memory, ending.now_ms));
        memory.keep_unsettled(unsettled);
    }

    /// Tries again to charge what could not be, and adds what has ended to callers' pasts.
    pub fn collect(&self, store: &dyn Store, memory: &Memory, now_ms: u64) {
        self.settle_pasts(store, memory, now_ms);
        let unsettled = memory.take_unsettled();
        if !unsettled.is_empty() {
            memory.keep_unsettled(
                self.rooms.quotas.collect(unsettled, self.quota_context(store, memory, now_ms)),
            );
        }
    }

    pub(in crate::gateway) fn quota_context<'a>(
        &'a self,
        store: &'a dyn Store,
        memory: &'a Memory,
        now_ms: u64,
    ) -> QuotaContext<'a> {
        QuotaContext {
            ledger: &self.rooms.ledger,
            store,
            allotments: &memory.allotments,
            unreported: &memory.unreported,
            now_ms,
        }
    }

    /// As much as is known before the call goes, where a quota asks for it.
    pub(in crate::gateway) fn size_of(&self, request: AccessRequest<'_>, known: &Known<'_>) -> Size<'_> {
        if !self.rooms.quotas.measures_size() {
            return Size::default();
        }
        let announced =
            || request.head().text("content-length").and_then(|length| length.trim().parse().ok());
        let body_bytes = match known.body {
            Body::Complete(content) => u64::try_from(content.length()).ok(),
            Body::Coming | Body::Beginning(_) => announced(),
        };
        let body = request.what.facts();
        let is_done_later =
            request.operation().is_done_later() || body.is_some_and(|body| body.is_done_later);
        Size {
            body_bytes,
            max_tokens: body.and_then(|body| body.max_tokens),
            is_unseen: request.head().is_upgrade() || is_done_later,
            rate: request.what.model().and_then(|model| self.rate(model, request, known)),
            multiplier: request.upstream.price_multiplier(),
            may_be_unpriced: self.rooms.prices.as_ref().is_some_and(|prices| prices.lets_unpriced_through()),
        }
    }

    fn rate(&self, model: &str, request: AccessRequest<'_>, known: &Known<'_>) -> Option<&Rate> {
        self.rooms.prices.as_ref()?.rate(model, request.arrival.cluster(), known.moment.unix_seconds())
    }

    fn price_multiplier(&self, call: &Call) -> Factor {
        self.rooms.upstreams.select(call.cluster()).map_or(Factor::ONE, Upstream::price_multiplier)
    }

    /// Where nobody saw the answer, it may have cost anything: at least what the request's text is taken for, and what was
    /// held, so that nothing is given away.
    fn unseen_cost(&self, call: &Call) -> Cost {
        let counts =
            Counts { input: call.asked_tokens(), characters: call.spoken_characters(), ..Counts::default() };
        let consumption = Consumption { counts: &counts, others: &[], tier: None, geo: None };
        let charge = self
            .rooms
            .prices
            .as_ref()
            .map(|prices| prices.charge(&consumption, &self.circumstances(call, None)));
        let charge = charge.filter(|charge| !charge.is_unpriced);
        Cost {
            input: counts.input,
            total: counts.input,
            microdollars: charge.and_then(|charge| charge.microdollars),
            is_wholly_priced: charge.is_some_and(|charge| charge.is_fixed),
            ..Cost::UNKNOWN
        }
    }

    /// The prices that count are those that were in force when the request came, so that its record tells all that it rests on.
    fn circumstances<'a>(&self, call: &'a Call, answered: Option<&'a str>) -> Circumstances<'a> {
        Circumstances {
            answered,
            asked: call.model(),
            cluster: call.cluster(),
            unix_seconds: call.started_ms() / 1000,
            multiplier: self.price_multiplier(call),
        }
    }

    /// The answer's cost.
    fn price(&self, call: &Call, ending: &Ending) -> Option<Price> {
        let (usage, prices) = (ending.usage.as_ref()?, self.rooms.prices.as_ref()?);
        let circumstances = self.circumstances(call, usage.model.as_deref());
        let charge = prices.charge(&usage.consumption(&usage.at_least()), &circumstances);
        let version = prices.version().to_owned();
        Some(Price { charge, version, multiplier: circumstances.multiplier })
    }
}

fn cost_of(usage: &Usage, price: Option<&Price>) -> Cost {
    let counts = usage.at_least();
    let microdollars = price.and_then(|price| match price.charge.is_unpriced {
        // What has no price was let through for nothing.
        true => Some(price.charge.microdollars.unwrap_or(0)),
        false => price.charge.microdollars,
    });
    Cost {
        input: counts.input,
        output: counts.output,
        total: counts.total,
        cache_read: counts.cache_read,
        microdollars,
        is_whole: usage.is_complete,
        is_wholly_priced: usage.is_complete || price.is_some_and(|price| price.charge.is_fixed),
    }
}

impl Call {
    /// The input as it is estimated by the request's text. A body that nobody read is all text where it is JSON; a form is
    /// mostly a file.
    fn asked_tokens(&self) -> Option<u64> {
        let operation = self.operation().filter(|operation| operation.is_metered())?;
        let is_json = || {
            let media_type = self.arrival.head.text("content-type").unwrap_or_default();
            media_type.get(..JSON.len()).is_some_and(|start| start.eq_ignore_ascii_case(JSON))
        };
        let text_bytes = match (operation.body_form(), self.body_facts()) {
            (BodyForm::Json, Some(body)) => body.text_bytes,
            (BodyForm::Json, None) => self.received.body_bytes,
            (BodyForm::Opaque, _) if is_json() => self.received.body_bytes,
            _ => return None,
        };
        Some(tokens_of(text_bytes))
    }

    /// How long the text is that is to be spoken, where that is what was asked for.
    fn spoken_characters(&self) -> Option<u64> {
        self.operation().filter(|operation| operation.speaks())?;
        self.body_facts()?.input_characters
    }

    /// So many bytes of its body have come.
    pub fn body_came(&mut self, bytes: u64) {
        self.received.body_bytes = bytes;
    }
}

/// True where the provider may have done the work of a request that was let through, and its answer is not known.
fn may_have_cost(call: &Call, answered_by: AnsweredBy) -> bool {
    match answered_by {
        // The caller left, or what was let through was refused on its way.
        AnsweredBy::Nobody | AnsweredBy::Gateway => true,
        AnsweredBy::Provider => false,
        AnsweredBy::Envoy => call
            .local_reply
            .as_ref()
            .is_some_and(|denial| matches!(denial.reason(), Reason::UpstreamTimeout | Reason::UpstreamReset)),
    }
}
