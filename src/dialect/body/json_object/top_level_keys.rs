//! The keys that are read of a JSON body, per dialect, and how a key is told from its look-alikes.

use crate::dialect::case_folding::is_alike;
use crate::request::Wire;

/// A top-level key and what it means; several names are the same key to the provider.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) names: &'static [&'static str],
    pub(super) meaning: Meaning,
}

/// What is read at a key.
#[derive(Clone, Copy, Debug)]
pub(super) enum Meaning {
    /// The model, a string.
    Model,
    /// Whether to stream, a boolean.
    Stream,
    /// A limit on model tokens, an integer.
    MaxTokens,
    /// The same as protobuf's JSON mapping writes integers.
    ProtobufMaxTokens,
    /// An object that holds further keys, under the same rules.
    Object(&'static [Key]),
    /// Names something kept under the provider's account, whatever its shape.
    Refers,
    /// The same, and what it names are earlier turns of the conversation.
    Continues,
    /// Asks to keep something, unless `false`.
    Keeps,
    /// Asks for work that is done later, and so to keep what comes of it, unless `false`.
    Defers,
    /// A stored prompt where it is an object; a text otherwise.
    StoredPrompt,
    /// Models that may answer instead.
    FurtherModels,
    /// Tools, which may have a model of their own.
    Tools,
    /// OpenAI's input items, which may refer to stored ones.
    Items,
    /// Looked through like an unread key, though its name means something else further down.
    Plain,
}

const fn key(names: &'static [&'static str], meaning: Meaning) -> Key {
    Key { names, meaning }
}

/// The keys of bodies in these words.
pub(super) fn keys(wire: Wire) -> &'static [Key] {
    match wire {
        Wire::Openai | Wire::Azure => OPENAI,
        Wire::Anthropic => ANTHROPIC,
        Wire::Gemini => GEMINI,
        Wire::Bedrock => BEDROCK,
    }
}

/// `models`, `fallbacks` and `deferred` are no keys of OpenAI's but of others that speak its dialect; `data_sources` is
/// Azure's, and read with the account's own identity.
const OPENAI: &[Key] = &[
    key(&["model"], Meaning::Model),
    key(&["stream"], Meaning::Stream),
    key(&["stream_options"], Meaning::Object(STREAM_OPTIONS)),
    key(&["max_tokens"], Meaning::MaxTokens),
    key(&["max_completion_tokens"], Meaning::MaxTokens),
    key(&["max_output_tokens"], Meaning::MaxTokens),
    key(&["previous_response_id"], Meaning::Continues),
    key(&["conversation"], Meaning::Continues),
    key(&["data_sources", "dataSources"], Meaning::Refers),
    key(&["store"], Meaning::Keeps),
    key(&["background"], Meaning::Defers),
    key(&["deferred"], Meaning::Defers),
    key(&["prompt"], Meaning::StoredPrompt),
    key(&["models"], Meaning::FurtherModels),
    key(&["fallbacks"], Meaning::FurtherModels),
    key(&["tools"], Meaning::Tools),
    key(&["input"], Meaning::Items),
    key(&["include"], Meaning::Plain),
];

/// Whether a stream tells its usage; the gateway asks for it in place of callers who do not.
const STREAM_OPTIONS: &[Key] = &[key(&["include_usage"], Meaning::Plain)];

/// `container` keeps or takes up a sandbox with its files.
const ANTHROPIC: &[Key] = &[
    key(&["model"], Meaning::Model),
    key(&["stream"], Meaning::Stream),
    key(&["max_tokens"], Meaning::MaxTokens),
    key(&["max_tokens_to_sample"], Meaning::MaxTokens),
    key(&["container"], Meaning::Refers),
    key(&["models"], Meaning::FurtherModels),
    key(&["fallbacks"], Meaning::FurtherModels),
    key(&["tools"], Meaning::Tools),
    key(&["input"], Meaning::Plain),
];

/// Protobuf's JSON mapping takes a field by its camel-case and by its original name. The last ones are of interactions.
const GEMINI: &[Key] = &[
    key(&["model"], Meaning::Model),
    key(&["generationConfig", "generation_config"], Meaning::Object(GEMINI_CONFIG)),
    key(&["cachedContent", "cached_content"], Meaning::Refers),
    key(&["stream"], Meaning::Stream),
    key(&["store"], Meaning::Keeps),
    key(&["background"], Meaning::Keeps),
    key(&["previousInteractionId", "previous_interaction_id"], Meaning::Refers),
    key(&["environment"], Meaning::Refers),
    key(&["environmentId", "environment_id"], Meaning::Refers),
    // It has a model of its own.
    key(&["agent"], Meaning::FurtherModels),
    // Of a prediction, which may say where to put the answer; further down it is a function's schema.
    key(&["parameters"], Meaning::Object(&[])),
];

const GEMINI_CONFIG: &[Key] = &[key(&["maxOutputTokens", "max_output_tokens"], Meaning::ProtobufMaxTokens)];

/// Converse has `inferenceConfig`; invoke takes each model family's own keys: Anthropic, Mistral and Cohere
/// `max_tokens`, OpenAI `max_completion_tokens`, AI21 `maxTokens`, Llama `max_gen_len`, Titan and Nova an
/// object.
const BEDROCK: &[Key] = &[
    key(&["model", "modelId"], Meaning::Model),
    key(&["max_tokens"], Meaning::MaxTokens),
    key(&["max_completion_tokens"], Meaning::MaxTokens),
    key(&["maxTokens"], Meaning::MaxTokens),
    key(&["max_gen_len"], Meaning::MaxTokens),
    key(&["inferenceConfig"], Meaning::Object(BEDROCK_CONFIG)),
    key(&["textGenerationConfig"], Meaning::Object(TITAN_CONFIG)),
    key(&["additionalModelRequestFields"], Meaning::Object(BEDROCK_OWN_FIELDS)),
    key(&["tools"], Meaning::Tools),
    key(&["input"], Meaning::Plain),
];

/// Converse hands these to the model as they are.
const BEDROCK_OWN_FIELDS: &[Key] = &[
    key(&["max_tokens"], Meaning::MaxTokens),
    key(&["max_completion_tokens"], Meaning::MaxTokens),
    key(&["maxTokens"], Meaning::MaxTokens),
    key(&["max_gen_len"], Meaning::MaxTokens),
];

const BEDROCK_CONFIG: &[Key] = &[
    key(&["maxTokens"], Meaning::MaxTokens),
    key(&["max_new_tokens"], Meaning::MaxTokens),
    key(&["maxNewTokens"], Meaning::MaxTokens),
];

const TITAN_CONFIG: &[Key] = &[key(&["maxTokenCount"], Meaning::MaxTokens)];

/// How a name relates to the read keys.
pub(super) enum KeyMatch {
    /// It is the key at this position.
    Known(usize, Meaning),
    /// It differs from a read key only by case, so a reader that ignores case takes it for the key.
    CaseVariant,
    Unknown,
}

pub(super) fn find_key(keys: &[Key], name: &str) -> KeyMatch {
    let same = |(position, key): (usize, &Key)| {
        key.names.contains(&name).then_some(KeyMatch::Known(position, key.meaning))
    };
    if let Some(found) = keys.iter().enumerate().find_map(same) {
        return found;
    }
    let variant = |known: &&'static str| is_alike(known, name);
    match keys.iter().flat_map(|key| key.names).any(variant) {
        true => KeyMatch::CaseVariant,
        false => KeyMatch::Unknown,
    }
}
