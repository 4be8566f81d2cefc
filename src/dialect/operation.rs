//! What is asked of a provider, and what is known of it before its body has come.

mod place;
pub(super) mod profile;

use std::borrow::Cow;

use crate::config::UsageForm;
use crate::request::{Dialect, Wire};

pub use place::Place;
pub use profile::{BodyForm, ModelPlace};
use profile::{Metering, Profile, State, Streaming};

/// What is asked of a provider, recognised from method and path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    pub(super) dialect: Dialect,
    pub(super) wire: Wire,
    pub(super) name: Cow<'static, str>,
    pub(super) profile: Profile,
    pub(super) path_model: Option<String>,
    /// Boxed, because only Vertex's paths name one.
    pub(super) place: Option<Box<Place>>,
    /// Whose words the answer uses to tell its cost, where the operator says.
    pub(super) usage: Option<UsageForm>,
}

impl Operation {
    /// Every name an operation of the tables can have; OpenTelemetry's `gen_ai.operation.name` where it
    /// has a value (`chat`, `text_completion`, `embeddings`, `generate_content`).
    pub const NAMES: &[&str] = &[
        "agents",
        "assistants",
        "audio.speech",
        "audio.transcriptions",
        "audio.translations",
        "batches",
        "cached_contents",
        "chat",
        "chatkit",
        "containers",
        "conversations",
        "count_tokens",
        "decisions",
        "deployments",
        "dreams",
        "embeddings",
        "environments",
        "evals",
        "file_search_stores",
        "files",
        "fine_tuning",
        "generate_content",
        "guardrails",
        "images",
        "interactions",
        "invoke_model",
        "live",
        "memory_stores",
        "models",
        "moderations",
        "ocr",
        "predict",
        "realtime",
        "rerank",
        "responses",
        "sessions",
        "skills",
        "text_completion",
        "threads",
        "triggers",
        "uploads",
        "user_profiles",
        "vaults",
        "vector_stores",
        "videos",
        "voices",
    ];

    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// One of `Operation::NAMES`, or the operator's name of an extra operation.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// True where the operation reads or leaves something under the provider's account. A body can make
    /// a stateless operation stateful: see `BodyFacts::is_stateful`.
    pub fn is_stateful(&self) -> bool {
        self.profile.state == State::Stateful
    }

    pub fn model_place(&self) -> ModelPlace {
        self.profile.model
    }

    pub fn body_form(&self) -> BodyForm {
        self.profile.body
    }

    /// True where the operation spends model tokens or money at the provider.
    pub fn is_metered(&self) -> bool {
        self.profile.metering != Metering::Unmetered
    }

    /// True where a text is to be spoken, for which some models are paid by the character.
    pub fn speaks(&self) -> bool {
        self.name() == "audio.speech"
    }

    /// True where what it spends is not told by its answer: the work is done later, or what an answer says of it is unread. A
    /// body can ask for that too: see `BodyFacts::is_done_later`.
    pub fn is_done_later(&self) -> bool {
        let is_unseen = self.is_stateful() && self.profile.model == ModelPlace::Elsewhere;
        self.profile.metering == Metering::Later || (is_unseen && self.is_metered())
    }

    /// True where only the body says whether the work is done later: OpenAI's background responses.
    pub fn may_be_done_later(&self) -> bool {
        self.wire.is_openais() && self.is_metered() && self.body_may_hold_state() && self.name == "responses"
    }

    /// The model, deployment or Bedrock modelId in the path or the realtime query, percent-decoded.
    pub fn path_model(&self) -> Option<&str> {
        self.path_model.as_deref()
    }

    /// The project and the location in the path, which every operation of Vertex AI has there and no other.
    pub fn place(&self) -> Option<&Place> {
        self.place.as_deref()
    }

    /// Whether the answer is a stream, where the path says so; `None` where the body says.
    pub fn path_streams(&self) -> Option<bool> {
        match self.profile.streaming {
            Streaming::BodySays => None,
            Streaming::Always => Some(true),
            Streaming::Never => Some(false),
        }
    }

    /// True on Google's paths that speak OpenAI's dialect, and on OpenAI's own and Azure's.
    pub fn is_openai_compatible(&self) -> bool {
        self.wire.is_openais()
    }

    /// True where the body can name something stored under the provider's account: counting the model tokens
    /// of a stored conversation reads it too. A form cannot; what it holds is in it.
    pub fn body_may_hold_state(&self) -> bool {
        matches!(self.profile.body, BodyForm::Json | BodyForm::JsonOrMultipart)
    }

    /// True where a body would pass unread, though none belongs to the request: `GET`, `HEAD` and `DELETE` (RFC 9110
    /// section 9.3.1), and an upgrade, whose bytes are frames.
    pub fn refuses_body(&self, method: &str) -> bool {
        match self.profile.body {
            BodyForm::None | BodyForm::Opaque => matches!(method, "GET" | "HEAD" | "DELETE"),
            BodyForm::Upgrade => true,
            BodyForm::Json | BodyForm::Multipart | BodyForm::JsonOrMultipart => false,
        }
    }

    /// The key of a JSON answer whose text is a URL that clients follow: Anthropic's results of a batch, Gemini's files.
    pub fn url_key(&self) -> Option<&'static str> {
        match (self.dialect, &*self.name) {
            (Dialect::Anthropic, "batches") => Some("results_url"),
            (Dialect::Gemini, "files" | "uploads") => Some("downloadUri"),
            _ => None,
        }
    }

    /// Whose keys bodies and answers have: others' than the dialect's own at some of Google's paths.
    pub(super) fn wire(&self) -> Wire {
        self.wire
    }
}

impl Operation {
    pub(super) fn with_model(self, model: Option<String>) -> Self {
        Self { path_model: model, ..self }
    }

    pub(super) fn at(self, place: Place) -> Self {
        Self { place: Some(Box::new(place)), ..self }
    }

    /// The model itself was made under the provider's account.
    pub(super) fn of_own_account(self) -> Self {
        Self { profile: Profile { state: State::Stateful, ..self.profile }, ..self }
    }

    pub(super) fn of_unknown_model(self) -> Self {
        Self { profile: Profile { model: ModelPlace::Elsewhere, ..self.profile }, ..self }
    }

    pub(super) fn made_stateful(self) -> Self {
        let profile = Profile { state: State::Stateful, model: ModelPlace::Elsewhere, ..self.profile };
        Self { profile, ..self }
    }
}
