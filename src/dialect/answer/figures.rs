//! The figures in which the dialects state what an answer cost, as they were stated.

/// One figure as a provider states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// Input with what came from a cache.
    Input,
    /// Input without what was read from and written to a cache: Anthropic, Bedrock.
    FreshInput,
    /// Input that the provider's own tools added, counted apart: Gemini.
    ToolInput,
    /// Input as it is billed, where that is not all of it: Cohere.
    BilledInput,
    CacheRead,
    /// For whatever lifetime.
    CacheWrite,
    CacheWriteFiveMinutes,
    CacheWriteHour,
    /// Output with what was spent on reasoning.
    Output,
    /// What the first event of a stream says of the output, before there is any: Anthropic.
    FirstOutput,
    /// Output without it: Gemini.
    PlainOutput,
    BilledOutput,
    Reasoning,
    AudioInput,
    ImageInput,
    /// Of what the provider's own tools added.
    ToolAudioInput,
    ToolImageInput,
    /// Of what came from a cache.
    CachedAudio,
    CachedImage,
    AudioOutput,
    ImageOutput,
    Total,
    /// Sound, in milliseconds, where it is charged by its length.
    AudioMilliseconds,
    /// Pictures that were made.
    Images,
    WebSearch,
    /// What Google was asked for in an answer; priced by the query or by the answer.
    SearchQuery,
    MapsPrompt,
    FileSearch,
    CodeInterpreter,
    ImageGeneration,
    XSearch,
    SearchUnit,
    Page,
}

const FIGURES: usize = 33;

impl Figure {
    /// True of calls of the provider's tools, which by themselves do not tell what an answer cost.
    const fn is_call(self) -> bool {
        matches!(
            self,
            Self::WebSearch
                | Self::SearchQuery
                | Self::MapsPrompt
                | Self::FileSearch
                | Self::CodeInterpreter
                | Self::ImageGeneration
                | Self::XSearch
        )
    }
}

/// The figures of one answer, as far as they were stated. One that is stated as 0 is 0, not absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    counts: [u64; FIGURES],
    /// A bit for each that was stated.
    stated: u64,
    /// A bit for each of these that is no call.
    telling: u64,
    /// The most input, with what was cached, that one statement has told of where input is stated without that.
    most_input: u64,
}

impl Default for Figures {
    /// None was stated.
    fn default() -> Self {
        Self { counts: [0; FIGURES], stated: 0, telling: 0, most_input: 0 }
    }
}

impl Figures {
    pub fn get(&self, figure: Figure) -> Option<u64> {
        let place = figure as usize;
        let count = self.counts.get(place).copied()?;
        (self.stated & bit(place) != 0).then_some(count)
    }

    /// Every stream counts from its beginning, so that none can be less than it was; but fresh input may turn out to have
    /// been cached, which [`Self::statement_ends`] sees to.
    pub fn set(&mut self, figure: Figure, count: u64) {
        let place = figure as usize;
        let is_first = self.stated & bit(place) == 0;
        if let Some(known) = self.counts.get_mut(place) {
            *known = if is_first || figure == Figure::FreshInput { count } else { count.max(*known) };
        }
        self.stated |= bit(place);
        if !figure.is_call() {
            self.telling |= bit(place);
        }
    }

    /// Adds to what was stated before.
    pub fn add(&mut self, figure: Figure, count: u64) {
        self.set(figure, self.get(figure).unwrap_or(0).saturating_add(count));
    }

    /// True where nothing tells what the answer cost.
    pub fn is_empty(&self) -> bool {
        self.telling == 0
    }

    /// True where none was stated, calls included.
    pub fn are_unstated(&self) -> bool {
        self.stated == 0
    }

    /// A document or an event has been read: fresh input and what was cached belong together in it.
    pub fn statement_ends(&mut self) {
        if let Some(fresh) = self.get(Figure::FreshInput) {
            let input = fresh.saturating_add(self.cached());
            self.most_input = self.most_input.max(input);
        }
    }

    /// Fresh input, which is never so little that less input is told of than before.
    pub fn fresh_input(&self) -> Option<u64> {
        let least = self.most_input.saturating_sub(self.cached());
        self.get(Figure::FreshInput).map(|fresh| fresh.max(least))
    }

    /// What was written to a cache, for whatever lifetime.
    pub fn cache_write(&self) -> Option<u64> {
        let lifetimes = [Figure::CacheWriteFiveMinutes, Figure::CacheWriteHour];
        let apart = lifetimes.into_iter().filter_map(|figure| self.get(figure)).reduce(u64::saturating_add);
        self.get(Figure::CacheWrite).max(apart)
    }

    fn cached(&self) -> u64 {
        self.get(Figure::CacheRead).unwrap_or(0).saturating_add(self.cache_write().unwrap_or(0))
    }

    /// These and `others`, of each figure the larger.
    pub fn or_more(mut self, others: &Self) -> Self {
        let places = self.counts.iter_mut().zip(others.counts);
        places.for_each(|(count, other)| *count = (*count).max(other));
        self.stated |= others.stated;
        self.telling |= others.telling;
        self.most_input = self.most_input.max(others.most_input);
        self
    }
}

const fn bit(place: usize) -> u64 {
    1_u64.wrapping_shl(place as u32)
}

#[cfg(test)]
mod tests {
    use super::{FIGURES, Figure, Figures};

    #[test]
    fn there_is_a_place_for_each_figure() {
        assert_eq!(Figure::Page as usize + 1, FIGURES);
        let mut figures = Figures::default();
        figures.set(Figure::WebSearch, 2);
        assert!(figures.is_empty(), "a call alone tells of no cost");
        figures.set(Figure::Page, 0);
        assert!(!figures.is_empty());
        assert_eq!((figures.get(Figure::WebSearch), figures.get(Figure::Page)), (Some(2), Some(0)));
        assert_eq!(figures.get(Figure::Output), None);
    }

    #[test]
    fn no_figure_of_a_stream_goes_down() {
        use Figure::{CacheRead, CacheWrite, CacheWriteHour, FreshInput, Input, Output};
        for (statements, fresh, read, write, note) in [
            (&[&[(FreshInput, 1500)][..], &[(FreshInput, 0), (Output, 20)]][..], 1500, None, None, "a 0"),
            (
                &[&[(FreshInput, 1500)], &[(FreshInput, 200), (CacheRead, 1300)]],
                200,
                Some(1300),
                None,
                "what turns out to have been cached",
            ),
            (
                &[&[(FreshInput, 1500)], &[(CacheRead, 1300), (FreshInput, 200)]],
                200,
                Some(1300),
                None,
                "the same, the other way round",
            ),
            (
                &[
                    &[(FreshInput, 3), (CacheRead, 1000), (CacheWrite, 500)],
                    &[(FreshInput, 3), (CacheWrite, 0)],
                ],
                3,
                Some(1000),
                Some(500),
                "a cache that is forgotten",
            ),
            (
                &[&[(FreshInput, 1500), (CacheRead, 300)], &[(FreshInput, 1500), (CacheRead, 0)]],
                1500,
                Some(300),
                None,
                "a cache that is 0 later",
            ),
            (&[&[(FreshInput, 5)], &[(FreshInput, 9)]], 9, None, None, "a count that grows"),
            (
                &[&[(FreshInput, 5), (CacheWriteHour, 7)], &[(FreshInput, 0), (CacheWrite, 7)]],
                5,
                None,
                Some(7),
                "a lifetime that is told first",
            ),
        ] {
            let mut figures = Figures::default();
            for statement in statements {
                statement.iter().for_each(|(figure, count)| figures.set(*figure, *count));
                figures.statement_ends();
            }
            let got = (figures.fresh_input(), figures.get(CacheRead), figures.cache_write());
            assert_eq!(got, (Some(fresh), read, write), "{note}");
        }
        let mut figures = Figures::default();
        [9, 0, 4].into_iter().for_each(|count| figures.set(Input, count));
        assert_eq!(figures.get(Input), Some(9));
    }
}
