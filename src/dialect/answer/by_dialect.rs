//! Where the answers of each dialect state what they cost: the keys that lead there, whole or in a stream.
//!
//! What a model writes cannot be taken for a figure: it stands in texts, or under keys that lead elsewhere. The running
//! state of one answer is in `meter`.

mod anthropic;
mod bedrock;
mod gemini;
mod openai;

use super::statement::Statement;
use crate::config::UsageForm;
use crate::dialect::operation::Operation;
use crate::request::Wire;

use anthropic::ANTHROPIC;
use bedrock::BEDROCK;
pub use bedrock::{COUNTING_HEADERS, TIER_HEADERS};
use gemini::GEMINI;
use openai::{OPENAI, RESPONSES};

impl Operation {
    /// Where the answer states what it cost.
    pub fn statement(&self) -> &'static Statement {
        self.usage.map_or_else(|| Statement::of(self.wire, &self.name), in_words_of)
    }
}

impl Statement {
    /// That of an operation in these words.
    fn of(wire: Wire, operation: &str) -> &'static Self {
        match wire {
            Wire::Openai | Wire::Azure if operation == "responses" => &RESPONSES,
            Wire::Openai | Wire::Azure => &OPENAI,
            Wire::Anthropic => &ANTHROPIC,
            Wire::Gemini => &GEMINI,
            Wire::Bedrock => &BEDROCK,
        }
    }
}

/// Where answers in these words state what they cost.
fn in_words_of(form: UsageForm) -> &'static Statement {
    let wire = match form {
        // Their own words stand beside OpenAI's.
        UsageForm::Openai | UsageForm::Cohere | UsageForm::Ollama => Wire::Openai,
        UsageForm::Anthropic => Wire::Anthropic,
        UsageForm::Gemini => Wire::Gemini,
        UsageForm::Bedrock => Wire::Bedrock,
    };
    Statement::of(wire, "")
}

#[cfg(test)]
mod tests {
    use super::{ANTHROPIC, BEDROCK, GEMINI, OPENAI, RESPONSES};
    use crate::dialect::answer::answer_key::{AnswerKey, Holds};

    /// Each way to a value by which an event would say something, as its keys are written.
    fn ways(key: &'static AnswerKey, way: &[String]) -> Vec<Vec<String>> {
        let way = [way, &[format!("\"{}\"", key.name)]].concat();
        let mut ways: Vec<_> = key.below.all().iter().flat_map(|below| ways(below, &way)).collect();
        // A text and a model's name are found otherwise; the others count where something beside them does.
        if matches!(
            key.holds,
            Holds::Figure(_) | Holds::Seconds | Holds::ShareCount | Holds::Reason | Holds::Last
        ) {
            ways.push(way);
        }
        ways
    }

    #[test]
    fn no_event_that_says_something_lacks_a_mark() {
        for statement in [&ANTHROPIC, &BEDROCK, &GEMINI, &OPENAI, &RESPONSES] {
            let ways = ways(&statement.event, &[]);
            assert!(ways.len() > 10, "{}", ways.len());
            let is_marked = |key: &String| statement.marks.iter().any(|mark| key.ends_with(mark));
            let unmarked = ways.iter().find(|way| !statement.marks.is_empty() && !way.iter().any(is_marked));
            assert_eq!(unmarked, None, "{:?}", statement.marks);
        }
    }
}
