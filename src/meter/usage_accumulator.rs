//! The usage of an answer, put together while its values are read.

use std::borrow::Cow;

use super::model_runs::ModelRuns;
use super::tool_calls::ToolCalls;
use crate::dialect::{Counts, Figure, Figures, Holds, Run};

/// The largest figure that an answer can have: a million times what models take at once.
const MOST: u64 = 1 << 40;

/// Each reason is kept once; a list of choices can have many.
pub(super) const MOST_REASONS: usize = 8;
/// The longest name of a tier or a place that is kept.
pub(super) const LONGEST_NAME: usize = 32;

/// The figures of an answer, and what else of it goes into the record.
#[derive(Debug, Default)]
pub(super) struct UsageAccumulator {
    figures: Figures,
    event: EventUsage,
    tool_calls: ToolCalls,
    runs: ModelRuns,
    pub(super) model: Option<String>,
    /// The model is not looked for any longer.
    pub(super) has_done_with_model: bool,
    pub(super) finish: Finish,
    served: Served,
    share: Share,
    /// Events without figures may be skipped unread, so nothing else of them may count.
    pub(super) skips_events: bool,
    /// How many bytes of text went by since the last figure of the output.
    pub(super) text_bytes: u64,
    /// A figure was stated that no answer can have, so that none is believed.
    has_absurd: bool,
}

/// What the document or event states that is being read.
#[derive(Debug, Default)]
struct EventUsage {
    /// What has been counted in it: each of a stream states it from the beginning.
    counted: Figures,
    /// The tier that it names; `None` within is the standard one.
    tier: Option<Option<String>>,
    /// It states something of the cost, or why the answer ended.
    states_usage: bool,
}

/// How the answer ended.
#[derive(Debug, Default)]
pub(super) struct Finish {
    pub(super) reasons: Vec<String>,
    /// Something was read that only the last event has.
    pub(super) is_last: bool,
}

/// How and where the answer was served.
#[derive(Debug, Default)]
struct Served {
    tier: Option<String>,
    speed: Option<String>,
    geo: Option<String>,
}

/// An item of a list of shares, of which name and number come in any order.
#[derive(Debug, Default)]
struct Share {
    figure: Option<Figure>,
    count: Option<u64>,
}

impl UsageAccumulator {
    /// What the headers have stated.
    pub(super) fn starting_with(stated: impl IntoIterator<Item = (Figure, u64)>) -> Self {
        let mut usage = Self::default();
        stated.into_iter().for_each(|(figure, number)| usage.number(Holds::Figure(figure), number));
        usage
    }

    pub(super) fn has_figures(&self) -> bool {
        !self.all().is_empty() || (!self.runs.is_empty() && !self.is_absurd())
    }

    /// What was stated, and what was counted so far.
    fn all(&self) -> Cow<'_, Figures> {
        if self.is_absurd() {
            return Cow::Owned(Figures::default());
        }
        match self.is_heeded() && !self.event.counted.are_unstated() {
            true => Cow::Owned(self.figures.or_more(&self.event.counted)),
            false => Cow::Borrowed(&self.figures),
        }
    }

    /// True where what this document or event names beside figures counts.
    fn is_heeded(&self) -> bool {
        self.event.states_usage || !self.skips_events
    }

    /// What the answer cost, the runs of other models included.
    pub(super) fn counts(&self) -> Counts {
        if self.is_absurd() {
            return Counts::default();
        }
        let stated = Counts::of(&self.all());
        if self.runs.is_empty() {
            return stated;
        }
        let own = self.runs.own(self.model.as_deref(), stated);
        self.others().iter().fold(own, |all, run| all.with(&run.counts))
    }

    /// True where a figure, or a sum of runs, is more than any answer can have; then none is believed.
    pub(super) fn is_absurd(&self) -> bool {
        self.has_absurd || self.runs.largest() > MOST
    }

    /// What other models than the one that answered did.
    pub(super) fn others(&self) -> Vec<Run> {
        if self.is_absurd() { Vec::new() } else { self.runs.others(self.model.as_deref()) }
    }

    /// How it was served, where that is not the usual way of the tier.
    pub(super) fn tier(&self) -> Option<&str> {
        let named = self.event.tier.as_ref().filter(|_| self.is_heeded());
        self.served.speed.as_deref().or(named.unwrap_or(&self.served.tier).as_deref())
    }

    /// Where it was served.
    pub(super) fn geo(&self) -> Option<&str> {
        self.served.geo.as_deref()
    }

    /// A piece of what the model wrote goes by.
    pub(super) fn text_passes(&mut self, bytes: usize) {
        self.text_bytes = self.text_bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    pub(super) fn list_opens(&mut self, holds: Holds) {
        if let Holds::Runs = holds {
            self.runs.begin_list();
        }
    }

    pub(super) fn object_opens(&mut self, holds: Holds) {
        match holds {
            Holds::Document => {
                // Most answers are one document without calls, of which nothing was counted before.
                if !self.event.counted.are_unstated() {
                    self.figures = self.all().into_owned();
                    self.event.counted = Figures::default();
                }
                if let Some(tier) = self.event.tier.take().filter(|_| self.is_heeded()) {
                    self.served.tier = tier;
                }
                self.event.states_usage = false;
                self.tool_calls.begin_document();
                self.runs.abandon();
            }
            Holds::Runs => self.runs.begin_run(),
            Holds::Item => self.tool_calls.begin_item(),
            Holds::Shares(_) => self.share = Share::default(),
            Holds::Last => self.finish.is_last = true,
            _ => {}
        }
    }

    pub(super) fn object_closes(&mut self, holds: Holds) {
        match holds {
            Holds::Document if self.is_heeded() => self.figures.statement_ends(),
            Holds::Runs => self.runs.end_run(),
            Holds::Item => {
                if let Some(call) = self.tool_calls.end_item() {
                    self.event.counted.add(call, 1);
                }
            }
            Holds::Shares(_) => {
                if let (Some(share), Some(count)) = (self.share.figure.take(), self.share.count.take()) {
                    self.figures.set(share, count);
                }
            }
            _ => {}
        }
    }

    /// A number, `null`, `true` or `false`, as it was written.
    pub(super) fn scalar(&mut self, holds: Holds, written: &[u8]) {
        if !matches!(holds, Holds::Figure(_) | Holds::Seconds | Holds::ShareCount) {
            return;
        }
        let number = std::str::from_utf8(written).ok().and_then(|written| whole(written, holds));
        number.into_iter().for_each(|number| self.number(holds, number));
    }

    fn number(&mut self, holds: Holds, number: u64) {
        let figure = match holds {
            Holds::Figure(figure) => Some(figure),
            Holds::Seconds => Some(Figure::AudioMilliseconds),
            Holds::ShareCount => None,
            _ => return,
        };
        self.has_absurd |= number > MOST;
        let Some(figure) = figure else {
            self.share.count = Some(number);
            return;
        };
        self.event.states_usage = true;
        match (self.runs.open(), holds) {
            (Some(run), Holds::Figure(figure)) => run.set(figure, number),
            _ => self.figures.set(figure, number),
        }
        if matches!(figure, Figure::Output | Figure::PlainOutput) {
            self.text_bytes = 0;
        }
    }

    /// A text begins, however long it is.
    pub(super) fn text_begins(&mut self, holds: Holds) {
        match holds {
            Holds::Each(figure) => self.event.counted.add(figure, 1),
            Holds::Once(figure) => self.event.counted.set(figure, 1),
            _ => {}
        }
    }

    /// A text, as it was written between its quotation marks; `parts` are those of the element it stands in.
    pub(super) fn text(&mut self, holds: Holds, parts: Holds, written: &[u8]) {
        let Some(text) = unescaped(written).filter(|text| !text.is_empty()) else { return };
        self.event.states_usage |= matches!(holds, Holds::Reason);
        match holds {
            Holds::Model if self.runs.open().is_some() => self.runs.name(&text),
            Holds::Model if self.model.is_none() && !self.has_done_with_model => {
                self.model = Some(text.into_owned());
            }
            Holds::Reason
                if self.finish.reasons.len() < MOST_REASONS
                    && !self.finish.reasons.iter().any(|known| *known == text) =>
            {
                self.finish.reasons.push(text.into_owned());
            }
            Holds::ShareName => {
                if let Holds::Shares(parts) = parts {
                    let named = parts.iter().find(|(name, _)| name.eq_ignore_ascii_case(&text));
                    self.share.figure = named.map(|(_, figure)| *figure);
                }
            }
            Holds::ItemName => self.tool_calls.set_type(&text),
            Holds::ItemAction => self.tool_calls.set_action(&text),
            Holds::ItemPlace => self.tool_calls.set_container(&text),
            Holds::Tier => {
                if let Some(tier) = tier_of(&text) {
                    self.event.tier = Some(tier);
                }
            }
            Holds::Speed => self.served_at(&text),
            Holds::Geo => self.served.geo = short(&text),
            _ => {}
        }
    }

    /// By this tier, as the headers of the answer say.
    pub(super) fn served_as(&mut self, tier: &str) {
        self.served.tier = tier_of(tier).flatten();
    }

    /// At this speed, where it is not the usual one: Anthropic's `fast`, Bedrock's `optimized`.
    pub(super) fn served_at(&mut self, speed: &str) {
        let speed = speed.to_ascii_lowercase();
        if speed != "standard" {
            self.served.speed = short(&speed);
        }
    }
}

/// A tier in the words of all dialects, `None` within for the standard one; `None` for what was only wished for, or says nothing.
fn tier_of(stated: &str) -> Option<Option<String>> {
    let stated = stated.to_ascii_lowercase();
    match stated.strip_prefix("on_demand").unwrap_or(&stated) {
        "" | "auto" | "traffic_type_unspecified" | "unspecified" => None,
        "default" | "standard" => Some(None),
        tier => short(tier.trim_start_matches('_')).map(Some),
    }
}

/// A name as it is kept; a longer one is none that anybody has a price for.
fn short(text: &str) -> Option<String> {
    (text.len() <= LONGEST_NAME).then(|| text.to_owned())
}

/// A count, or milliseconds of the seconds that were written; rounded up where it is a fraction.
fn whole(written: &str, holds: Holds) -> Option<u64> {
    let scale = match holds {
        Holds::Seconds => 1000.0,
        _ => match written.parse() {
            Ok(count) => return Some(count),
            Err(_) => 1.0,
        },
    };
    let number = written.parse::<f64>().ok().filter(|number| *number >= 0.0)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is not negative, and one too large becomes the largest"
    )]
    Some((number * scale).ceil() as u64)
}

fn unescaped(written: &[u8]) -> Option<Cow<'_, str>> {
    let text = std::str::from_utf8(written).ok()?;
    match text.contains('\\') {
        true => serde_json::from_str(&format!("\"{text}\"")).ok().map(Cow::Owned),
        false => Some(Cow::Borrowed(text)),
    }
}
