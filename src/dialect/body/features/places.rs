//! Where in a body each dialect has what a request asks for.
//!
//! A place is a path of keys, written with dots. Gemini's keys are found in both spellings, as protobuf's JSON mapping has them.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::feature::Feature;
use crate::denial::Denial;
use crate::dialect::body::refusal::ambiguous;
use crate::dialect::case_folding::is_alike;
use crate::request::Wire;

/// A value and the place that it was found at.
pub(super) type Found<'a> = (&'static str, &'a Value);

/// The places of one feature by the wire.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places {
    openai: &'static [&'static str],
    anthropic: &'static [&'static str],
    gemini: &'static [&'static str],
    bedrock: &'static [&'static str],
}

impl Places {
    /// Those of this feature; `None` where it may stand anywhere.
    pub(super) fn of(feature: Feature) -> Option<Self> {
        Some(match feature {
            Feature::Messages => Self {
                openai: &["messages", "input"],
                anthropic: &["messages"],
                gemini: &["contents", "input"],
                bedrock: &["messages"],
            },
            Feature::N => Self {
                openai: &["n"],
                anthropic: &[],
                gemini: &["generationConfig.candidateCount", "parameters.sampleCount"],
                bedrock: &[
                    "imageGenerationConfig.numberOfImages",
                    "additionalModelRequestFields.n",
                    "n",
                    "num_generations",
                ],
            },
            // The first of Bedrock are Converse's, the others those of the models that invoke hands the body to.
            Feature::Tools => Self {
                openai: &["tools", "functions", "input"],
                anthropic: &["tools", "mcp_servers"],
                gemini: &["tools"],
                bedrock: &[
                    "toolConfig.tools",
                    "additionalModelRequestFields.tools",
                    "tools",
                    "functions",
                    "mcp_servers",
                ],
            },
            Feature::WebSearch => Self {
                openai: &["tools", "functions", "input", "web_search_options"],
                anthropic: &["tools"],
                gemini: &["tools"],
                bedrock: &[
                    "toolConfig.tools",
                    "additionalModelRequestFields.tools",
                    "tools",
                    "web_search_options",
                ],
            },
            Feature::ToolChoice => Self {
                openai: &["tool_choice", "function_call"],
                anthropic: &["tool_choice"],
                gemini: &["toolConfig.functionCallingConfig", "tool_choice", "generationConfig.toolChoice"],
                bedrock: &[
                    "toolConfig.toolChoice",
                    "additionalModelRequestFields.tool_choice",
                    "tool_choice",
                ],
            },
            Feature::ServiceTier => Self {
                openai: &["service_tier"],
                anthropic: &["service_tier"],
                gemini: &["serviceTier"],
                bedrock: &["serviceTier.type", "service_tier"],
            },
            Feature::ReasoningEffort => Self {
                openai: &[
                    "reasoning_effort",
                    "reasoning.effort",
                    "extra_body.google.thinking_config.thinking_level",
                ],
                anthropic: &["output_config.effort"],
                gemini: &["generationConfig.thinkingConfig.thinkingLevel", "generationConfig.thinkingLevel"],
                bedrock: &[
                    "additionalModelRequestFields.reasoning_effort",
                    "additionalModelRequestFields.output_config.effort",
                    "additionalModelRequestFields.reasoningConfig.maxReasoningEffort",
                    "reasoning_effort",
                    "reasoning.effort",
                    "output_config.effort",
                    "reasoningConfig.maxReasoningEffort",
                ],
            },
            Feature::ResponseFormat => Self {
                openai: &["response_format.type", "text.format.type"],
                anthropic: &["output_config.format.type", "output_format.type"],
                gemini: &["generationConfig.responseMimeType"],
                bedrock: &[
                    "outputConfig.textFormat.type",
                    "additionalModelRequestFields.output_config.format.type",
                    "response_format.type",
                    "output_config.format.type",
                ],
            },
            Feature::Temperature => Self {
                openai: &["temperature"],
                anthropic: &["temperature"],
                gemini: &["generationConfig.temperature", "parameters.temperature"],
                bedrock: &[
                    "inferenceConfig.temperature",
                    "additionalModelRequestFields.temperature",
                    "textGenerationConfig.temperature",
                    "temperature",
                ],
            },
            Feature::User => Self {
                openai: &["user", "safety_identifier"],
                anthropic: &["metadata.user_id"],
                gemini: &[],
                bedrock: &[
                    "metadata.user_id",
                    "additionalModelRequestFields.metadata.user_id",
                    "user",
                    "safety_identifier",
                ],
            },
            Feature::Images | Feature::Modalities => return None,
        })
    }

    fn at(self, wire: Wire) -> &'static [&'static str] {
        match wire {
            Wire::Openai | Wire::Azure => self.openai,
            Wire::Anthropic => self.anthropic,
            Wire::Gemini => self.gemini,
            Wire::Bedrock => self.bedrock,
        }
    }

    /// The members of the body that these are in.
    pub(super) fn members(self, wire: Wire) -> impl Iterator<Item = String> {
        let first = |place: &'static str| place.split('.').next().unwrap_or(place);
        let schema = self.at(wire).iter().copied().map(first);
        schema.flat_map(move |name| spellings(wire, name)).map(Cow::into_owned)
    }

    /// What the body has there, but for `null`, which is the same as nothing.
    pub(super) fn values<'a>(
        self,
        wire: Wire,
        body: &'a Map<String, Value>,
    ) -> Result<Vec<Found<'a>>, Denial> {
        let found =
            self.at(wire).iter().map(|place| Ok(value_at(place, wire, body)?.map(|value| (*place, value))));
        found.filter_map(Result::transpose).collect()
    }
}

/// The value at a path of keys.
fn value_at<'a>(
    place: &'static str,
    wire: Wire,
    body: &'a Map<String, Value>,
) -> Result<Option<&'a Value>, Denial> {
    let (mut object, mut found) = (Some(body), None);
    for key in place.split('.') {
        let Some(around) = object else { return Ok(None) };
        found = member(around, wire, key)?;
        object = found.and_then(Value::as_object);
    }
    Ok(found)
}

/// A member that every reader finds, or none does.
pub(super) fn member<'a>(
    object: &'a Map<String, Value>,
    wire: Wire,
    key: &'static str,
) -> Result<Option<&'a Value>, Denial> {
    let spellings: Vec<_> = spellings(wire, key).collect();
    let mut found = None;
    for (name, value) in object {
        if spellings.iter().any(|known| known == name) {
            if found.replace(value).is_some() {
                return Err(ambiguous(format!("`{key}` is there in two spellings")));
            }
        } else if spellings.iter().any(|known| is_alike(known, name)) {
            return Err(ambiguous(format!("a key differs from `{key}` only by case")));
        }
    }
    Ok(found.filter(|value| !value.is_null()))
}

/// How a key may be written: at Gemini also with underscores.
fn spellings(wire: Wire, key: &'static str) -> impl Iterator<Item = Cow<'static, str>> {
    let is_camel = wire == Wire::Gemini && key.bytes().any(|byte| byte.is_ascii_uppercase());
    std::iter::once(Cow::Borrowed(key)).chain(is_camel.then(|| Cow::Owned(snake_case(key))))
}

/// `googleSearch` as `google_search`.
pub(super) fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len());
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// True where a schema says what the JSON of the answer is to be.
pub(super) fn gemini_schema(wire: Wire, body: &Map<String, Value>) -> Result<bool, Denial> {
    const SCHEMAS: [&str; 3] = [
        "generationConfig.responseSchema",
        "generationConfig.responseJsonSchema",
        "generationConfig._responseJsonSchema",
    ];
    if wire != Wire::Gemini {
        return Ok(false);
    }
    let found = SCHEMAS.into_iter().map(|place| value_at(place, wire, body));
    found.map(|value| value.map(|value| value.is_some())).try_fold(false, |any, one| Ok(any | one?))
}

pub(super) fn double(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok()).filter(|number| number.is_finite())
}
