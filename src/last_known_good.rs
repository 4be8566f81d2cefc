//! The last good copy of each document that is polled, and how old it is.
//!
//! Revocation lists and key feeds are such documents. A copy is one worker's own. This room does not fetch: the host asks
//! for what [`is_due`], and whoever knows what stands in a document reads it and has it [`LastKnownGood::replace`]d. One that
//! cannot be read never takes the place of one that could.

use crate::config::{ConfigError, PolledDocument, Span, require_reachable};

/// What one worker holds of the documents of one kind, by their places in the configuration.
#[derive(Debug)]
pub struct LastKnownGood<T> {
    held: Vec<Option<Held<T>>>,
    generation: u64,
}

#[derive(Debug)]
struct Held<T> {
    content: T,
    checked_ms: u64,
}

impl<T> LastKnownGood<T> {
    /// Places for so many documents, none of which has come yet.
    pub fn empty(documents: usize) -> Self {
        Self { held: std::iter::repeat_with(|| None).take(documents).collect(), generation: 0 }
    }

    /// Takes a newer document, which was the current one at that time.
    pub fn replace(&mut self, document: usize, content: T, checked_ms: u64) {
        if let Some(place) = self.held.get_mut(document) {
            *place = Some(Held { content, checked_ms });
            self.generation = self.generation.saturating_add(1);
        }
    }

    /// Notes that the copy was the current document at that time.
    pub fn confirm(&mut self, document: usize, checked_ms: u64) {
        if let Some(Some(held)) = self.held.get_mut(document) {
            held.checked_ms = checked_ms;
        }
    }

    pub fn content(&self, document: usize) -> Option<&T> {
        Some(&self.held(document)?.content)
    }

    /// What has come, each with its place.
    pub fn contents(&self) -> impl Iterator<Item = (usize, &T)> {
        let held = self.held.iter().enumerate();
        held.filter_map(|(document, held)| Some((document, &held.as_ref()?.content)))
    }

    /// When the copy was last known to be current, in milliseconds since the Unix epoch; `None` where none has come.
    pub fn checked_ms(&self, document: usize) -> Option<u64> {
        Some(self.held(document)?.checked_ms)
    }

    /// Changes with each document that takes another's place.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    fn held(&self, document: usize) -> Option<&Held<T>> {
        self.held.get(document)?.as_ref()
    }
}

/// True where the host should poll a document whose copy was last `checked_ms`.
pub fn is_due(source: &PolledDocument, checked_ms: Option<u64>, now_ms: u64) -> bool {
    // Also where the clock was set back since.
    checked_ms.is_none_or(|checked| checked.abs_diff(now_ms) >= source.poll.milliseconds())
}

/// True where the copy is older than may be.
pub fn is_stale(source: &PolledDocument, checked_ms: Option<u64>, now_ms: u64) -> bool {
    checked_ms.is_none_or(|checked| checked.abs_diff(now_ms) > source.max_age.milliseconds())
}

/// # Errors
/// An id that would not do as the name of a metric.
pub fn require_name(id: &str, at: &dyn Fn(&str) -> String) -> Result<(), ConfigError> {
    match !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)) {
        true => Ok(()),
        false => {
            let why = format!("`{id}` is not a name; write letters, digits, `-` and `_`");
            Err(ConfigError::new(at("id"), why))
        }
    }
}

/// # Errors
/// A place where nothing can be asked for, or times that cannot be kept.
pub fn require_pollable(remote: &PolledDocument, at: &dyn Fn(&str) -> String) -> Result<(), ConfigError> {
    require_reachable(&remote.cluster, &remote.host, &remote.path, &at("remote"))?;
    if remote.poll < Span::from_seconds(1) {
        let why = format!("`{}` is less than a second; write `1s` or more", remote.poll);
        return Err(ConfigError::new(at("remote.poll"), why));
    }
    if remote.max_age < remote.poll.max(remote.timeout) {
        let why = format!(
            "`{}` is less than `poll` or `timeout`, so that the document would be too old before it is asked for again",
            remote.max_age
        );
        return Err(ConfigError::new(at("remote.max_age"), why));
    }
    Ok(())
}
