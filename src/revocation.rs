//! Credentials that stop working before they expire.
//!
//! [`Revocations`] are the lists of a configuration; a [`Board`] is what one worker knows of them now. It is asked on every
//! use of a credential, remembered or not, and again while a stream is open. An entry fits a credential or any that it was
//! got with, so that a revoked key takes its tokens with it.
//!
//! It does not fetch: the host polls the documents and hands them in. One that is too old refuses, unless the configuration
//! says otherwise.

mod chain;
mod list;

use std::collections::BTreeSet;

use crate::config::{self, ConfigError, PolledDocument, WhenStale};
use crate::denial::{Denial, Reason};
use crate::identity::Principal;
use crate::last_known_good::{self, LastKnownGood};

pub use list::{List, MAX_DOCUMENT_BYTES};

/// The lists of one configuration.
#[derive(Debug)]
pub struct Revocations {
    sources: Vec<Source>,
}

#[derive(Debug)]
struct Source {
    id: String,
    own: List,
    remote: Option<PolledDocument>,
    when_stale: WhenStale,
}

/// What one worker knows of the lists.
pub type Board = LastKnownGood<List>;

impl Revocations {
    /// # Errors
    /// Two lists of one name, one that is neither here nor elsewhere, times that cannot be kept, or an entry that says nothing.
    pub fn compile(lists: &[config::Revocations]) -> Result<Self, ConfigError> {
        let mut ids = BTreeSet::new();
        let mut sources = Vec::with_capacity(lists.len());
        for (index, list) in lists.iter().enumerate() {
            let at = |field: &str| format!("revocations[{index}].{field}");
            last_known_good::require_name(&list.id, &at)?;
            if !ids.insert(list.id.as_str()) {
                return Err(ConfigError::new(at("id"), format!("the list `{}` is there twice", list.id)));
            }
            if list.remote.is_none() && list.revoked.is_empty() {
                let why =
                    "the list has neither entries in `revoked` nor a `remote` document; write one of them";
                return Err(ConfigError::new(format!("revocations[{index}]"), why));
            }
            if let Some(remote) = &list.remote {
                last_known_good::require_pollable(remote, &at)?;
            }
            let own = List::compile(&list.revoked)
                .map_err(|(entry, why)| ConfigError::new(at(&format!("revoked[{entry}]")), why))?;
            sources.push(Source {
                id: list.id.clone(),
                own,
                remote: list.remote.clone(),
                when_stale: list.when_stale,
            });
        }
        Ok(Self { sources })
    }

    pub fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// A board on which nothing has come yet.
    pub fn board(&self) -> Board {
        Board::empty(self.sources.len())
    }

    /// Every polled list: its index, its name and where it is.
    pub fn remotes(&self) -> impl Iterator<Item = (usize, &str, &PolledDocument)> {
        let sources = self.sources.iter().enumerate();
        sources.filter_map(|(index, source)| Some((index, source.id.as_str(), source.remote.as_ref()?)))
    }

    /// Judges a proven caller.
    ///
    /// # Errors
    /// A credential that is revoked, or a list that is too old to tell.
    pub fn judge(&self, board: &Board, principal: &Principal, now_ms: u64) -> Result<(), Denial> {
        match self.revoked(board, principal, now_ms) {
            Some(note) => Err(Denial::new(Reason::CredentialRevoked).with_note(note)),
            None => self.require_fresh(board, now_ms),
        }
    }

    /// Which entry of which list revokes a caller, however old the list is; for the operator.
    pub fn revoked(&self, board: &Board, principal: &Principal, now_ms: u64) -> Option<String> {
        self.lists(board).find_map(|(source, list)| {
            Some(format!("the list `{}`: {}", source.id, list.revokes(principal, now_ms / 1000)?))
        })
    }

    /// Judges the model of a call.
    ///
    /// # Errors
    /// A model that is switched off.
    pub fn judge_model(
        &self,
        board: &Board,
        principal: &Principal,
        model: &str,
        now_ms: u64,
    ) -> Result<(), Denial> {
        for (source, list) in self.lists(board) {
            if list.revokes_model(principal, model, now_ms / 1000) {
                return Err(Denial::new(Reason::ModelNotAllowed)
                    .with_detail("it is switched off")
                    .with_note(format!("the list `{}`", source.id)));
            }
        }
        Ok(())
    }

    /// True where a model could be switched off for this caller, so that it must be known.
    pub fn names_models(&self, board: &Board, principal: &Principal, now_ms: u64) -> bool {
        self.lists(board).any(|(_, list)| list.names_models(principal, now_ms / 1000))
    }

    fn is_stale(&self, board: &Board, list: usize, now_ms: u64) -> bool {
        let remote = self.sources.get(list).and_then(|source| source.remote.as_ref());
        remote.is_some_and(|remote| last_known_good::is_stale(remote, board.checked_ms(list), now_ms))
    }

    fn require_fresh(&self, board: &Board, now_ms: u64) -> Result<(), Denial> {
        let strict =
            self.sources.iter().enumerate().filter(|(_, source)| source.when_stale == WhenStale::Deny);
        for (index, source) in strict {
            if self.is_stale(board, index, now_ms) {
                let note = match board.checked_ms(index) {
                    None => format!("the list `{}` has not come yet", source.id),
                    Some(_) => format!("the list `{}` is older than its `max_age`", source.id),
                };
                return Err(Denial::new(Reason::RevocationsUnavailable).with_note(note));
            }
        }
        Ok(())
    }

    fn lists<'a>(&'a self, board: &'a Board) -> impl Iterator<Item = (&'a Source, &'a List)> {
        self.sources.iter().enumerate().flat_map(|(index, source)| {
            [Some(&source.own), board.content(index)].into_iter().flatten().map(move |list| (source, list))
        })
    }
}

impl Board {
    /// Takes a newer document of the list with this index.
    ///
    /// # Errors
    /// One line for the operator; the list in use stays in use.
    pub fn accept(&mut self, list: usize, document: &[u8], checked_ms: u64) -> Result<(), String> {
        self.replace(list, List::read(document)?, checked_ms);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
