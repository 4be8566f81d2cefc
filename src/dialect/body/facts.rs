//! What the rules may read of a body.

use serde_json::{Map, Value};

/// What the rules may read of a body, beside what the path says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BodyFacts {
    /// The model that will answer: from the path where the path names one, else from the body. On Azure's
    /// deployment paths it is the deployment. Without Gemini's `models/`.
    pub model: Option<String>,
    /// Whether the answer is a stream, from the path where the path says so.
    pub stream: Option<bool>,
    /// The largest of the limits the body sets on model tokens, in the dialect's own keys.
    pub max_tokens: Option<u64>,
    /// True where the body names something kept under the provider's account, or asks to keep something.
    /// The default of OpenAI's responses, which are kept unless `store` is `false`, does not count: what it
    /// leaves can be read only by operations that are stateful themselves.
    pub is_stateful: bool,
    /// True where what makes it stateful is an earlier turn of the conversation, which the body could bring itself.
    pub names_earlier_turns: bool,
    /// True where a model that is not `model` may answer too: a stored prompt, a tool or a fallback with a
    /// model of its own, a batch.
    pub model_elsewhere: bool,
    /// True where the body asks for work that goes on after the answer, which does not tell its cost then.
    pub is_done_later: bool,
    /// How much text a JSON body has, in bytes; a picture, sound or document in base64 is none.
    pub text_bytes: u64,
    /// How long the body was as it came, in bytes; `None` where it was decided on by its beginning.
    pub size: Option<u64>,
    /// What is wanted of what a JSON body asks for, by the name of each [`Feature`](super::Feature); without what it does not say.
    pub features: Map<String, Value>,
    /// The members of a JSON body that are wanted themselves; `None` where it is none.
    pub members: Option<Map<String, Value>>,
    /// The characters of the text that is to be spoken.
    pub input_characters: Option<u64>,
}
