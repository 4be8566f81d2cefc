//! A part of an expression, and what it came to.

use cel_interpreter::IdedExpr;

use super::shown::Shown;
use super::written::written;

/// A part of an expression and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// The part as CEL, without comments.
    pub text: String,
    /// The variable of a macro and the entry that it stands for here.
    pub entry: Option<(String, Shown)>,
    pub came_to: CameTo,
    /// What else a reader should know.
    pub note: Option<String>,
    /// Its parts in the order of the text; not constants, whose text is their value.
    pub children: Vec<Self>,
}

/// What a part came to.
#[derive(Clone, Debug, PartialEq)]
pub enum CameTo {
    Value(Shown),
    Error(String),
    /// It was not evaluated, and why.
    Skipped(String),
}

impl Explained {
    pub(super) fn skipped(node: &IdedExpr, why: impl Into<String>) -> Self {
        let came_to = CameTo::Skipped(why.into());
        Self { text: written(node), entry: None, came_to, note: None, children: Vec::new() }
    }

    pub(super) fn with(self, variable: &str, item: &Shown) -> Self {
        Self { entry: Some((variable.to_owned(), item.clone())), ..self }
    }

    pub(super) fn boolean(&self) -> Option<bool> {
        match &self.came_to {
            CameTo::Value(shown) => shown.json.as_bool(),
            CameTo::Error(_) | CameTo::Skipped(_) => None,
        }
    }

    pub(super) fn has_failed(&self) -> bool {
        matches!(self.came_to, CameTo::Error(_))
    }

    /// Says of an error that it does not count, beside a part that `decides`.
    pub(super) fn absorbed(&mut self, decides: bool) {
        if self.has_failed() {
            self.note = Some(format!("does not count, because another part is `{decides}`"));
        }
    }
}
