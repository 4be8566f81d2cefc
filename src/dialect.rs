//! What is asked of a provider: OpenAI, Azure OpenAI, Anthropic, Gemini, Vertex AI and Bedrock, read from
//! method, path and body.
//!
//! `recognise` turns a request head into an `Operation` through one static table per dialect; `read_body`
//! reads what rules may see of the body. Both refuse whatever two readers could understand differently, so
//! that what was decided is what the provider sees. Of answers it knows where they state their cost (`Statement`).
//! It does not look for credentials, does not read answers, and changes a request only where it adds the wish for a
//! stream's usage (`ask_for_stream_usage`), or the wish that nothing of it is kept (`keep_nothing`).
//!
//! The inner rooms follow the request as those of `src/lib.rs` do: each imports only those above it.

mod case_folding;
mod json;
mod operation;
mod recognition;
mod body;
mod edits;
mod answer;
mod model_spelling;

pub use answer::{
    AnswerKey, COUNTING_HEADERS, Calls, Counts, FORMS, Figure, Figures, FinalBy, Holds, PaidCall, Run,
    Statement, TIER_HEADERS, require_whole_answer, unreadable_forms,
};
pub use body::{Asked, BodyFacts, Feature, Fields, Form, Wanted, read_beginning, read_body};
pub use edits::{Reasoning, ask_for_stream_usage, keep_nothing};
pub use model_spelling::Spelling;
pub use operation::{BodyForm, ModelPlace, Operation, Place};
pub use recognition::{
    KnownOperation, ListedOperation, TokenShape, guess, known_operations, model_is_only_in_body,
    names_further_model, recognise, recognise_again, wanted_token, wire_at,
};
