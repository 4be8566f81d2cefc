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
mod operation;
mod outline;
mod path;
mod protobuf;
mod query;
mod recognition;
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

pub use answer_key::{AnswerKey, Holds, Settled, Statement};
pub use body::{Fields, read_beginning, read_body};
pub use facts::BodyFacts;
pub use figures::{Figure, Figures};
pub use form::Form;
pub use guess::guess;
pub use known::{KnownOperation, known_operations};
pub use listed::ListedOperation;
pub use operation::{BodyForm, ModelPlace, Operation};
pub use recognition::{model_is_only_in_body, names_further_model, recognise, recognise_again};
pub use shape::{FORMS, require_whole_answer, unreadable_forms};
pub use spelling::Spelling;
pub use stateless::{Reasoning, keep_nothing};
pub use statement::{COUNTING_HEADERS, TIER_HEADERS};
pub use stream_usage::ask_for_stream_usage;
pub use tokens::{TokenShape, wanted_token};
pub use usage::{Calls, Counts, PaidCall, Run};

#[cfg(test)]
mod tests;
