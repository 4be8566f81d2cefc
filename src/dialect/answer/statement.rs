//! How an answer states what it cost.

use super::answer_key::AnswerKey;

/// How one dialect's answers tell their cost.
#[derive(Debug)]
pub struct Statement {
    /// What a document holds. A list stands for each of its elements.
    pub document: AnswerKey,
    /// What an event's data holds.
    pub event: AnswerKey,
    /// The ends of keys, with the quotation mark behind them. Every event that says something has such a key with a value, but
    /// for the model's name in the first ones; where there are none, each says something.
    pub marks: &'static [&'static str],
    /// The keys at which an event's text stands, each as it is written. What a short event without marks has at the first
    /// of them is all its text.
    pub texts: &'static [&'static str],
    /// What in a stream shows that no other figures follow.
    pub final_by: FinalBy,
}

/// What shows that a stream has stated all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinalBy {
    /// Figures come once, at the end.
    Figures,
    /// Figures come early and are replaced, until there is a reason why the answer ended.
    FinishReason,
}
