//! What a provider's answer cost, read on its way to the caller.
//!
//! Pieces of the answer come in, [`Usage`] comes out. Nothing of an answer is kept but figures, so that a meter takes less
//! than [`Meter::MOST_BYTES`] however long the answer is. It never holds an answer back and never fails one: what cannot be
//! read is named as such, for quotas and bills to charge by their own rule.

mod aws_event_stream;
mod base64;
mod json_reader;
mod model_runs;
mod ndjson;
mod server_sent_events;
mod tool_calls;
mod usage_accumulator;
mod usage_chunk;

use crate::dialect::{COUNTING_HEADERS, Counts, FinalBy, Holds, Operation, Run, Statement, TIER_HEADERS};
use crate::price::Consumption;
use crate::request::{Dialect, Headers};

use aws_event_stream::AwsEventStream;
use json_reader::JsonReader;
use ndjson::Ndjson;
use server_sent_events::ServerSentEvents;
use usage_accumulator::UsageAccumulator;
pub use usage_chunk::UsageChunkFilter;

/// Reads one answer.
#[derive(Debug)]
pub struct Meter {
    statement: &'static Statement,
    reader: Reader,
    usage: UsageAccumulator,
}

#[derive(Debug)]
enum Reader {
    Document(JsonReader),
    ServerSentEvents(Box<ServerSentEvents>),
    AwsEventStream(AwsEventStream),
    Ndjson(Ndjson),
    /// The answer cannot be read.
    None(Unknown),
}

/// Why nothing is known of what an answer cost, or not all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// It is compressed, though it was asked for plain.
    ContentEncoding,
    /// It is neither JSON nor a stream that is known: sound, plain text.
    ContentType,
    /// It is not what its content type says.
    Unreadable,
    /// It came to its end, and has no figures.
    NotStated,
    /// It was cut off before its figures came.
    CutOff,
    /// A WebSocket, whose frames are not read.
    Upgrade,
}

impl Unknown {
    /// The word of the record.
    pub fn name(self) -> &'static str {
        match self {
            Self::ContentEncoding => "content_encoding",
            Self::ContentType => "content_type",
            Self::Unreadable => "unreadable",
            Self::NotStated => "not_stated",
            Self::CutOff => "cut_off",
            Self::Upgrade => "upgrade",
        }
    }
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// All of it went by.
    Whole,
    /// The caller left, or the provider did in the middle of it.
    CutOff,
}

/// What an answer cost, as far as it said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// With what other models took.
    pub counts: Counts,
    /// What other models than the one that answered took of it.
    pub others: Vec<Run>,
    /// The service tier that served, where the answer names it.
    pub tier: Option<String>,
    /// Where it was served, where the answer names that.
    pub geo: Option<String>,
    /// False where there may be more than the counts say.
    pub is_complete: bool,
    /// How many events or messages of a stream went by.
    pub events: u64,
    /// How many bytes of text went by after the last figure of the output.
    pub text_bytes: u64,
    /// The request's input as it is estimated, for an answer that does not state it.
    pub asked: Option<u64>,
    /// Why there are no counts.
    pub unknown: Option<Unknown>,
    /// The model that answered, where the answer names it.
    pub model: Option<String>,
    /// Why the model ended, each reason once, in the provider's words.
    pub finish_reasons: Vec<String>,
}

impl Meter {
    /// The most memory that one answer takes, in bytes.
    pub const MOST_BYTES: usize = 6144;

    /// Starts with the headers of an answer; `None` where it costs nothing: an operation that is not metered, or a
    /// refusal.
    pub fn open(operation: &Operation, status: u32, headers: &Headers) -> Option<Self> {
        const SWITCHING_PROTOCOLS: u32 = 101;
        if !operation.is_metered() || !(200..300).contains(&status) && status != SWITCHING_PROTOCOLS {
            return None;
        }
        let statement = operation.statement();
        let reader = match status {
            SWITCHING_PROTOCOLS => Reader::None(Unknown::Upgrade),
            _ => Reader::of(statement, headers),
        };
        let counted = COUNTING_HEADERS.iter().filter(|_| operation.dialect() == Dialect::Bedrock);
        let counted = counted.filter_map(|(name, figure)| {
            Some((*figure, headers.text(name).and_then(|count| count.trim().parse().ok())?))
        });
        let mut usage = UsageAccumulator::starting_with(counted);
        usage.skips_events = matches!(reader, Reader::ServerSentEvents(_)) && !statement.marks.is_empty();
        for (name, holds) in TIER_HEADERS {
            match (headers.text(name), holds) {
                (Some(tier), Holds::Tier) => usage.served_as(tier),
                (Some(speed), _) => usage.served_at(speed),
                (None, _) => {}
            }
        }
        Some(Self { statement, reader, usage })
    }

    /// True where it wants to see the answer's body.
    pub fn reads(&self) -> bool {
        !matches!(self.reader, Reader::None(_))
    }

    /// True where the answer is a stream of server-sent events.
    pub fn reads_events(&self) -> bool {
        matches!(self.reader, Reader::ServerSentEvents(_))
    }

    /// Reads the next piece of the body.
    pub fn take(&mut self, piece: &[u8]) {
        match &mut self.reader {
            Reader::Document(reader) => reader.take(piece, &mut self.usage),
            Reader::ServerSentEvents(events) => events.take(piece, &mut self.usage),
            Reader::AwsEventStream(messages) => messages.take(piece, &mut self.usage),
            Reader::Ndjson(lines) => lines.take(piece, &mut self.usage),
            Reader::None(_) => {}
        }
    }

    /// A piece of the body went by unseen, so that what follows cannot be read.
    pub fn miss(&mut self) {
        self.reader = Reader::None(Unknown::Unreadable);
    }

    /// What the answer cost.
    pub fn settle(self, end: End) -> Usage {
        let has_counts = self.usage.has_figures();
        let (gap, events) = (self.gap(end), self.events());
        Usage {
            counts: self.usage.counts(),
            others: self.usage.others(),
            tier: self.usage.tier().map(str::to_owned),
            geo: self.usage.geo().map(str::to_owned),
            is_complete: has_counts && gap.is_none(),
            events,
            text_bytes: self.usage.text_bytes,
            asked: None,
            unknown: (!has_counts).then(|| gap.unwrap_or(Unknown::NotStated)),
            model: self.usage.model,
            finish_reasons: self.usage.finish.reasons,
        }
    }

    fn events(&self) -> u64 {
        match &self.reader {
            Reader::ServerSentEvents(events) => events.seen(),
            Reader::AwsEventStream(messages) => messages.seen(),
            Reader::Ndjson(lines) => lines.seen(),
            Reader::Document(_) | Reader::None(_) => 0,
        }
    }

    /// Why there may be more than was stated.
    fn gap(&self, end: End) -> Option<Unknown> {
        if self.usage.is_absurd() {
            return Some(Unknown::Unreadable);
        }
        let (is_stream, unreadable) = match &self.reader {
            Reader::Document(reader) => {
                (reader.is_list(), (!reader.is_closed()).then_some(Unknown::Unreadable))
            }
            Reader::ServerSentEvents(_) | Reader::Ndjson(_) => (true, None),
            Reader::AwsEventStream(messages) if messages.is_broken() => return Some(Unknown::Unreadable),
            Reader::AwsEventStream(messages) => (true, (!messages.is_whole()).then_some(Unknown::CutOff)),
            // What was counted in the headers is all of it.
            Reader::None(_) if self.usage.has_figures() => (false, None),
            Reader::None(unknown) => return Some(*unknown),
        };
        if end == End::CutOff {
            return Some(Unknown::CutOff);
        }
        let is_final = match self.statement.final_by {
            FinalBy::Figures => self.usage.has_figures(),
            FinalBy::FinishReason => !self.usage.finish.reasons.is_empty() || self.usage.finish.is_last,
        };
        unreadable.or_else(|| (is_stream && !is_final).then_some(Unknown::NotStated))
    }
}

impl Usage {
    /// What is charged of it, where `counts` is what it cost at least.
    pub fn consumption<'a>(&'a self, counts: &'a Counts) -> Consumption<'a> {
        Consumption { counts, others: &self.others, tier: self.tier.as_deref(), geo: self.geo.as_deref() }
    }

    /// What the answer cost at least. One that did not state all cost what it stated, and a model token for each four bytes of
    /// the request's text, unless it stated the input, and of the text that went by since it stated the output; of a stream,
    /// one for each event where these are more, because providers send one or several with each.
    pub fn at_least(&self) -> Counts {
        let counts = self.counts;
        if self.is_complete {
            return counts;
        }
        let input = counts.input.or(self.asked);
        let written = counts.output.unwrap_or(0).saturating_add(tokens_of(self.text_bytes)).max(self.events);
        let output = counts.output.or((written > 0).then_some(0)).map(|_| written);
        let both = input.or(output).map(|_| input.unwrap_or(0).saturating_add(output.unwrap_or(0)));
        Counts { input, output, total: counts.total.max(both), ..counts }
    }
}

const BYTES_OF_A_TOKEN: u64 = 4;

/// As many model tokens as so many bytes of text are at least: providers' tokenizers make about one of four bytes of
/// English, and more of other text.
pub fn tokens_of(text_bytes: u64) -> u64 {
    text_bytes / BYTES_OF_A_TOKEN
}

/// The least text that is taken for so many model tokens.
pub fn bytes_of(tokens: u64) -> u64 {
    tokens.saturating_mul(BYTES_OF_A_TOKEN)
}

impl Reader {
    fn of(statement: &'static Statement, headers: &Headers) -> Self {
        let is_plain = |coding: &[u8]| coding.trim_ascii().eq_ignore_ascii_case(b"identity");
        if !headers.values("content-encoding").all(is_plain) {
            return Self::None(Unknown::ContentEncoding);
        }
        let media_type =
            headers.text("content-type").unwrap_or_default().split(';').next().unwrap_or_default();
        match media_type.trim().to_ascii_lowercase().as_str() {
            "text/event-stream" => Self::ServerSentEvents(Box::new(ServerSentEvents::new(statement))),
            "application/vnd.amazon.eventstream" => {
                Self::AwsEventStream(AwsEventStream::new(&statement.document))
            }
            "application/x-ndjson" => Self::Ndjson(Ndjson::new(&statement.document)),
            "application/json" => Self::Document(JsonReader::new(&statement.document)),
            media_type if media_type.ends_with("+json") => {
                Self::Document(JsonReader::new(&statement.document))
            }
            _ => Self::None(Unknown::ContentType),
        }
    }
}

#[cfg(test)]
mod tests;
