//! What an answer cost: the figures in which the dialects state it, and the one reading of them.
//!
//! The providers differ in what a figure includes; [`Figures::read`] makes them the same once. OpenTelemetry's meaning
//! is taken: input includes what was read from and written to a cache, output includes reasoning.

/// One figure as a provider states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// Input with what came from a cache.
    Input,
    /// Input without what was read from and written to a cache: Anthropic, Bedrock.
    FreshInput,
    /// Input that the provider's own tools added, counted apart: Gemini.
    ToolInput,
    CacheRead,
    CacheWrite,
    /// Output with what was spent on reasoning.
    Output,
    /// Output without it: Gemini.
    PlainOutput,
    Reasoning,
    AudioInput,
    ImageInput,
    AudioOutput,
    ImageOutput,
    Total,
    /// Sound, in milliseconds, where it is charged by its length.
    AudioMilliseconds,
}

const FIGURES: usize = 14;

/// The figures of one answer, as far as they were stated. One that is stated as 0 is 0, not absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures([Option<u64>; FIGURES]);

/// What an answer cost, in the same terms for every dialect: model tokens, unless a field says something else. `None` is
/// what was not stated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All input, that from and for a cache included.
    pub input: Option<u64>,
    pub cache_read: Option<u64>,
    pub cache_write: Option<u64>,
    /// All output, reasoning included.
    pub output: Option<u64>,
    pub reasoning: Option<u64>,
    pub audio_input: Option<u64>,
    pub image_input: Option<u64>,
    pub audio_output: Option<u64>,
    pub image_output: Option<u64>,
    /// Never less than input and output together.
    pub total: Option<u64>,
    /// Sound, in milliseconds, where it is charged by its length.
    pub audio_ms: Option<u64>,
}

impl Figures {
    pub fn get(&self, figure: Figure) -> Option<u64> {
        self.0.get(figure as usize).copied().flatten()
    }

    /// Takes the place of what was stated before: every stream counts from its beginning.
    pub fn set(&mut self, figure: Figure, count: u64) {
        if let Some(place) = self.0.get_mut(figure as usize) {
            *place = Some(count);
        }
    }

    /// Adds to what was stated before.
    pub fn add(&mut self, figure: Figure, count: u64) {
        self.set(figure, self.get(figure).unwrap_or(0).saturating_add(count));
    }

    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// These, with the figures of `others` where it has some.
    pub fn or_rather(&self, others: &Self) -> Self {
        let mut figures = *self;
        let stated = figures.0.iter_mut().zip(others.0).filter(|(_, other)| other.is_some());
        stated.for_each(|(place, other)| *place = other);
        figures
    }

    /// The figures in the terms of all dialects.
    pub fn read(&self) -> Counts {
        let (cache_read, cache_write) = (self.get(Figure::CacheRead), self.get(Figure::CacheWrite));
        let fresh = self.get(Figure::FreshInput).map(|fresh| sum(&[Some(fresh), cache_read, cache_write]));
        let whole = self.get(Figure::Input).or(fresh);
        let input = whole.map(|input| sum(&[Some(input), self.get(Figure::ToolInput)]));
        let reasoning = self.get(Figure::Reasoning);
        let plain = self.get(Figure::PlainOutput);
        let apart = plain.or(reasoning).map(|_| sum(&[plain, reasoning]));
        let output = self.get(Figure::Output).or(apart);
        let stated = self.get(Figure::Total);
        // What a total has beyond both was generated, though it is not in the count of the output: so do some who speak
        // OpenAI's dialect treat reasoning.
        let output = match (input, output, stated) {
            (Some(input), Some(output), Some(total)) => Some(output.max(total.saturating_sub(input))),
            _ => output,
        };
        let both = input.or(output).map(|_| sum(&[input, output]));
        Counts {
            input,
            cache_read,
            cache_write,
            output,
            reasoning,
            audio_input: self.get(Figure::AudioInput),
            image_input: self.get(Figure::ImageInput),
            audio_output: self.get(Figure::AudioOutput),
            image_output: self.get(Figure::ImageOutput),
            total: stated.max(both),
            audio_ms: self.get(Figure::AudioMilliseconds),
        }
    }
}

fn sum(counts: &[Option<u64>]) -> u64 {
    counts.iter().flatten().fold(0, |sum, count| sum.saturating_add(*count))
}

#[cfg(test)]
mod tests {
    use super::{Counts, Figure, Figures};

    #[test]
    fn figures_are_read_in_the_same_terms() {
        use Figure::{
            CacheRead, CacheWrite, FreshInput, Input, Output, PlainOutput, Reasoning, ToolInput, Total,
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
            (&[(CacheRead, 8)], None, None, None, "a share of what is not known"),
            (&[(Input, 10), (ToolInput, 3)], Some(13), None, Some(13), "a tool's input is beside it"),
            (&[(PlainOutput, 4), (Reasoning, 6)], None, Some(10), Some(10), "reasoning is beside it"),
            (&[(Reasoning, 6)], None, Some(6), Some(6), "nothing but reasoning so far"),
            (&[(Output, 10), (Reasoning, 6)], None, Some(10), Some(10), "reasoning is in it"),
            (&[(Input, 1), (Output, 2), (Total, 9)], Some(1), Some(8), Some(9), "a total that has more"),
            (&[(Input, 5), (Output, 6), (Total, 9)], Some(5), Some(6), Some(11), "a total that has less"),
            (&[(Total, 9)], None, None, Some(9), "a total alone"),
            (&[(Input, u64::MAX), (Output, 1)], Some(u64::MAX), Some(1), Some(u64::MAX), "too large to add"),
        ] {
            let mut figures = Figures::default();
            stated.iter().for_each(|(figure, count)| figures.set(*figure, *count));
            let Counts { input: read_input, output: read_output, total: read_total, .. } = figures.read();
            assert_eq!((read_input, read_output, read_total), (input, output, total), "{note}");
        }
    }
}
