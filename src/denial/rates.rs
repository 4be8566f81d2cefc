//! What is left of a caller's quotas, in the header names and formats of each provider.
//!
//! OpenAI "Rate limits in headers": `x-ratelimit-reset-requests: 6m0s`. Azure OpenAI has the same names and whole seconds.
//! Anthropic "Rate limits, response headers": kinds of model tokens apart, and the moment of the reset in RFC 3339. Google and
//! Bedrock have no such headers; their callers get OpenAI's, which most clients know.

use chrono::{DateTime, SecondsFormat};

use crate::request::Wire;

/// The tightest quota of each kind at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    at_ms: u64,
    requests: Option<Rate>,
    /// Of any model tokens.
    tokens: Option<Rate>,
    input_tokens: Option<Rate>,
    output_tokens: Option<Rate>,
}

/// What is left of one quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub limit: u64,
    pub remaining: u64,
    /// Milliseconds until all of it is there again.
    pub reset_ms: u64,
}

/// What a quota counts that callers are told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    Requests,
    Tokens,
    InputTokens,
    OutputTokens,
}

/// The names of limit, remaining and reset.
type Names = [&'static str; 3];

const REQUESTS: Names =
    ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"];
const TOKENS: Names =
    ["x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"];

const ANTHROPIC_REQUESTS: Names = [
    "anthropic-ratelimit-requests-limit",
    "anthropic-ratelimit-requests-remaining",
    "anthropic-ratelimit-requests-reset",
];
const ANTHROPIC_TOKENS: Names = [
    "anthropic-ratelimit-tokens-limit",
    "anthropic-ratelimit-tokens-remaining",
    "anthropic-ratelimit-tokens-reset",
];
const ANTHROPIC_INPUT_TOKENS: Names = [
    "anthropic-ratelimit-input-tokens-limit",
    "anthropic-ratelimit-input-tokens-remaining",
    "anthropic-ratelimit-input-tokens-reset",
];
const ANTHROPIC_OUTPUT_TOKENS: Names = [
    "anthropic-ratelimit-output-tokens-limit",
    "anthropic-ratelimit-output-tokens-remaining",
    "anthropic-ratelimit-output-tokens-reset",
];

impl Rates {
    /// None yet, at this moment.
    pub fn at(now_ms: u64) -> Self {
        Self { at_ms: now_ms, ..Self::default() }
    }

    /// Adds what is left of one quota, where no tighter one of its kind is known.
    pub fn note(&mut self, counted: Counted, rate: Rate) {
        match counted {
            Counted::Requests => note(&mut self.requests, rate),
            Counted::Tokens => note(&mut self.tokens, rate),
            Counted::InputTokens => {
                note(&mut self.input_tokens, rate);
                note(&mut self.tokens, rate);
            }
            Counted::OutputTokens => {
                note(&mut self.output_tokens, rate);
                note(&mut self.tokens, rate);
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.requests.is_none() && self.tokens.is_none()
    }

    /// As headers of an answer that comes at once.
    pub fn headers(&self, wire: Wire) -> Vec<(&'static str, String)> {
        self.headers_at(wire, self.at_ms)
    }

    /// As headers of an answer that comes at `now_ms`, which may be long after they were noted.
    pub fn headers_at(&self, wire: Wire, now_ms: u64) -> Vec<(&'static str, String)> {
        let told: &[(Names, Option<Rate>)] = match wire {
            Wire::Anthropic => &[
                (ANTHROPIC_REQUESTS, self.requests),
                (ANTHROPIC_TOKENS, self.tokens),
                (ANTHROPIC_INPUT_TOKENS, self.input_tokens),
                (ANTHROPIC_OUTPUT_TOKENS, self.output_tokens),
            ],
            Wire::Openai | Wire::Azure | Wire::Gemini | Wire::Bedrock => {
                &[(REQUESTS, self.requests), (TOKENS, self.tokens)]
            }
        };
        let mut headers = Vec::new();
        for (names, rate) in told {
            let Some(rate) = rate else { continue };
            let values =
                [rate.limit.to_string(), rate.remaining.to_string(), self.reset(wire, rate.reset_ms, now_ms)];
            headers.extend(names.iter().copied().zip(values));
        }
        headers
    }

    fn reset(&self, wire: Wire, reset_ms: u64, now_ms: u64) -> String {
        let resets_ms = self.at_ms.saturating_add(reset_ms);
        let wait = resets_ms.saturating_sub(now_ms).div_ceil(1000);
        match wire {
            Wire::Anthropic => timestamp(resets_ms.div_ceil(1000)),
            Wire::Azure => wait.to_string(),
            Wire::Openai | Wire::Gemini | Wire::Bedrock => duration(wait),
        }
    }
}

fn note(place: &mut Option<Rate>, rate: Rate) {
    if place.is_none_or(|other| rate.remaining < other.remaining) {
        *place = Some(rate);
    }
}

/// As Go writes it: `12s`, `6m0s`, `24h0m0s`.
fn duration(seconds: u64) -> String {
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    match (hours, minutes, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m{seconds}s"),
        (hours, minutes, seconds) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

fn timestamp(unix_seconds: u64) -> String {
    let time = i64::try_from(unix_seconds).ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    time.map(|time| time.to_rfc3339_opts(SecondsFormat::Secs, true)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Counted, Rate, Rates};
    use crate::request::Wire;

    /// 2026-01-01T12:00:00Z.
    const NOON: u64 = 1_767_268_800_000;

    fn rate(remaining: u64, reset_ms: u64) -> Rate {
        Rate { limit: 100, remaining, reset_ms }
    }

    fn told(rates: &Rates, wire: Wire, now_ms: u64) -> Vec<String> {
        let headers = rates.headers_at(wire, now_ms).into_iter();
        headers.map(|(name, value)| format!("{name}: {value}")).collect()
    }

    #[test]
    fn each_provider_has_its_names_and_formats() {
        let mut rates = Rates::at(NOON);
        rates.note(Counted::Requests, rate(7, 360_000));
        rates.note(Counted::Tokens, rate(50, 1_500));
        rates.note(Counted::InputTokens, rate(40, 59_001));
        rates.note(Counted::OutputTokens, rate(90, 90_061_000));
        let openai = [
            "x-ratelimit-limit-requests: 100",
            "x-ratelimit-remaining-requests: 7",
            "x-ratelimit-reset-requests: 6m0s",
            "x-ratelimit-limit-tokens: 100",
            "x-ratelimit-remaining-tokens: 40",
            "x-ratelimit-reset-tokens: 1m0s",
        ];
        for wire in [Wire::Openai, Wire::Gemini, Wire::Bedrock] {
            assert_eq!(told(&rates, wire, NOON), openai, "{wire:?}");
        }
        let azure = told(&rates, Wire::Azure, NOON);
        assert_eq!(
            [&azure[2], &azure[5]],
            ["x-ratelimit-reset-requests: 360", "x-ratelimit-reset-tokens: 60"]
        );
        assert_eq!(
            (&azure[..2], &azure[3..5]),
            (&openai.map(str::to_owned)[..2], &openai.map(str::to_owned)[3..5])
        );
        assert_eq!(
            told(&rates, Wire::Anthropic, NOON),
            [
                "anthropic-ratelimit-requests-limit: 100",
                "anthropic-ratelimit-requests-remaining: 7",
                "anthropic-ratelimit-requests-reset: 2026-01-01T12:06:00Z",
                "anthropic-ratelimit-tokens-limit: 100",
                "anthropic-ratelimit-tokens-remaining: 40",
                "anthropic-ratelimit-tokens-reset: 2026-01-01T12:01:00Z",
                "anthropic-ratelimit-input-tokens-limit: 100",
                "anthropic-ratelimit-input-tokens-remaining: 40",
                "anthropic-ratelimit-input-tokens-reset: 2026-01-01T12:01:00Z",
                "anthropic-ratelimit-output-tokens-limit: 100",
                "anthropic-ratelimit-output-tokens-remaining: 90",
                "anthropic-ratelimit-output-tokens-reset: 2026-01-02T13:01:01Z",
            ]
        );
    }

    #[test]
    fn an_answer_that_comes_late_tells_what_is_left_of_the_wait() {
        let mut rates = Rates::at(NOON);
        rates.note(Counted::Requests, rate(0, 90_061_000));
        for (after_ms, openai, azure) in [
            (0, "25h1m1s", "90061"),
            (1, "25h1m1s", "90061"),
            (61_000, "25h0m0s", "90000"),
            (90_000_000, "1m1s", "61"),
            (90_060_500, "1s", "1"),
            (90_061_000, "0s", "0"),
            (99_000_000, "0s", "0"),
        ] {
            let reset = |wire| rates.headers_at(wire, NOON + after_ms)[2].1.clone();
            assert_eq!((reset(Wire::Openai).as_str(), reset(Wire::Azure).as_str()), (openai, azure));
            assert_eq!(reset(Wire::Anthropic), "2026-01-02T13:01:01Z", "a moment stays where it is");
        }
    }

    #[test]
    fn nothing_is_told_of_what_nobody_counts() {
        for wire in Wire::ALL {
            assert!(Rates::at(NOON).is_empty() && Rates::at(NOON).headers(wire).is_empty());
        }
    }
}
