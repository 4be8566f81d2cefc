//! What all workers know of one credential: its token, and why there is no newer one.

use std::rc::Rc;

use serde::{Deserialize, Serialize};

use crate::credentials::failure::{Failure, FailureKind, Setback};
use crate::credentials::token::{Times, Token};
use crate::secret::Secret;

/// A token that the provider has refused is asked for again no more often than this, and no sooner after it came.
const DISTRUST_MS: u64 = 60_000;

/// So many proofs are remembered, each of which makes a token due once.
const MOST_PROOFS: usize = 8;

/// One credential's token and failure.
#[derive(Clone, Debug, Default)]
pub struct Slot {
    token: Option<Rc<Token>>,
    failure: Option<Failure>,
    /// What tokens were asked for with, the latest last: two configurations that prove one client by two secrets do not ask in
    /// turn for ever.
    proofs: Vec<String>,
    /// When the provider refused a token last, so that it was made due.
    distrusted_ms: u64,
}

/// Why there is no token to be had now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absence {
    /// It is being asked for, or will be at once.
    Coming,
    /// Asking has failed; it is asked for again at `retry_ms`, in milliseconds since the Unix epoch.
    Unavailable { retry_ms: u64 },
    /// The endpoint refuses the gateway's client.
    Refused,
}

impl Slot {
    /// One that has a token which was got just now, for scripts.
    pub fn assumed(token: &str, now_ms: u64) -> Self {
        Self { token: Some(Token::assumed(token, now_ms).into()), ..Self::default() }
    }

    /// The token, where it may still be served.
    pub fn usable(&self, now_ms: u64) -> Result<&Rc<Token>, Absence> {
        if let Some(token) = self.token.as_ref().filter(|token| token.is_usable(now_ms)) {
            return Ok(token);
        }
        Err(match self.failure.as_ref().filter(|failure| now_ms < failure.retry_ms) {
            None => Absence::Coming,
            Some(Failure { kind: FailureKind::Refused, .. }) => Absence::Refused,
            Some(failure) => Absence::Unavailable { retry_ms: failure.retry_ms },
        })
    }

    /// True where a newer token is to be asked for now, with what is proven by this.
    pub(in crate::credentials) fn is_due(&self, proof: &str, now_ms: u64) -> bool {
        if !self.proofs.iter().any(|tried| tried == proof) {
            return true;
        }
        match (&self.failure, &self.token) {
            (Some(failure), _) => now_ms >= failure.retry_ms,
            (None, Some(token)) => now_ms >= token.times.due_ms,
            (None, None) => true,
        }
    }

    /// What the last question has come to, as a metric's name has it.
    pub fn outcome(&self) -> &'static str {
        match self.failure.as_ref().map(|failure| failure.kind) {
            None => "ok",
            Some(FailureKind::Refused) => "refused",
            Some(FailureKind::Unavailable) => "failed",
        }
    }

    pub fn token(&self) -> Option<&Token> {
        self.token.as_deref()
    }

    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// The provider has refused the token of this id: the next one is due at once, and this one serves on until it has come,
    /// since a caller without a role can make a provider say so. `None` where the token is new, or was made due just now.
    #[must_use]
    pub fn distrusted(&self, token_id: &str, now_ms: u64) -> Option<Self> {
        let token = self.token.as_ref().filter(|token| token.id() == token_id)?;
        let since_ms = now_ms.saturating_sub(token.asked_ms().max(self.distrusted_ms));
        if since_ms < DISTRUST_MS || self.failure.is_some() {
            return None;
        }
        let mut token = Token::clone(token);
        token.times.due_ms = token.times.due_ms.min(now_ms);
        Some(Self { token: Some(token.into()), distrusted_ms: now_ms, ..self.clone() })
    }

    pub(in crate::credentials) fn proven_by(mut self, proof: &str) -> Self {
        self.proofs.retain(|tried| tried != proof);
        self.proofs.push(proof.to_owned());
        let surplus = self.proofs.len().saturating_sub(MOST_PROOFS);
        self.proofs.drain(..surplus);
        self
    }

    pub(in crate::credentials) fn got(self, token: Token, now_ms: u64) -> Self {
        let held = self.token.as_ref().filter(|held| held.value() == token.value());
        let token = match held {
            Some(held) => token.again(held, now_ms),
            None => token,
        };
        Self { token: Some(token.into()), failure: None, ..self }
    }

    pub(in crate::credentials) fn failed(self, setback: Setback, now_ms: u64, chance: u8) -> Self {
        let failure = Failure::after(self.failure.as_ref(), setback, now_ms, chance);
        Self { failure: Some(failure), ..self }
    }
}

/// A slot as it lies in the memory that workers share.
#[derive(Deserialize, Serialize)]
struct Written {
    token: Option<WrittenToken>,
    failure: Option<Failure>,
    proofs: Vec<String>,
    distrusted_ms: u64,
}

#[derive(Deserialize, Serialize)]
struct WrittenToken {
    value: String,
    asked_ms: u64,
    due_ms: u64,
    expires_ms: u64,
}

impl Slot {
    pub fn write(&self) -> Vec<u8> {
        let token = self.token.as_ref().map(|token| {
            let Times { asked_ms, due_ms, expires_ms } = token.times;
            let value = String::from_utf8_lossy(token.value().expose()).into_owned();
            WrittenToken { value, asked_ms, due_ms, expires_ms }
        });
        let Self { failure, proofs, distrusted_ms, .. } = self.clone();
        let written = Written { token, failure, proofs, distrusted_ms };
        serde_json::to_vec(&written).unwrap_or_default()
    }

    /// What was written; an empty slot for anything else.
    pub fn read(bytes: &[u8]) -> Self {
        let Ok(Written { token, failure, proofs, distrusted_ms }) = serde_json::from_slice(bytes) else {
            return Self::default();
        };
        let token = token.map(|WrittenToken { value, asked_ms, due_ms, expires_ms }| {
            Rc::new(Token::new(Secret::new(value), Times { asked_ms, due_ms, expires_ms }))
        });
        Self { token, failure, proofs, distrusted_ms }
    }
}
