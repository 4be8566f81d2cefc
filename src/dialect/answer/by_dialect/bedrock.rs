//! Where Bedrock's answers state their cost, and those of the makers of its models.

use super::{anthropic, openai};
use crate::dialect::answer::answer_key::{AnswerKey, Holds, document, figure, key, leads, object, text};
use crate::dialect::answer::figures::Figure;
use crate::dialect::answer::statement::{FinalBy, Statement};

/// Converse has `usage`, in a stream in its last event; invoke has what the model's maker has, in a stream in
/// `bytes`, and in the last event what Bedrock itself has counted
/// (<https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html>).
pub(super) static BEDROCK: Statement = Statement {
    document: document(ANSWER),
    event: document(ANSWER),
    marks: &[],
    texts: &[],
    final_by: FinalBy::FinishReason,
};

const ANSWER: &[AnswerKey] = &[
    key("bytes", Holds::Sealed(&INVOKED)),
    leads("usage", USAGE),
    leads("delta", CONVERSE_DELTA),
    leads("serviceTier", &[key("type", Holds::Tier)]),
    leads("performanceConfig", &[key("latency", Holds::Speed)]),
    key("stopReason", Holds::Reason),
    key("model", Holds::Model),
    key("stop_reason", Holds::Reason),
    key("inputTextTokenCount", Holds::Figure(Figure::FreshInput)),
    leads("results", TITAN_RESULT),
    figure("prompt_token_count", Figure::FreshInput),
    figure("generation_token_count", Figure::Output),
    key("finish_reason", Holds::Reason),
    leads("choices", openai::CHOICE),
    leads("outputs", &[key("stop_reason", Holds::Reason), text("text")]),
    // Pictures, as base64.
    key("images", Holds::Each(Figure::Images)),
    leads("artifacts", &[key("base64", Holds::Each(Figure::Images))]),
];

const CONVERSE_DELTA: &[AnswerKey] =
    &[text("text"), leads("reasoningContent", &[text("text")]), leads("toolUse", &[text("input")])];

/// The makers' own: Anthropic, Nova, Titan, Llama, and those who speak OpenAI's dialect.
const INVOKED: AnswerKey = document(&[
    leads("usage", USAGE),
    key("model", Holds::Model),
    leads("message", &[key("model", Holds::Model), leads("usage", anthropic::FIRST_USAGE)]),
    leads("delta", anthropic::DELTA),
    leads("contentBlockDelta", &[leads("delta", CONVERSE_DELTA)]),
    text("outputText"),
    text("generation"),
    key("stop_reason", Holds::Reason),
    leads("metadata", &[leads("usage", USAGE)]),
    leads("messageStop", &[key("stopReason", Holds::Reason)]),
    figure("inputTextTokenCount", Figure::FreshInput),
    figure("totalOutputTextTokenCount", Figure::Output),
    key("completionReason", Holds::Reason),
    figure("prompt_token_count", Figure::FreshInput),
    figure("generation_token_count", Figure::Output),
    key("finish_reason", Holds::Reason),
    leads("choices", openai::CHOICE),
    leads("outputs", &[key("stop_reason", Holds::Reason), text("text")]),
    object("amazon-bedrock-invocationMetrics", Holds::Last, METRICS),
]);

const TITAN_RESULT: &[AnswerKey] =
    &[figure("tokenCount", Figure::Output), key("completionReason", Holds::Reason)];

const USAGE: &[AnswerKey] = &[
    // Bedrock and Nova.
    figure("inputTokens", Figure::FreshInput),
    figure("outputTokens", Figure::Output),
    figure("totalTokens", Figure::Total),
    figure("cacheReadInputTokens", Figure::CacheRead),
    figure("cacheWriteInputTokens", Figure::CacheWrite),
    figure("cacheReadInputTokenCount", Figure::CacheRead),
    figure("cacheWriteInputTokenCount", Figure::CacheWrite),
    CACHE_DETAILS,
    // Anthropic.
    figure("input_tokens", Figure::FreshInput),
    figure("output_tokens", Figure::Output),
    figure("cache_read_input_tokens", Figure::CacheRead),
    figure("cache_creation_input_tokens", Figure::CacheWrite),
    anthropic::CACHE_CREATION,
    anthropic::OUTPUT_DETAILS,
    anthropic::SERVER_TOOLS,
    anthropic::ITERATIONS,
    // OpenAI's dialect.
    figure("prompt_tokens", Figure::Input),
    figure("completion_tokens", Figure::Output),
    figure("total_tokens", Figure::Total),
    openai::PROMPT_DETAILS,
    openai::COMPLETION_DETAILS,
];

/// What was written to a cache, by lifetime.
const CACHE_DETAILS: AnswerKey = object(
    "cacheDetails",
    Holds::Shares(&[("5m", Figure::CacheWriteFiveMinutes), ("1h", Figure::CacheWriteHour)]),
    &[key("ttl", Holds::ShareName), key("inputTokens", Holds::ShareCount)],
);

const METRICS: &[AnswerKey] = &[
    figure("inputTokenCount", Figure::FreshInput),
    figure("outputTokenCount", Figure::Output),
    figure("cacheReadInputTokenCount", Figure::CacheRead),
    figure("cacheWriteInputTokenCount", Figure::CacheWrite),
    CACHE_DETAILS,
];

/// What Bedrock counted, in the headers of an answer to invoke.
pub const COUNTING_HEADERS: &[(&str, Figure)] = &[
    ("x-amzn-bedrock-input-token-count", Figure::FreshInput),
    ("x-amzn-bedrock-output-token-count", Figure::Output),
    ("x-amzn-bedrock-cache-read-input-token-count", Figure::CacheRead),
    ("x-amzn-bedrock-cache-write-input-token-count", Figure::CacheWrite),
];

/// How it was served, in the headers of an answer to invoke, and of one of Gemini's.
pub const TIER_HEADERS: &[(&str, Holds)] = &[
    ("x-amzn-bedrock-service-tier", Holds::Tier),
    ("x-amzn-bedrock-performanceconfig-latency", Holds::Speed),
    ("x-gemini-service-tier", Holds::Tier),
];
