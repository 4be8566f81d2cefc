//! A question to be sent for a token.

use super::token::Life;
use crate::config::{ServedFile, Span};
use crate::secret::Secret;

/// A question to be sent. It may hold secrets, so it has no `Debug`.
pub struct TokenRequest<'a> {
    pub cluster: &'a str,
    pub host: &'a str,
    pub path: &'a str,
    pub timeout: Span,
    pub headers: Vec<(&'static str, String)>,
    /// Sent by `POST` where there is one.
    pub form: Option<String>,
}

/// A token that the gateway has made itself.
pub struct Made {
    pub(super) token: Secret,
    pub(super) life_s: u64,
}

/// What is to be done first.
pub enum Step<'a> {
    /// Nothing more, but that [`Credential::made`](super::Credential::made) is told.
    Made(Made),
    /// This file is read, and its content told by [`Credential::with_file`](super::Credential::with_file).
    Read(TokenRequest<'a>),
    /// This is asked, and the answer told by [`Credential::answered`](super::Credential::answered).
    Ask(TokenRequest<'a>),
}

impl Made {
    pub(super) fn with_life(self) -> (Secret, Life) {
        (self.token, Life { expires_in_s: Some(self.life_s), ..Life::default() })
    }
}

impl<'a> TokenRequest<'a> {
    /// For a document of JSON that is there for who asks.
    pub(super) fn get(cluster: &'a str, host: &'a str, path: &'a str, timeout: Span) -> Self {
        Self {
            cluster,
            host,
            path,
            timeout,
            headers: vec![("accept", "application/json".to_owned())],
            form: None,
        }
    }

    pub(super) fn of_file(file: &'a ServedFile) -> Self {
        let ServedFile { cluster, host, path, timeout, .. } = file;
        Self { cluster, host, path, timeout: *timeout, headers: Vec::new(), form: None }
    }
}
