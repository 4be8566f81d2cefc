//! What is known of an operation beside its name.

/// What is known of an operation beside its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dialect) struct Profile {
    pub(in crate::dialect) state: State,
    pub(in crate::dialect) model: ModelPlace,
    pub(in crate::dialect) body: BodyForm,
    pub(in crate::dialect) metering: Metering,
    pub(in crate::dialect) streaming: Streaming,
}

/// Whether the operation reads or leaves something under the provider's account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dialect) enum State {
    Stateless,
    Stateful,
}

/// Whether the operation spends model tokens or money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dialect) enum Metering {
    /// And its answer tells what.
    Metered,
    /// And what it spends is not told by its answer: a batch, a fine-tuning, a long-running prediction.
    Later,
    Unmetered,
}

/// What says whether the answer is a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dialect) enum Streaming {
    BodySays,
    Always,
    Never,
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
