//! What a rule tells the caller that it refuses, beside its reason and its id.

use super::CallFacts;
use crate::config::{self, ConfigError};
use crate::denial::{Denial, Reason};
use crate::expression::{Engine, Expression};

/// The longest that is told, in characters.
const BOUND: usize = 500;

/// A text, and an expression that gives a better one.
#[derive(Debug)]
pub(super) struct Message {
    text: Option<String>,
    expression: Option<Expression>,
}

impl Message {
    /// # Errors
    /// A text that is too long or holds what cannot be shown, and an expression that does not compile or gives no text.
    pub(super) fn compile(
        rule: &config::Rule,
        at: &str,
        compile: impl Fn(&str, &str) -> Result<Expression, ConfigError>,
    ) -> Result<Self, ConfigError> {
        if let Some(why) = rule.message.as_deref().and_then(unfit) {
            return Err(ConfigError::new(format!("{at}.message"), why));
        }
        let place = format!("{at}.message_expression");
        let expression = rule.message_expression.as_deref().map(|text| compile(&place, text)).transpose()?;
        Ok(Self { text: rule.message.clone(), expression })
    }

    pub(super) fn expression(&self) -> Option<&Expression> {
        self.expression.as_ref()
    }

    /// The denial with what the caller is told; that is the text where the expression gives none. Most calls are not refused, so
    /// that what the expression reads is looked up here.
    pub(super) fn told_with(&self, denial: Denial, engine: &Engine, facts: &CallFacts<'_>) -> Denial {
        let text = |expression: &Expression| expression.text(&engine.scope(expression.reads(), facts));
        let given = self.expression.as_ref().and_then(|expression| text(expression).ok().flatten());
        let given = given.map(|text| shown(&text)).filter(|text| !text.is_empty());
        match given.or_else(|| self.text.clone()) {
            // A rule that errs has not found anything to tell of.
            Some(message) if denial.reason() != Reason::PolicyError => denial.with_detail(message),
            _ => denial,
        }
    }
}

/// Why a text is none to tell.
fn unfit(text: &str) -> Option<String> {
    match text.chars().count() {
        _ if text.trim().is_empty() => {
            Some("is empty; write what the caller can do, or leave it out".to_owned())
        }
        _ if text.chars().any(char::is_control) => {
            Some("holds control characters, such as the end of a line; write one line".to_owned())
        }
        length if length > BOUND => Some(format!("has {length} characters; the bound is {BOUND}")),
        _ => None,
    }
}

/// One line of it, as long as may be: it may have been made of what the caller has sent.
fn shown(text: &str) -> String {
    let characters = text.trim().chars().take(BOUND);
    characters.map(|character| if character.is_control() { ' ' } else { character }).collect()
}
