//! What is asked of a provider: OpenAI, Azure OpenAI, Anthropic, Gemini and Bedrock, read from method,
//! path and body.
//!
//! `recognise` turns a request head into an `Operation` through one static table per dialect; `read_body`
//! reads what rules may see of the body. Both refuse whatever two readers could understand differently, so
//! that what was decided is what the provider sees. Of answers it knows where they state their cost (`Statement`).
//! It does not look for credentials, does not read answers, and changes a request only where it adds the wish for a
//! stream's usage (`ask_for_stream_usage`), or the wish that nothing of it is kept (`keep_nothing`).

mod address;
mod answer_key;
mod anthropic;
mod azure;
mod bedrock;
mod body;
mod class;
mod compatible;
mod edit;
mod facts;
mod figures;
mod flaw;
mod form;
mod form_field;
mod gemini;
mod guess;
mod item;
mod json;
mod keys;
mod known;
mod listed;
mod malformed;
mod media;
mod multipart;
mod nested;
mod openai;
mod outline;
mod path;
mod protobuf;
mod query;
mod row;
mod scanner;
mod shape;
mod spelling;
mod stateless;
mod statement;
mod stream_usage;
mod table;
mod text;
mod tokens;
mod usage;
mod volume;

use std::borrow::Cow;
use std::rc::Rc;

use crate::cache::{Cache, Fingerprint};
use crate::config::UsageForm;
use crate::denial::{Denial, Reason};
use crate::request::{Dialect, RequestHead};

pub use answer_key::{AnswerKey, Holds, Settled, Statement};
pub use body::{Fields, read_beginning, read_body};
pub use facts::BodyFacts;
pub use figures::{Figure, Figures};
pub use form::Form;
pub use guess::guess;
pub use known::{KnownOperation, known_operations};
pub use listed::ListedOperation;
pub use shape::{FORMS, require_whole_answer, unreadable_forms};
pub use spelling::Spelling;
pub use stateless::{Reasoning, keep_nothing};
pub use statement::{COUNTING_HEADERS, TIER_HEADERS};
pub use stream_usage::ask_for_stream_usage;
pub use tokens::{TokenShape, wanted_token};
pub use usage::{Calls, Counts, PaidCall, Run};

use media::{MediaType, Untyped};
use path::{Path, single_path};
use row::{Metering, Row, State, Streaming, Traits};
use table::Found;

/// A longer path is recognised each time.
const LONGEST_REMEMBERED: usize = 512;

/// What is asked of a provider, recognised from method and path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    dialect: Dialect,
    wire: Dialect,
    name: Cow<'static, str>,
    traits: Traits,
    path_model: Option<String>,
    /// Whose words the answer uses to tell its cost, where the operator says.
    usage: Option<UsageForm>,
}

/// Where the name of the model stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelPlace {
    /// A path segment: Gemini, Bedrock, Azure deployments.
    Path,
    /// The key `model` of the JSON body.
    Body,
    /// The parameter `model` (Azure: also `deployment`) of the query; realtime.
    Query,
    /// The field `model` of a multipart form, or the key of that name where JSON is sent in its place.
    Multipart,
    /// Where the gateway cannot see it: a batch file, a stored prompt, an operator's own operation.
    Elsewhere,
    /// Nowhere; the operation has no model.
    None,
}

/// What the request body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyForm {
    /// One JSON object.
    Json,
    /// A form after RFC 7578.
    Multipart,
    /// The one or the other, as its content type says.
    JsonOrMultipart,
    /// Nothing the provider would read.
    None,
    /// A WebSocket: the request has no body, what follows are frames.
    Upgrade,
    /// Bytes that are passed on unread.
    Opaque,
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
        self.traits.state == State::Stateful
    }

    pub fn model_place(&self) -> ModelPlace {
        self.traits.model
    }

    pub fn body_form(&self) -> BodyForm {
        self.traits.body
    }

    /// What this request's body is, where the operation takes several: a form where it says so, else it is read as JSON.
    pub fn form_of(&self, request: &RequestHead) -> BodyForm {
        if self.traits.body != BodyForm::JsonOrMultipart {
            return self.traits.body;
        }
        match media::body_type(request, Untyped::Refused) {
            Ok(MediaType::Multipart { .. }) => BodyForm::Multipart,
            _ => BodyForm::Json,
        }
    }

    /// Bedrock takes a model's request for JSON where nobody says what it is
    /// (<https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html>, `contentType`); AWS's SDKs
    /// send no type, or that of any bytes.
    fn untyped(&self) -> Untyped {
        match self.wire == Dialect::Bedrock && self.name == "invoke_model" {
            true => Untyped::Json,
            false => Untyped::Refused,
        }
    }

    /// True where the operation spends model tokens or money at the provider.
    pub fn is_metered(&self) -> bool {
        self.traits.metering != Metering::Unmetered
    }

    /// True where a text is to be spoken, for which some models are paid by the character.
    pub fn speaks(&self) -> bool {
        self.name() == "audio.speech"
    }

    /// True where what it spends is not told by its answer: the work is done later, or what an answer says of it is unread. A
    /// body can ask for that too: see `BodyFacts::is_done_later`.
    pub fn is_done_later(&self) -> bool {
        let is_unseen = self.is_stateful() && self.traits.model == ModelPlace::Elsewhere;
        self.traits.metering == Metering::Later || (is_unseen && self.is_metered())
    }

    /// True where only the body says whether the work is done later: OpenAI's background responses.
    pub fn may_be_done_later(&self) -> bool {
        self.wire == Dialect::Openai
            && self.is_metered()
            && self.body_may_hold_state()
            && self.name == "responses"
    }

    /// The model, deployment or Bedrock modelId in the path or the realtime query, percent-decoded.
    pub fn path_model(&self) -> Option<&str> {
        self.path_model.as_deref()
    }

    /// Whether the answer is a stream, where the path says so; `None` where the body says.
    pub fn path_streams(&self) -> Option<bool> {
        match self.traits.streaming {
            Streaming::BodySays => None,
            Streaming::Always => Some(true),
            Streaming::Never => Some(false),
        }
    }

    /// True on Gemini's paths that speak OpenAI's dialect, and on OpenAI's own.
    pub fn is_openai_compatible(&self) -> bool {
        self.wire == Dialect::Openai
    }

    /// True where the body can name something stored under the provider's account: counting the model tokens
    /// of a stored conversation reads it too. A form cannot; what it holds is in it.
    pub fn body_may_hold_state(&self) -> bool {
        matches!(self.traits.body, BodyForm::Json | BodyForm::JsonOrMultipart)
    }

    /// True where a body would pass unread, though none belongs to the request: `GET`, `HEAD` and `DELETE` (RFC 9110
    /// section 9.3.1), and an upgrade, whose bytes are frames.
    pub fn refuses_body(&self, method: &str) -> bool {
        match self.traits.body {
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

    /// Where the answer states what it cost.
    pub fn statement(&self) -> &'static Statement {
        self.usage.map_or_else(|| Statement::of(self.wire, &self.name), listed::statement)
    }

    /// The dialect whose keys the body has; differs from `dialect` on Gemini's OpenAI-compatible paths.
    fn wire(&self) -> Dialect {
        self.wire
    }
}

/// True where no path of the dialect names a model, so that only the body does.
pub fn model_is_only_in_body(dialect: Dialect) -> bool {
    matches!(dialect, Dialect::Openai | Dialect::Anthropic)
}

/// Recognises the operation, or refuses `path_ambiguous` or `operation_unknown`.
///
/// `prefix` is the upstream's `path_prefix`; it must match whole segments as they were sent. The rows of
/// the dialect come before those `listed` by the operator, so an operator cannot make a known operation less risky by accident.
/// An upgrade is refused except where the table expects one, because an upgraded request is complete at
/// its headers and its body would pass unread.
pub fn recognise(
    dialect: Dialect,
    request: &RequestHead,
    prefix: Option<&str>,
    listed: &[ListedOperation],
) -> Result<Operation, Denial> {
    refuse_method_override(request)?;
    let operation = recognise_path(dialect, request, prefix, listed)?;
    refuse_upgrade(&operation, request)?;
    match operation.traits.model {
        ModelPlace::Query => query::read_model(operation, request),
        _ => Ok(operation),
    }
}

/// As `recognise`, but for an operation that `seen` remembers under `name`, which stands for the upstream, the method
/// and the whole path. What other headers say is read each time.
pub fn recognise_again(
    seen: &Cache<Rc<Operation>>,
    name: Fingerprint,
    request: &RequestHead,
    anew: impl FnOnce() -> Result<Operation, Denial>,
) -> Result<Rc<Operation>, Denial> {
    let Some(operation) = seen.get(name, |_| true) else {
        let operation = Rc::new(anew()?);
        if request.path().len() <= LONGEST_REMEMBERED {
            seen.put(name, Rc::clone(&operation));
        }
        return Ok(operation);
    };
    refuse_method_override(request)?;
    single_path(request)?;
    refuse_upgrade(&operation, request)?;
    Ok(operation)
}

/// What method, path and query say.
fn recognise_path(
    dialect: Dialect,
    request: &RequestHead,
    prefix: Option<&str>,
    listed: &[ListedOperation],
) -> Result<Operation, Denial> {
    query::refuse_system_parameters(dialect, request)?;
    let whole = Path::parse(dialect, request)?;
    let path = whole.without_prefix(prefix).ok_or_else(|| unknown("the path lacks the upstream's prefix"))?;
    match table::find(dialect, request.method(), &path) {
        Found::Row { row, wire, model } => {
            let operation = known(dialect, row, wire).with_model(model);
            Ok(match operation.traits.model {
                ModelPlace::Path => bedrock::see_own_resource(operation),
                _ => operation,
            })
        }
        Found::Other(_) if tokens::shape(dialect, request.method(), &path).is_some() => {
            Err(Reason::ProviderTokenRefused.into())
        }
        Found::Other(methods) => {
            find_listed(dialect, request.method(), &path, listed).ok_or_else(|| unmatched(&path, &methods))
        }
    }
}

impl Operation {
    fn with_model(self, model: Option<String>) -> Self {
        Self { path_model: model, ..self }
    }

    /// The model itself was made under the provider's account.
    fn of_own_account(self) -> Self {
        Self { traits: Traits { state: State::Stateful, ..self.traits }, ..self }
    }

    fn of_unknown_model(self) -> Self {
        Self { traits: Traits { model: ModelPlace::Elsewhere, ..self.traits }, ..self }
    }

    fn made_stateful(self) -> Self {
        let traits = Traits { state: State::Stateful, model: ModelPlace::Elsewhere, ..self.traits };
        Self { traits, ..self }
    }
}

fn known(dialect: Dialect, row: &Row, wire: Dialect) -> Operation {
    let name = Cow::Borrowed(row.name);
    Operation { dialect, wire, name, traits: row.traits, path_model: None, usage: None }
}

fn find_listed(
    dialect: Dialect,
    method: &str,
    path: &Path<'_>,
    listed: &[ListedOperation],
) -> Option<Operation> {
    let bind = |entry: &ListedOperation| entry.bind(method, path);
    let (entry, path_model) = listed.iter().find_map(|entry| Some((entry, bind(entry)?)))?;
    let name = Cow::Owned(entry.name.clone());
    Some(Operation { dialect, wire: dialect, name, traits: entry.traits, path_model, usage: entry.usage })
}

/// Azure OpenAI lets a header choose the deployment that makes the images of a response; the model that a rule
/// reads is then not the only one.
pub fn names_further_model(request: &RequestHead) -> bool {
    request.like("x-ms-oai-image-generation-deployment").is_some()
}

/// Google's front ends let a header replace the method that was recognised.
fn refuse_method_override(request: &RequestHead) -> Result<(), Denial> {
    const OVERRIDES: [&str; 3] = ["x-http-method-override", "x-http-method", "x-method-override"];
    match OVERRIDES.iter().find_map(|known| request.like(known)) {
        Some(name) => Err(unknown(format!("the header `{name}` is not accepted"))),
        None => Ok(()),
    }
}

fn refuse_upgrade(operation: &Operation, request: &RequestHead) -> Result<(), Denial> {
    if operation.traits.body != BodyForm::Upgrade {
        return match request.is_upgrade() {
            true => Err(unknown("an upgrade is not known at this path")),
            false => Ok(()),
        };
    }
    let mut upgrades = request.values("upgrade");
    match (upgrades.next(), upgrades.next()) {
        (Some(protocol), None) if protocol.eq_ignore_ascii_case(b"websocket") => Ok(()),
        _ => Err(unknown("this path is known only as a WebSocket")),
    }
}

fn unmatched(path: &Path<'_>, methods: &[&str]) -> Denial {
    if path.holds_encoded_slash() {
        return ambiguous("an encoded slash stands outside an id that may hold one");
    }
    match methods {
        [] => Denial::from(Reason::OperationUnknown),
        methods => unknown(format!("the path is known with another method: {}", methods.join(", "))),
    }
}

fn unknown(detail: impl Into<String>) -> Denial {
    Denial::new(Reason::OperationUnknown).with_detail(detail)
}

fn ambiguous(detail: impl Into<String>) -> Denial {
    Denial::new(Reason::PathAmbiguous).with_detail(detail)
}

#[cfg(test)]
mod tests;
