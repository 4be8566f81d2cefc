//! What a minted token is narrowed to, beside its scopes.

use serde::{Deserialize, Serialize};

use crate::expression::allows_model;

/// Limits of one token; what is `None` is not limited.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Patterns of models, in which `*` stands for any text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models: Option<Vec<String>>,
    /// Names of operations, as in `llm.operation`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<String>>,
    /// How many requests the token is good for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
}

impl Limits {
    pub fn admit_operation(&self, operation: &str) -> bool {
        self.operations.as_ref().is_none_or(|operations| operations.iter().any(|name| name == operation))
    }

    pub fn admit_model(&self, model: &str) -> bool {
        self.models.as_ref().is_none_or(|models| models.iter().any(|pattern| allows_model(pattern, model)))
    }
}

#[cfg(test)]
mod tests {
    use super::Limits;

    #[test]
    fn what_is_not_limited_is_admitted_and_an_empty_list_admits_nothing() {
        let list = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
        for (names, admitted, note) in [
            (None, true, "no limit"),
            (list(&["gpt-4o*", "chat"]), true, "named"),
            (list(&["o1", "embeddings"]), false, "not named"),
            (list(&[]), false, "an empty list"),
        ] {
            let limits = Limits { models: names.clone(), operations: names, requests: None };
            assert_eq!(limits.admit_model("gpt-4o-mini"), admitted, "{note}");
            assert_eq!(limits.admit_operation("chat"), admitted, "{note}");
        }
        let limits = Limits { operations: list(&["cha*"]), ..Limits::default() };
        assert!(!limits.admit_operation("chat"), "an operation has no pattern");
    }
}
