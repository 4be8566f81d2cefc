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
mod body;
mod class;
mod edit;
mod facts;
mod figures;
mod flaw;
mod form;
mod form_field;
mod item;
mod json;
mod json_object;
mod keys;
mod media;
mod multipart;
mod nested;
mod operation;
mod outline;
mod protobuf;
mod recognition;
mod shape;
mod spelling;
mod stateless;
mod statement;
mod stream_usage;
mod usage;
mod volume;

pub use answer_key::{AnswerKey, Holds, Settled, Statement};
pub use body::{Fields, read_beginning, read_body};
pub use facts::BodyFacts;
pub use figures::{Figure, Figures};
pub use form::Form;
pub use operation::{BodyForm, ModelPlace, Operation};
pub use recognition::{
    KnownOperation, ListedOperation, TokenShape, guess, known_operations, model_is_only_in_body,
    names_further_model, recognise, recognise_again, wanted_token,
};
pub use shape::{FORMS, require_whole_answer, unreadable_forms};
pub use spelling::Spelling;
pub use stateless::{Reasoning, keep_nothing};
pub use statement::{COUNTING_HEADERS, TIER_HEADERS};
pub use stream_usage::ask_for_stream_usage;
pub use usage::{Calls, Counts, PaidCall, Run};
