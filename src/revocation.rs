//! Credentials that stop working before they expire.
//!
//! [`Revocations`] are the lists of a configuration; a [`Board`] is what one worker knows of them now. It is asked on every
//! use of a credential, remembered or not, and again while a stream is open. An entry fits a credential or any that it was
//! got with, so that a revoked key takes its tokens with it.
//!
//! It does not fetch: the host polls what is [`Board::is_due`] and hands the document in. A document that cannot be read
//! never replaces one that could, and one that is too old refuses, unless the configuration says otherwise.

mod chain;
mod list;

use std::collections::BTreeSet;

use crate::config::{self, ConfigError, PolledDocument, Span, WhenStale};
use crate::denial::{Denial, Reason};
use crate::identity::Principal;

pub use list::List;

/// A longer document is refused.
pub const MAX_DOCUMENT_BYTES: usize = 4 * 1024 * 1024;

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
#[derive(Debug)]
pub struct Board {
    /// One place per list of the configuration.
    polled: Vec<Option<Polled>>,
    /// How many documents have taken another's place.
    generation: u64,
}

#[derive(Debug)]
struct Polled {
    list: List,
    checked_ms: u64,
}

impl Revocations {
    /// # Errors
    /// Two lists of one name, one that is neither here nor elsewhere, times that cannot be kept, or an entry that says nothing.
    pub fn compile(lists: &[config::Revocations]) -> Result<Self, ConfigError> {
        let mut ids = BTreeSet::new();
        let mut sources = Vec::with_capacity(lists.len());
        for (index, list) in lists.iter().enumerate() {
            let at = |field: &str| format!("revocations[{index}].{field}");
            let is_name =
                !list.id.is_empty() && list.id.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
            if !is_name {
                let why = format!("`{}` is not a name; write letters, digits, `-` and `_`", list.id);
                return Err(ConfigError::new(at("id"), why));
            }
            if !ids.insert(list.id.as_str()) {
                return Err(ConfigError::new(at("id"), format!("the list `{}` is there twice", list.id)));
            }
            if list.remote.is_none() && list.revoked.is_empty() {
                let why =
                    "the list has neither entries in `revoked` nor a `remote` document; write one of them";
                return Err(ConfigError::new(format!("revocations[{index}]"), why));
            }
            if let Some(remote) = &list.remote {
                require_times(remote, &at)?;
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
        Board { polled: self.sources.iter().map(|_| None).collect(), generation: 0 }
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

    /// Milliseconds since the document of the list was last known to be current; `None` where it never came.
    pub fn age_ms(&self, board: &Board, list: usize, now_ms: u64) -> Option<u64> {
        Some(now_ms.saturating_sub(board.checked_ms(list)?))
    }

    /// True where the list is older than may be.
    pub fn is_stale(&self, board: &Board, list: usize, now_ms: u64) -> bool {
        let remote = self.sources.get(list).and_then(|source| source.remote.as_ref());
        remote.is_some_and(|remote| {
            board
                .checked_ms(list)
                .is_none_or(|checked| checked.abs_diff(now_ms) > remote.max_age.milliseconds())
        })
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
            let polled = board.polled.get(index).and_then(Option::as_ref).map(|polled| &polled.list);
            [Some(&source.own), polled].into_iter().flatten().map(move |list| (source, list))
        })
    }
}

impl Board {
    /// Takes a newer document of the list with this index.
    ///
    /// # Errors
    /// One line for the operator; the list in use stays in use.
    pub fn accept(&mut self, list: usize, document: &[u8], checked_ms: u64) -> Result<(), String> {
        let read = List::read(document)?;
        if let Some(place) = self.polled.get_mut(list) {
            *place = Some(Polled { list: read, checked_ms });
            self.generation = self.generation.saturating_add(1);
        }
        Ok(())
    }

    /// Notes that the document in use was the current one at that time.
    pub fn confirm(&mut self, list: usize, checked_ms: u64) {
        if let Some(Some(polled)) = self.polled.get_mut(list) {
            polled.checked_ms = checked_ms;
        }
    }

    /// True where the host should poll.
    pub fn is_due(&self, list: usize, poll: Span, now_ms: u64) -> bool {
        // Also where the clock was set back since.
        self.checked_ms(list).is_none_or(|checked| checked.abs_diff(now_ms) >= poll.milliseconds())
    }

    /// When the document in use was last known to be current, in milliseconds since the Unix epoch.
    pub fn checked_ms(&self, list: usize) -> Option<u64> {
        Some(self.polled.get(list)?.as_ref()?.checked_ms)
    }

    /// How many entries the polled list has.
    pub fn entries(&self, list: usize) -> usize {
        self.polled.get(list).and_then(Option::as_ref).map_or(0, |polled| polled.list.len())
    }

    /// Changes with each document that takes another's place.
    pub fn generation(&self) -> u64 {
        self.generation
    }
}

fn require_times(remote: &PolledDocument, at: &dyn Fn(&str) -> String) -> Result<(), ConfigError> {
    if remote.poll < Span::from_seconds(1) {
        let why = format!("`{}` is less than a second; write `1s` or more", remote.poll);
        return Err(ConfigError::new(at("remote.poll"), why));
    }
    if remote.max_age < remote.poll.max(remote.timeout) {
        let why = format!(
            "`{}` is less than `poll` or `timeout`, so that the list would be too old before it is asked for again",
            remote.max_age
        );
        return Err(ConfigError::new(at("remote.max_age"), why));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
