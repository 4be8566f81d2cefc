//! Every way to say no: a stable reason code, a status, headers, and a body in the caller's dialect.
//!
//! It does not decide anything. A denial carries what the caller may know: the code, the rule's id and
//! the remedy, never an expression, a claim's value or a credential.

mod answer;
mod local_reply;
mod oauth;
mod rates;
mod reason;

pub use answer::{Answer, Ids};
pub use rates::{Counted, Rate, Rates};
pub use reason::Reason;

/// A refusal, before it is put into a dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    reason: Reason,
    status: u32,
    detail: Option<Box<str>>,
    rule: Option<Box<str>>,
    scopes: Vec<String>,
    retry_after_seconds: Option<u64>,
    shortage: Option<Box<Shortage>>,
    challenge: Option<Box<Challenge>>,
    note: Option<Box<str>>,
}

/// What a quota has no room for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// The quota's unit.
    pub unit: &'static str,
    pub limit: u64,
    /// What is left.
    pub rates: Rates,
}

/// What more an authorization server wants of the user, in the shape that Microsoft's clients read ("Claims challenges").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// Where the user signs in once more.
    pub authorization_uri: String,
    /// A JSON object.
    pub claims: String,
}

impl Denial {
    pub fn new(reason: Reason) -> Self {
        Self {
            reason,
            status: reason.status(),
            detail: None,
            rule: None,
            scopes: Vec::new(),
            retry_after_seconds: None,
            shortage: None,
            challenge: None,
            note: None,
        }
    }

    /// Adds a sentence for the caller; it must hold nothing secret and nothing of a rule's text.
    #[must_use]
    pub fn with_detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into().into_boxed_str()), ..self }
    }

    /// Names the rule or quota that refused.
    #[must_use]
    pub fn by_rule(self, rule: impl Into<String>) -> Self {
        Self { rule: Some(rule.into().into_boxed_str()), ..self }
    }

    /// Names the scopes that would have been enough (RFC 6750 section 3, attribute `scope`). What is no scope
    /// token is left out: a rule may have made it of the caller's own text, and it goes into a header.
    #[must_use]
    pub fn wanting_scopes(self, mut scopes: Vec<String>) -> Self {
        scopes.retain(|scope| is_scope_token(scope));
        Self { scopes, ..self }
    }

    /// Says when a retry can succeed, in seconds from now.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after_seconds: Some(seconds), ..self }
    }

    /// When a retry can succeed, in seconds from now.
    pub fn seconds_to_wait(&self) -> Option<u64> {
        self.retry_after_seconds
    }

    /// Says of what there is not enough.
    #[must_use]
    pub fn short_of(self, shortage: Shortage) -> Self {
        Self { shortage: Some(Box::new(shortage)), ..self }
    }

    /// Says what more of the user is wanted.
    #[must_use]
    pub fn challenging(self, challenge: Challenge) -> Self {
        Self { challenge: Some(Box::new(challenge)), ..self }
    }

    /// Adds what the operator needs to know; it goes into the record, never to the caller.
    #[must_use]
    pub fn with_note(self, note: impl Into<String>) -> Self {
        Self { note: Some(note.into().into_boxed_str()), ..self }
    }

    pub fn reason(&self) -> Reason {
        self.reason
    }

    pub fn rule(&self) -> Option<&str> {
        self.rule.as_deref()
    }

    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    pub fn status(&self) -> u32 {
        self.status
    }
}

/// RFC 6749 section 3.3.
fn is_scope_token(scope: &str) -> bool {
    !scope.is_empty() && scope.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
}

impl From<Reason> for Denial {
    fn from(reason: Reason) -> Self {
        Self::new(reason)
    }
}
