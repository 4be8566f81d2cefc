//! What is asked of a provider: OpenAI, Azure OpenAI, Anthropic, Gemini and Bedrock, read from method,
//! path and body.
//!
//! `recognise` turns a request head into an `Operation` through one static table per dialect; `read_body`
//! reads what rules may see of the body. Both refuse whatever two readers could understand differently, so
//! that what was decided is what the provider sees. Of answers it knows where they state their cost (`Statement`).
//! It does not look for credentials, does not read answers, and changes a request only where it adds the wish for a
//! stream's usage (`ask_for_stream_usage`), or the wish that nothing of it is kept (`keep_nothing`).

mod answer_key;
mod body;
mod case_folding;
mod edit;
mod figures;
mod json;
mod operation;
mod recognition;
mod shape;
mod spelling;
mod stateless;
mod statement;
mod stream_usage;
mod usage;

pub use answer_key::{AnswerKey, Holds, Settled, Statement};
pub use body::{BodyFacts, Fields, Form, read_beginning, read_body};
pub use figures::{Figure, Figures};
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
