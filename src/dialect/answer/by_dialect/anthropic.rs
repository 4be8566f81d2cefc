//! Where Anthropic's answers state their cost.

use crate::dialect::answer::answer_key::{AnswerKey, Holds, document, figure, key, leads, object, text};
use crate::dialect::answer::figures::Figure;
use crate::dialect::answer::statement::{FinalBy, Statement};

/// `message_start` has the input and a first count of the output, `message_delta` the counts from the beginning
/// (<https://docs.claude.com/en/api/messages-streaming>).
pub(super) static ANTHROPIC: Statement = Statement {
    document: document(ANSWER),
    event: document(ANSWER),
    marks: &["\"usage\"", "\"stop_reason\""],
    texts: &["\"text\"", "\"partial_json\"", "\"thinking\"", "\"completion\""],
    final_by: FinalBy::FinishReason,
};

const ANSWER: &[AnswerKey] = &[
    key("model", Holds::Model),
    leads("usage", USAGE),
    key("stop_reason", Holds::Reason),
    leads("message", &[key("model", Holds::Model), leads("usage", FIRST_USAGE)]),
    leads("delta", DELTA),
    leads("content", &[text("text"), text("thinking")]),
    // Of the older completions.
    text("completion"),
];

pub(super) const DELTA: &[AnswerKey] =
    &[key("stop_reason", Holds::Reason), text("text"), text("thinking"), text("partial_json")];

/// Of `message_start`, whose output a later count replaces, be it 0.
pub(super) const FIRST_USAGE: &[AnswerKey] = &[
    figure("input_tokens", Figure::FreshInput),
    figure("cache_read_input_tokens", Figure::CacheRead),
    figure("cache_creation_input_tokens", Figure::CacheWrite),
    CACHE_CREATION,
    figure("output_tokens", Figure::FirstOutput),
    SERVER_TOOLS,
    key("service_tier", Holds::Tier),
    key("speed", Holds::Speed),
    key("inference_geo", Holds::Geo),
    ITERATIONS,
];

const USAGE: &[AnswerKey] = &[
    figure("input_tokens", Figure::FreshInput),
    figure("cache_read_input_tokens", Figure::CacheRead),
    figure("cache_creation_input_tokens", Figure::CacheWrite),
    CACHE_CREATION,
    figure("output_tokens", Figure::Output),
    OUTPUT_DETAILS,
    // A fetch and the execution of code are not charged by the call.
    SERVER_TOOLS,
    key("service_tier", Holds::Tier),
    key("speed", Holds::Speed),
    key("inference_geo", Holds::Geo),
    ITERATIONS,
];

pub(super) const OUTPUT_DETAILS: AnswerKey =
    leads("output_tokens_details", &[figure("thinking_tokens", Figure::Reasoning)]);

pub(super) const SERVER_TOOLS: AnswerKey =
    leads("server_tool_use", &[figure("web_search_requests", Figure::WebSearch)]);

/// <https://docs.claude.com/en/docs/build-with-claude/prompt-caching>
pub(super) const CACHE_CREATION: AnswerKey = leads(
    "cache_creation",
    &[
        figure("ephemeral_5m_input_tokens", Figure::CacheWriteFiveMinutes),
        figure("ephemeral_1h_input_tokens", Figure::CacheWriteHour),
    ],
);

/// Where the conversation was compacted on the way, or another model advised or stepped in
/// (<https://docs.claude.com/en/docs/build-with-claude/compaction>, `/agents-and-tools/tool-use/advisor-tool`).
pub(super) const ITERATIONS: AnswerKey = object(
    "iterations",
    Holds::Runs,
    &[
        key("model", Holds::Model),
        figure("input_tokens", Figure::FreshInput),
        figure("cache_read_input_tokens", Figure::CacheRead),
        figure("cache_creation_input_tokens", Figure::CacheWrite),
        CACHE_CREATION,
        figure("output_tokens", Figure::Output),
    ],
);
