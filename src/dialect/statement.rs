//! Where the answers of each dialect state what they cost: the keys that lead there, whole or in a stream.
//!
//! What a model writes cannot be taken for a figure: it stands in texts, or under keys that lead elsewhere. The running
//! state of one answer is in `meter`.

mod anthropic;
mod bedrock;
mod gemini;
mod openai;

use super::answer_key::Statement;
use crate::request::Dialect;

use anthropic::ANTHROPIC;
use bedrock::BEDROCK;
pub use bedrock::{COUNTING_HEADERS, TIER_HEADERS};
use gemini::GEMINI;
use openai::{OPENAI, RESPONSES};

impl Statement {
    /// That of an operation in the dialect whose keys a body has; Azure's are OpenAI's.
    pub(super) fn of(wire: Dialect, operation: &str) -> &'static Self {
        match wire {
            Dialect::Openai | Dialect::Azure if operation == "responses" => &RESPONSES,
            Dialect::Openai | Dialect::Azure => &OPENAI,
            Dialect::Anthropic => &ANTHROPIC,
            Dialect::Gemini => &GEMINI,
            Dialect::Bedrock => &BEDROCK,
        }
    }
}
