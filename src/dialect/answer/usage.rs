//! What an answer cost: the one reading of the figures in which the dialects state it.
//!
//! The providers differ in what a figure includes; [`Counts::of`] makes them the same once. OpenTelemetry's meaning
//! is taken: input includes what was read from and written to a cache, output includes reasoning.

use super::figures::{Figure, Figures};
use super::paid_call::{Calls, PaidCall};

/// What an answer cost, in the same terms for every dialect: model tokens, unless a field says something else. `None` is
/// what was not stated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
// It has more than a dozen fields: one for each figure that a provider states.
pub struct Counts {
    /// All input, that from and for a cache included.
    pub input: Option<u64>,
    pub cache_read: Option<u64>,
    pub cache_write: Option<u64>,
    /// Of this, what was written for an hour.
    pub cache_write_hour: Option<u64>,
    /// All output, reasoning included.
    pub output: Option<u64>,
    pub reasoning: Option<u64>,
    pub audio_input: Option<u64>,
    pub image_input: Option<u64>,
    /// Of these, what was read from a cache.
    pub cached_audio: Option<u64>,
    pub cached_image: Option<u64>,
    pub audio_output: Option<u64>,
    pub image_output: Option<u64>,
    /// Never less than input and output together.
    pub total: Option<u64>,
    /// The input of the longest run of the model, where it ran several times.
    pub longest_input: Option<u64>,
    /// Sound, in milliseconds, where it is charged by its length.
    pub audio_ms: Option<u64>,
    /// Pictures that were made.
    pub images: Option<u64>,
    /// Of the text that was to be spoken, which the request tells.
    pub characters: Option<u64>,
    pub calls: Calls,
}

/// What another model than the one that answered did for an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    pub model: String,
    pub counts: Counts,
}

impl Counts {
    /// True where it has more than input, output, their total, and what came from and went to a cache.
    pub fn has_parts(&self) -> bool {
        let parts = [
            self.cache_write_hour,
            self.audio_input,
            self.image_input,
            self.cached_audio,
            self.cached_image,
            self.audio_output,
            self.image_output,
            self.longest_input,
            self.audio_ms,
            self.images,
            self.characters,
        ];
        parts.iter().any(Option::is_some) || self.calls.stated().next().is_some()
    }

    /// The figures in the terms of all dialects.
    pub fn of(figures: &Figures) -> Self {
        let get = |figure| figures.get(figure);
        let (cache_read, cache_write) = (get(Figure::CacheRead), figures.cache_write());
        let cached = sum(&[cache_read, cache_write]);
        let fresh = figures.fresh_input().map(|fresh| fresh.saturating_add(cached));
        // A share that is larger than the whole stands beside it.
        let whole = get(Figure::Input)
            .map(|input| if cached > input { input.saturating_add(cached) } else { input })
            .or(fresh);
        let whole = get(Figure::BilledInput).or(whole);
        let input = whole.map(|input| sum(&[Some(input), get(Figure::ToolInput)]));
        let reasoning = get(Figure::Reasoning);
        let plain = get(Figure::PlainOutput);
        let apart = plain.or(reasoning).map(|_| sum(&[plain, reasoning]));
        let output = get(Figure::Output).or(get(Figure::FirstOutput)).map(|output| match reasoning {
            Some(reasoning) if reasoning > output => output.saturating_add(reasoning),
            _ => output,
        });
        let output = get(Figure::BilledOutput).or(output).or(apart);
        let stated = get(Figure::Total);
        // What a total has beyond both was generated, though it is not in the count of the output: so do some who speak
        // OpenAI's dialect treat reasoning.
        let output = match (input, output, stated) {
            (Some(input), Some(output), Some(total)) => Some(output.max(total.saturating_sub(input))),
            _ => output,
        };
        let both = input.or(output).map(|_| sum(&[input, output]));
        let with_tools =
            |figure, of_tools| get(figure).or(get(of_tools)).map(|_| sum(&[get(figure), get(of_tools)]));
        let mut calls = Calls::default();
        for call in PaidCall::ALL {
            call.count(figures).into_iter().for_each(|count| calls.set(call, count));
        }
        Self {
            input,
            cache_read,
            cache_write,
            cache_write_hour: get(Figure::CacheWriteHour),
            output,
            reasoning,
            audio_input: with_tools(Figure::AudioInput, Figure::ToolAudioInput),
            image_input: with_tools(Figure::ImageInput, Figure::ToolImageInput),
            cached_audio: get(Figure::CachedAudio),
            cached_image: get(Figure::CachedImage),
            audio_output: get(Figure::AudioOutput),
            image_output: get(Figure::ImageOutput),
            total: stated.max(both),
            longest_input: None,
            audio_ms: get(Figure::AudioMilliseconds),
            images: get(Figure::Images),
            characters: None,
            calls,
        }
    }

    /// With what another run took.
    pub fn with(self, other: &Self) -> Self {
        let both = |one: Option<u64>, other: Option<u64>| one.or(other).map(|_| sum(&[one, other]));
        Self {
            input: both(self.input, other.input),
            cache_read: both(self.cache_read, other.cache_read),
            cache_write: both(self.cache_write, other.cache_write),
            cache_write_hour: both(self.cache_write_hour, other.cache_write_hour),
            output: both(self.output, other.output),
            total: both(self.total, other.total),
            ..self
        }
    }

    /// Without what another run took.
    pub fn without(self, other: &Self) -> Self {
        let rest =
            |one: Option<u64>, other: Option<u64>| one.map(|one| one.saturating_sub(other.unwrap_or(0)));
        Self {
            input: rest(self.input, other.input),
            cache_read: rest(self.cache_read, other.cache_read),
            cache_write: rest(self.cache_write, other.cache_write),
            cache_write_hour: rest(self.cache_write_hour, other.cache_write_hour),
            output: rest(self.output, other.output),
            total: rest(self.total, other.total),
            ..self
        }
    }
}

fn sum(counts: &[Option<u64>]) -> u64 {
    counts.iter().flatten().fold(0, |sum, count| sum.saturating_add(*count))
}

#[cfg(test)]
mod tests {
    use super::{Calls, Counts, Figure, Figures, PaidCall};

    #[test]
    fn figures_are_read_in_the_same_terms() {
        use Figure::{
            BilledInput, BilledOutput, CacheRead, CacheWrite, CacheWriteFiveMinutes, CacheWriteHour,
            FreshInput, Input, Output, PlainOutput, Reasoning, ToolInput, Total,
        };
        for (stated, input, output, total, note) in [
            (&[][..], None, None, None, "nothing"),
            (&[(Input, 0), (Output, 0)], Some(0), Some(0), Some(0), "0 is not nothing"),
            (&[(Input, 10), (CacheRead, 8)], Some(10), None, Some(10), "the cache is in it"),
            (
                &[(FreshInput, 2), (CacheRead, 8), (CacheWrite, 5)],
                Some(15),
                None,
                Some(15),
                "the cache is beside it",
            ),
            (
                &[(FreshInput, 2), (CacheWriteFiveMinutes, 3), (CacheWriteHour, 4)],
                Some(9),
                None,
                Some(9),
                "what was written, by lifetime alone",
            ),
            (
                &[(FreshInput, 2), (CacheWrite, 7), (CacheWriteFiveMinutes, 3), (CacheWriteHour, 4)],
                Some(9),
                None,
                Some(9),
                "and with its sum",
            ),
            (
                &[(Input, 3), (CacheRead, 8)],
                Some(11),
                None,
                Some(11),
                "a share larger than the whole is beside it",
            ),
            (&[(CacheRead, 8)], None, None, None, "a share of what is not known"),
            (&[(Input, 10), (ToolInput, 3)], Some(13), None, Some(13), "a tool's input is beside it"),
            (&[(PlainOutput, 4), (Reasoning, 6)], None, Some(10), Some(10), "reasoning is beside it"),
            (&[(Reasoning, 6)], None, Some(6), Some(6), "nothing but reasoning so far"),
            (&[(Output, 10), (Reasoning, 6)], None, Some(10), Some(10), "reasoning is in it"),
            (
                &[(Output, 5), (Reasoning, 6)],
                None,
                Some(11),
                Some(11),
                "more reasoning than output is beside it",
            ),
            (
                &[(Input, 71), (Output, 9), (BilledInput, 5), (BilledOutput, 8)],
                Some(5),
                Some(8),
                Some(13),
                "what is billed of more",
            ),
            (&[(Input, 1), (Output, 2), (Total, 9)], Some(1), Some(8), Some(9), "a total that has more"),
            (&[(Input, 5), (Output, 6), (Total, 9)], Some(5), Some(6), Some(11), "a total that has less"),
            (&[(Total, 9)], None, None, Some(9), "a total alone"),
            (&[(Input, u64::MAX), (Output, 1)], Some(u64::MAX), Some(1), Some(u64::MAX), "too large to add"),
        ] {
            let mut figures = Figures::default();
            stated.iter().for_each(|(figure, count)| figures.set(*figure, *count));
            let Counts { input: read_input, output: read_output, total: read_total, .. } =
                Counts::of(&figures);
            assert_eq!((read_input, read_output, read_total), (input, output, total), "{note}");
        }
    }
    #[test]
    fn calls_are_told_apart() {
        let mut figures = Figures::default();
        figures.set(Figure::SearchQuery, 3);
        figures.set(Figure::FileSearch, 0);
        let calls = Counts::of(&figures).calls;
        let told: Vec<_> = calls.stated().map(|(call, count)| (call.name(), count)).collect();
        assert_eq!(told, [("web_search", 3), ("grounded_prompt", 1), ("file_search", 0)]);
        assert_eq!(Calls::default().get(PaidCall::Page), None);
    }
}
