//! Where OpenAI's answers state their cost, with the accents of those who speak its dialect.

use crate::dialect::answer::answer_key::{AnswerKey, Holds, document, figure, key, leads, object, text};
use crate::dialect::answer::figures::Figure;
use crate::dialect::answer::statement::{FinalBy, Statement};

/// Chat, completions, embeddings, images and audio state it at the top, in a stream by their last event; a response's
/// events hold the response (<https://platform.openai.com/docs/api-reference/chat/object>, `/responses-streaming`,
/// `/images/object`, `/audio/json-object`).
pub(super) static OPENAI: Statement = Statement {
    document: document(&[
        key("model", Holds::Model),
        key("service_tier", Holds::Tier),
        leads("usage", USAGE),
        leads("choices", CHOICE),
        leads("response", RESPONSE),
        OUTPUT,
        leads("tool_usage", TOOL_USAGE),
        leads("x_groq", GROQ),
        leads("meta", BILLED),
        DELTA,
        // Pictures, which some models charge by the piece.
        leads(
            "data",
            &[key("b64_json", Holds::Each(Figure::Images)), key("url", Holds::Each(Figure::Images))],
        ),
        // A transcription's, with its words.
        key("duration", Holds::Seconds),
        // Ollama, whose streams are documents in lines.
        figure("prompt_eval_count", Figure::Input),
        figure("eval_count", Figure::Output),
        key("done_reason", Holds::Reason),
        // Mistral's reading of documents.
        leads("usage_info", &[figure("pages_processed", Figure::Page)]),
    ]),
    event: document(&[
        key("model", Holds::Model),
        key("service_tier", Holds::Tier),
        leads("usage", USAGE),
        leads("choices", CHOICE),
        leads("response", RESPONSE),
        OUTPUT,
        leads("tool_usage", TOOL_USAGE),
        leads("x_groq", GROQ),
        leads("meta", BILLED),
        DELTA,
    ]),
    marks: &["usage\"", "\"finish_reason\"", "\"meta\""],
    texts: &[
        "\"content\"",
        "\"text\"",
        "\"arguments\"",
        "\"reasoning_content\"",
        "\"reasoning\"",
        "\"delta\"",
    ],
    final_by: FinalBy::Figures,
};

/// The events that tell a text once more, as a whole, count for nothing.
pub(super) static RESPONSES: Statement = Statement {
    document: document(RESPONSES_ANSWER),
    event: document(RESPONSES_ANSWER),
    marks: &["usage\"", "\"meta\""],
    texts: &["\"delta\""],
    final_by: FinalBy::Figures,
};

const RESPONSES_ANSWER: &[AnswerKey] = &[
    key("model", Holds::Model),
    key("service_tier", Holds::Tier),
    leads("usage", USAGE),
    leads("response", RESPONSE),
    OUTPUT,
    leads("tool_usage", TOOL_USAGE),
    text("delta"),
];

const GROQ: &[AnswerKey] = &[leads("usage", USAGE)];

pub(super) const CHOICE: &[AnswerKey] = &[
    key("finish_reason", Holds::Reason),
    leads("usage", USAGE),
    text("text"),
    leads("delta", MESSAGE),
    leads("message", MESSAGE),
];

const MESSAGE: &[AnswerKey] = &[
    text("content"),
    text("reasoning_content"),
    text("reasoning"),
    text("refusal"),
    leads("tool_calls", &[leads("function", &[text("arguments")])]),
];

/// Of a transcription a text; of Cohere an object.
const DELTA: AnswerKey = object(
    "delta",
    Holds::Text,
    &[
        leads("usage", USAGE),
        key("finish_reason", Holds::Reason),
        leads("message", &[leads("content", &[text("text")])]),
    ],
);

const RESPONSE: &[AnswerKey] = &[
    key("model", Holds::Model),
    key("service_tier", Holds::Tier),
    leads("usage", USAGE),
    OUTPUT,
    leads("tool_usage", TOOL_USAGE),
    leads("meta", BILLED),
];

pub(super) const USAGE: &[AnswerKey] = &[
    figure("prompt_tokens", Figure::Input),
    figure("input_tokens", Figure::Input),
    figure("completion_tokens", Figure::Output),
    figure("output_tokens", Figure::Output),
    figure("total_tokens", Figure::Total),
    key("seconds", Holds::Seconds),
    leads("prompt_tokens_details", INPUT),
    leads("input_tokens_details", INPUT),
    // Of a transcription.
    leads("input_token_details", INPUT),
    leads("completion_tokens_details", OUTPUT_DETAILS),
    leads("output_tokens_details", OUTPUT_DETAILS),
    leads("output_token_details", OUTPUT_DETAILS),
    figure("reasoning_tokens", Figure::Reasoning),
    // Moonshot.
    figure("cached_tokens", Figure::CacheRead),
    // DeepSeek.
    figure("prompt_cache_hit_tokens", Figure::CacheRead),
    figure("prompt_cache_miss_tokens", Figure::FreshInput),
    // Those who answer for Anthropic in this dialect.
    figure("cache_read_input_tokens", Figure::CacheRead),
    figure("cache_creation_input_tokens", Figure::CacheWrite),
    leads("server_tool_use", &[figure("web_search_requests", Figure::WebSearch)]),
    // Mistral.
    key("prompt_audio_seconds", Holds::Seconds),
    leads("connectors", CONNECTORS),
    // xAI.
    leads("server_side_tool_usage_details", TOOL_CALLS),
    // Perplexity.
    figure("num_search_queries", Figure::WebSearch),
    // Cohere.
    leads("billed_units", BILLED_UNITS),
    leads("tokens", TOKENS),
];

const INPUT: &[AnswerKey] = &[
    figure("cached_tokens", Figure::CacheRead),
    figure("cache_write_tokens", Figure::CacheWrite),
    figure("cache_creation_input_tokens", Figure::CacheWrite),
    figure("audio_tokens", Figure::AudioInput),
    figure("image_tokens", Figure::ImageInput),
    leads(
        "cached_tokens_details",
        &[figure("audio_tokens", Figure::CachedAudio), figure("image_tokens", Figure::CachedImage)],
    ),
];

pub(super) const PROMPT_DETAILS: AnswerKey = leads("prompt_tokens_details", INPUT);
pub(super) const COMPLETION_DETAILS: AnswerKey = leads("completion_tokens_details", OUTPUT_DETAILS);

const OUTPUT_DETAILS: &[AnswerKey] = &[
    figure("reasoning_tokens", Figure::Reasoning),
    figure("audio_tokens", Figure::AudioOutput),
    figure("image_tokens", Figure::ImageOutput),
];

/// What a response made: its calls of tools are charged by the piece, of a search those that searched
/// (<https://platform.openai.com/docs/guides/tools-web-search>).
const OUTPUT: AnswerKey = object(
    "output",
    Holds::Item,
    &[
        key("type", Holds::ItemName),
        key("container_id", Holds::ItemPlace),
        leads("action", &[key("type", Holds::ItemAction)]),
    ],
);

const TOOL_USAGE: &[AnswerKey] = &[leads("web_search", &[figure("num_requests", Figure::WebSearch)])];

const CONNECTORS: &[AnswerKey] = &[
    figure("web_search", Figure::WebSearch),
    figure("code_interpreter", Figure::CodeInterpreter),
    figure("image_generation", Figure::ImageGeneration),
];

const TOOL_CALLS: &[AnswerKey] = &[
    figure("web_search_calls", Figure::WebSearch),
    figure("x_search_calls", Figure::XSearch),
    figure("code_interpreter_calls", Figure::CodeInterpreter),
    figure("file_search_calls", Figure::FileSearch),
];

/// <https://docs.cohere.com/reference/chat>: of the tokens, not all are billed.
const BILLED: &[AnswerKey] = &[leads("billed_units", BILLED_UNITS), leads("tokens", TOKENS)];

const BILLED_UNITS: &[AnswerKey] = &[
    figure("input_tokens", Figure::BilledInput),
    figure("output_tokens", Figure::BilledOutput),
    figure("search_units", Figure::SearchUnit),
    // LiteLLM, of a ranking that is another provider's.
    figure("total_tokens", Figure::Total),
];

const TOKENS: &[AnswerKey] =
    &[figure("input_tokens", Figure::Input), figure("output_tokens", Figure::Output)];
