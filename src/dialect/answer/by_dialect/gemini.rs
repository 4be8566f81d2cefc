//! Where Gemini's answers state their cost, and those of its interactions.

use crate::dialect::answer::answer_key::{AnswerKey, Holds, document, figure, key, leads, object, text};
use crate::dialect::answer::figures::Figure;
use crate::dialect::answer::statement::{FinalBy, Statement};

/// Each part of a stream, an event or the element of a list, counts from the beginning
/// (<https://ai.google.dev/api/generate-content#UsageMetadata>); an interaction tells it at the end
/// (<https://ai.google.dev/api/interactions-api>).
pub(super) static GEMINI: Statement = Statement {
    document: document(ANSWER),
    event: document(ANSWER),
    marks: &[],
    texts: &[],
    final_by: FinalBy::FinishReason,
};

const ANSWER: &[AnswerKey] = &[
    key("modelVersion", Holds::Model),
    leads("usageMetadata", USAGE),
    leads("candidates", CANDIDATE),
    leads("promptFeedback", &[key("blockReason", Holds::Reason)]),
    // Of an interaction.
    key("model", Holds::Model),
    object("usage", Holds::Last, INTERACTION_USAGE),
    leads("interaction", INTERACTION),
    leads("steps", STEP),
    leads("outputs", STEP),
    leads("delta", &[text("text")]),
    key("service_tier", Holds::Tier),
];

const CANDIDATE: &[AnswerKey] =
    &[key("finishReason", Holds::Reason), leads("content", &[leads("parts", &[text("text")])]), GROUNDING];

const USAGE: &[AnswerKey] = &[
    figure("promptTokenCount", Figure::Input),
    figure("toolUsePromptTokenCount", Figure::ToolInput),
    figure("cachedContentTokenCount", Figure::CacheRead),
    figure("candidatesTokenCount", Figure::PlainOutput),
    figure("responseTokenCount", Figure::PlainOutput),
    figure("thoughtsTokenCount", Figure::Reasoning),
    figure("totalTokenCount", Figure::Total),
    shares("promptTokensDetails", INPUT_MEDIA, MEDIUM),
    shares("toolUsePromptTokensDetails", TOOL_MEDIA, MEDIUM),
    shares("cacheTokensDetails", CACHED_MEDIA, MEDIUM),
    shares("candidatesTokensDetails", OUTPUT_MEDIA, MEDIUM),
    shares("responseTokensDetails", OUTPUT_MEDIA, MEDIUM),
    key("trafficType", Holds::Tier),
    key("serviceTier", Holds::Tier),
];

const INPUT_MEDIA: Parts = &[("audio", Figure::AudioInput), ("image", Figure::ImageInput)];
const TOOL_MEDIA: Parts = &[("audio", Figure::ToolAudioInput), ("image", Figure::ToolImageInput)];
const CACHED_MEDIA: Parts = &[("audio", Figure::CachedAudio), ("image", Figure::CachedImage)];
const OUTPUT_MEDIA: Parts = &[("audio", Figure::AudioOutput), ("image", Figure::ImageOutput)];

type Parts = &'static [(&'static str, Figure)];

const fn shares(name: &'static str, parts: Parts, below: &'static [AnswerKey]) -> AnswerKey {
    object(name, Holds::Shares(parts), below)
}

const MEDIUM: &[AnswerKey] = &[key("modality", Holds::ShareName), key("tokenCount", Holds::ShareCount)];

/// Google's search is priced by the answer or by the query, its maps by the answer
/// (<https://ai.google.dev/gemini-api/docs/google-search>).
const GROUNDING: AnswerKey = leads(
    "groundingMetadata",
    &[
        key("webSearchQueries", Holds::Each(Figure::SearchQuery)),
        leads("groundingChunks", &[leads("maps", &[key("uri", Holds::Once(Figure::MapsPrompt))])]),
    ],
);

const INTERACTION: &[AnswerKey] = &[
    key("model", Holds::Model),
    object("usage", Holds::Last, INTERACTION_USAGE),
    leads("steps", STEP),
    leads("outputs", STEP),
    key("service_tier", Holds::Tier),
];

const INTERACTION_USAGE: &[AnswerKey] = &[
    figure("total_input_tokens", Figure::Input),
    figure("total_tool_use_tokens", Figure::ToolInput),
    figure("total_cached_tokens", Figure::CacheRead),
    figure("total_output_tokens", Figure::PlainOutput),
    figure("total_thought_tokens", Figure::Reasoning),
    figure("total_tokens", Figure::Total),
    shares("input_tokens_by_modality", INPUT_MEDIA, MODALITY),
    shares("tool_use_tokens_by_modality", TOOL_MEDIA, MODALITY),
    shares("cached_tokens_by_modality", CACHED_MEDIA, MODALITY),
    shares("output_tokens_by_modality", OUTPUT_MEDIA, MODALITY),
    key("service_tier", Holds::Tier),
];

const MODALITY: &[AnswerKey] = &[key("modality", Holds::ShareName), key("tokens", Holds::ShareCount)];

const STEP: &[AnswerKey] = &[leads("arguments", &[key("queries", Holds::Each(Figure::SearchQuery))])];
