//! What a provider charges by the piece: calls of its tools, searches, pages.

use super::figures::{Figure, Figures};

/// A tool of the provider's, or something else that it charges by the piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaidCall {
    WebSearch,
    /// An answer for which Google was asked, however often.
    GroundedPrompt,
    MapsPrompt,
    FileSearch,
    CodeInterpreter,
    ImageGeneration,
    XSearch,
    SearchUnit,
    Page,
}

/// How often each was called. `None` is what was not stated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls([Option<u64>; PaidCall::ALL.len()]);

impl PaidCall {
    pub const ALL: [Self; 9] = [
        Self::WebSearch,
        Self::GroundedPrompt,
        Self::MapsPrompt,
        Self::FileSearch,
        Self::CodeInterpreter,
        Self::ImageGeneration,
        Self::XSearch,
        Self::SearchUnit,
        Self::Page,
    ];

    /// The name in prices and records.
    pub fn name(self) -> &'static str {
        match self {
            Self::WebSearch => "web_search",
            Self::GroundedPrompt => "grounded_prompt",
            Self::MapsPrompt => "maps_prompt",
            Self::FileSearch => "file_search",
            Self::CodeInterpreter => "code_interpreter",
            Self::ImageGeneration => "image_generation",
            Self::XSearch => "x_search",
            Self::SearchUnit => "search_unit",
            Self::Page => "page",
        }
    }

    pub(super) fn count(self, figures: &Figures) -> Option<u64> {
        let queries = figures.get(Figure::SearchQuery);
        match self {
            Self::WebSearch => figures.get(Figure::WebSearch).or(queries),
            Self::GroundedPrompt => queries.map(|queries| queries.min(1)),
            Self::MapsPrompt => figures.get(Figure::MapsPrompt),
            Self::FileSearch => figures.get(Figure::FileSearch),
            Self::CodeInterpreter => figures.get(Figure::CodeInterpreter),
            Self::ImageGeneration => figures.get(Figure::ImageGeneration),
            Self::XSearch => figures.get(Figure::XSearch),
            Self::SearchUnit => figures.get(Figure::SearchUnit),
            Self::Page => figures.get(Figure::Page),
        }
    }
}

impl Calls {
    pub fn get(&self, call: PaidCall) -> Option<u64> {
        self.0.get(call as usize).copied().flatten()
    }

    pub fn set(&mut self, call: PaidCall, count: u64) {
        if let Some(place) = self.0.get_mut(call as usize) {
            *place = Some(count);
        }
    }

    /// Those that were stated.
    pub fn stated(&self) -> impl Iterator<Item = (PaidCall, u64)> + use<'_> {
        PaidCall::ALL.into_iter().filter_map(|call| Some((call, self.get(call)?)))
    }
}
