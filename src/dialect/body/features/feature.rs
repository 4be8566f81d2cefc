//! The features of a request by their names.

/// What is read of a request; the names are those of the fields of `llm`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feature {
    Messages,
    N,
    Tools,
    ToolChoice,
    Modalities,
    Images,
    ServiceTier,
    WebSearch,
    ReasoningEffort,
    ResponseFormat,
    Temperature,
    User,
}

impl Feature {
    pub const ALL: [Self; 12] = [
        Self::Messages,
        Self::N,
        Self::Tools,
        Self::ToolChoice,
        Self::Modalities,
        Self::Images,
        Self::ServiceTier,
        Self::WebSearch,
        Self::ReasoningEffort,
        Self::ResponseFormat,
        Self::Temperature,
        Self::User,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::N => "n",
            Self::Tools => "tools",
            Self::ToolChoice => "tool_choice",
            Self::Modalities => "modalities",
            Self::Images => "images",
            Self::ServiceTier => "service_tier",
            Self::WebSearch => "web_search",
            Self::ReasoningEffort => "reasoning_effort",
            Self::ResponseFormat => "response_format",
            Self::Temperature => "temperature",
            Self::User => "user",
        }
    }
}
