//! Where the answers of each dialect state what they cost: the keys that lead there, whole or in a stream.
//!
//! What a model writes cannot be taken for a figure: it stands in texts, or under keys that lead elsewhere. The running
//! state of one answer is in `meter`.

use super::usage::Figure;
use crate::request::Dialect;

/// How one dialect's answers tell their cost.
#[derive(Debug)]
pub struct Statement {
    /// The keys of a document or of an event's data. A list stands for each of its elements.
    pub keys: &'static [AnswerKey],
    /// Every event that says something has one of these keys with a value, but for the model's name in the first ones;
    /// where there are none, each says something.
    pub marks: &'static [&'static str],
    /// What in a stream shows that no other figures follow.
    pub settled: Settled,
}

/// What shows that a stream has stated all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Figures come once, at the end.
    ByFigures,
    /// Figures come early and are replaced, until there is a reason why the answer ended.
    ByReason,
}

/// A key of an answer that is read, or leads to one.
#[derive(Debug)]
pub struct AnswerKey {
    pub name: &'static str,
    pub holds: Holds,
    pub below: &'static [AnswerKey],
}

/// What the value at a key is.
#[derive(Clone, Copy, Debug)]
pub enum Holds {
    /// Nothing by itself.
    Others,
    /// A number that takes the place of one before it.
    Figure(Figure),
    /// As a figure, in seconds.
    Seconds,
    /// A list of runs of the model, whose figures add up. The figures beside it are those of the last run.
    Runs,
    /// A number of one run.
    OfRun(Figure),
    /// A medium and its share, per element.
    Medium {
        audio: Figure,
        image: Figure,
    },
    /// The name of the medium: `AUDIO`, `IMAGE`.
    MediumName,
    MediumCount,
    /// The name of the model that answered.
    Model,
    /// Why the answer ended.
    Reason,
    /// Something that only the last event has.
    Last,
    /// Base64 of a document with these keys.
    Sealed(&'static [AnswerKey]),
}

impl Statement {
    /// That of the dialect whose keys a body has; Azure's are OpenAI's.
    pub(super) fn of(wire: Dialect) -> &'static Self {
        match wire {
            Dialect::Openai | Dialect::Azure => &OPENAI,
            Dialect::Anthropic => &ANTHROPIC,
            Dialect::Gemini => &GEMINI,
            Dialect::Bedrock => &BEDROCK,
        }
    }
}

const fn leads(name: &'static str, below: &'static [AnswerKey]) -> AnswerKey {
    AnswerKey { name, holds: Holds::Others, below }
}

const fn key(name: &'static str, holds: Holds) -> AnswerKey {
    AnswerKey { name, holds, below: &[] }
}

const fn figure(name: &'static str, figure: Figure) -> AnswerKey {
    key(name, Holds::Figure(figure))
}

/// Chat, completions, embeddings, images and audio state it at the top, in a stream by their last event; a response's
/// events hold the response (<https://platform.openai.com/docs/api-reference/chat/object>, `/responses-streaming`,
/// `/images/object`, `/audio/json-object`).
static OPENAI: Statement = Statement {
    keys: &[
        key("model", Holds::Model),
        leads("usage", OPENAI_USAGE),
        leads("choices", &[key("finish_reason", Holds::Reason)]),
        leads("response", &[key("model", Holds::Model), leads("usage", OPENAI_USAGE)]),
    ],
    marks: &["\"usage\"", "\"finish_reason\""],
    settled: Settled::ByFigures,
};

const OPENAI_USAGE: &[AnswerKey] = &[
    figure("prompt_tokens", Figure::Input),
    figure("input_tokens", Figure::Input),
    figure("completion_tokens", Figure::Output),
    figure("output_tokens", Figure::Output),
    figure("total_tokens", Figure::Total),
    key("seconds", Holds::Seconds),
    leads("prompt_tokens_details", OPENAI_INPUT),
    leads("input_tokens_details", OPENAI_INPUT),
    // Of a transcription.
    leads("input_token_details", OPENAI_INPUT),
    leads("completion_tokens_details", OPENAI_OUTPUT),
    leads("output_tokens_details", OPENAI_OUTPUT),
    leads("output_token_details", OPENAI_OUTPUT),
];

const OPENAI_INPUT: &[AnswerKey] = &[
    figure("cached_tokens", Figure::CacheRead),
    figure("cache_write_tokens", Figure::CacheWrite),
    figure("audio_tokens", Figure::AudioInput),
    figure("image_tokens", Figure::ImageInput),
];

const OPENAI_OUTPUT: &[AnswerKey] = &[
    figure("reasoning_tokens", Figure::Reasoning),
    figure("audio_tokens", Figure::AudioOutput),
    figure("image_tokens", Figure::ImageOutput),
];

/// `message_start` has the input and a first count of the output, `message_delta` the counts from the beginning
/// (<https://docs.claude.com/en/api/messages-streaming>).
static ANTHROPIC: Statement = Statement {
    keys: &[
        key("model", Holds::Model),
        leads("usage", ANTHROPIC_USAGE),
        key("stop_reason", Holds::Reason),
        leads("message", &[key("model", Holds::Model), leads("usage", ANTHROPIC_USAGE)]),
        leads("delta", &[key("stop_reason", Holds::Reason)]),
    ],
    marks: &["\"usage\"", "\"stop_reason\""],
    settled: Settled::ByReason,
};

const ANTHROPIC_USAGE: &[AnswerKey] = &[
    figure("input_tokens", Figure::FreshInput),
    figure("cache_read_input_tokens", Figure::CacheRead),
    figure("cache_creation_input_tokens", Figure::CacheWrite),
    figure("output_tokens", Figure::Output),
    leads("output_tokens_details", &[figure("thinking_tokens", Figure::Reasoning)]),
    // Where the conversation was compacted on the way (<https://docs.claude.com/en/docs/build-with-claude/compaction>).
    AnswerKey { name: "iterations", holds: Holds::Runs, below: ANTHROPIC_RUN },
];

const ANTHROPIC_RUN: &[AnswerKey] = &[
    key("input_tokens", Holds::OfRun(Figure::FreshInput)),
    key("cache_read_input_tokens", Holds::OfRun(Figure::CacheRead)),
    key("cache_creation_input_tokens", Holds::OfRun(Figure::CacheWrite)),
    key("output_tokens", Holds::OfRun(Figure::Output)),
];

/// Each part of a stream, an event or the element of a list, counts from the beginning
/// (<https://ai.google.dev/api/generate-content#UsageMetadata>).
static GEMINI: Statement = Statement {
    keys: &[
        key("modelVersion", Holds::Model),
        leads("usageMetadata", GEMINI_USAGE),
        leads("candidates", &[key("finishReason", Holds::Reason)]),
        leads("promptFeedback", &[key("blockReason", Holds::Reason)]),
    ],
    marks: &[],
    settled: Settled::ByReason,
};

const GEMINI_USAGE: &[AnswerKey] = &[
    figure("promptTokenCount", Figure::Input),
    figure("toolUsePromptTokenCount", Figure::ToolInput),
    figure("cachedContentTokenCount", Figure::CacheRead),
    figure("candidatesTokenCount", Figure::PlainOutput),
    figure("thoughtsTokenCount", Figure::Reasoning),
    figure("totalTokenCount", Figure::Total),
    AnswerKey {
        name: "promptTokensDetails",
        holds: Holds::Medium { audio: Figure::AudioInput, image: Figure::ImageInput },
        below: GEMINI_MEDIUM,
    },
    AnswerKey {
        name: "candidatesTokensDetails",
        holds: Holds::Medium { audio: Figure::AudioOutput, image: Figure::ImageOutput },
        below: GEMINI_MEDIUM,
    },
];

const GEMINI_MEDIUM: &[AnswerKey] =
    &[key("modality", Holds::MediumName), key("tokenCount", Holds::MediumCount)];

/// Converse has `usage`, in a stream in its last event; invoke has what the model's maker has, in a stream in
/// `bytes`, and in the last event what Bedrock itself has counted
/// (<https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html>).
static BEDROCK: Statement = Statement { keys: BEDROCK_ANSWER, marks: &[], settled: Settled::ByReason };

const BEDROCK_ANSWER: &[AnswerKey] = &[
    key("bytes", Holds::Sealed(INVOKED)),
    leads("usage", BEDROCK_USAGE),
    key("stopReason", Holds::Reason),
    key("model", Holds::Model),
    key("stop_reason", Holds::Reason),
    key("inputTextTokenCount", Holds::Figure(Figure::FreshInput)),
    leads("results", TITAN_RESULT),
    figure("prompt_token_count", Figure::FreshInput),
    figure("generation_token_count", Figure::Output),
    key("finish_reason", Holds::Reason),
    leads("choices", &[key("finish_reason", Holds::Reason)]),
    leads("outputs", &[key("stop_reason", Holds::Reason)]),
];

/// The makers' own: Anthropic, Nova, Titan, Llama, and those who speak OpenAI's dialect.
const INVOKED: &[AnswerKey] = &[
    leads("usage", BEDROCK_USAGE),
    key("model", Holds::Model),
    leads("message", &[key("model", Holds::Model), leads("usage", BEDROCK_USAGE)]),
    leads("delta", &[key("stop_reason", Holds::Reason)]),
    key("stop_reason", Holds::Reason),
    leads("metadata", &[leads("usage", BEDROCK_USAGE)]),
    leads("messageStop", &[key("stopReason", Holds::Reason)]),
    figure("inputTextTokenCount", Figure::FreshInput),
    figure("totalOutputTextTokenCount", Figure::Output),
    key("completionReason", Holds::Reason),
    figure("prompt_token_count", Figure::FreshInput),
    figure("generation_token_count", Figure::Output),
    key("finish_reason", Holds::Reason),
    leads("choices", &[key("finish_reason", Holds::Reason)]),
    leads("outputs", &[key("stop_reason", Holds::Reason)]),
    AnswerKey { name: "amazon-bedrock-invocationMetrics", holds: Holds::Last, below: BEDROCK_METRICS },
];

const TITAN_RESULT: &[AnswerKey] =
    &[figure("tokenCount", Figure::Output), key("completionReason", Holds::Reason)];

const BEDROCK_USAGE: &[AnswerKey] = &[
    // Bedrock and Nova.
    figure("inputTokens", Figure::FreshInput),
    figure("outputTokens", Figure::Output),
    figure("totalTokens", Figure::Total),
    figure("cacheReadInputTokens", Figure::CacheRead),
    figure("cacheWriteInputTokens", Figure::CacheWrite),
    figure("cacheReadInputTokenCount", Figure::CacheRead),
    figure("cacheWriteInputTokenCount", Figure::CacheWrite),
    // Anthropic.
    figure("input_tokens", Figure::FreshInput),
    figure("output_tokens", Figure::Output),
    figure("cache_read_input_tokens", Figure::CacheRead),
    figure("cache_creation_input_tokens", Figure::CacheWrite),
    leads("output_tokens_details", &[figure("thinking_tokens", Figure::Reasoning)]),
    AnswerKey { name: "iterations", holds: Holds::Runs, below: ANTHROPIC_RUN },
    // OpenAI's dialect.
    figure("prompt_tokens", Figure::Input),
    figure("completion_tokens", Figure::Output),
    figure("total_tokens", Figure::Total),
    leads("prompt_tokens_details", OPENAI_INPUT),
    leads("completion_tokens_details", OPENAI_OUTPUT),
];

const BEDROCK_METRICS: &[AnswerKey] = &[
    figure("inputTokenCount", Figure::FreshInput),
    figure("outputTokenCount", Figure::Output),
    figure("cacheReadInputTokenCount", Figure::CacheRead),
    figure("cacheWriteInputTokenCount", Figure::CacheWrite),
];

/// What Bedrock counted, in the headers of an answer to invoke.
pub const COUNTING_HEADERS: &[(&str, Figure)] = &[
    ("x-amzn-bedrock-input-token-count", Figure::FreshInput),
    ("x-amzn-bedrock-output-token-count", Figure::Output),
    ("x-amzn-bedrock-cache-read-input-token-count", Figure::CacheRead),
    ("x-amzn-bedrock-cache-write-input-token-count", Figure::CacheWrite),
];
