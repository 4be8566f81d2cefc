//! What was read of a body, and the form whose rest is watched on its way.

use crate::denial::Denial;
use crate::dialect::{BodyFacts, Form};
use crate::gateway::host::body::{self, Body};

/// A body that was read as far as the decision rests on it.
#[derive(Debug)]
pub(in crate::gateway) struct ReadBody {
    pub(in crate::gateway) facts: BodyFacts,
    /// `None` where there is no more of it to come.
    watched: Option<Watched>,
}

/// A form that was decided on by its beginning.
#[derive(Debug)]
struct Watched {
    form: Box<Form>,
    /// How many bytes of the body it has read.
    read: usize,
}

impl ReadBody {
    pub(in crate::gateway) fn whole(facts: BodyFacts) -> Self {
        Self { facts, watched: None }
    }

    /// Of a form that has read so many bytes and goes on.
    pub(in crate::gateway) fn beginning(facts: BodyFacts, form: Form, read: usize) -> Self {
        Self { facts, watched: Some(Watched { form: Box::new(form), read }) }
    }

    pub(in crate::gateway) fn is_watched(&self) -> bool {
        self.watched.is_some()
    }

    /// Reads a piece that comes after the decision, before it goes on.
    ///
    /// # Errors
    /// A denial where the piece says what the decision should have rested on.
    pub(in crate::gateway) fn watch(&mut self, piece: &[u8], is_last: bool) -> Result<(), Denial> {
        let Some(watched) = &mut self.watched else { return Ok(()) };
        watched.form.take(piece)?;
        watched.read = watched.read.saturating_add(piece.len());
        if is_last { watched.form.finish() } else { Ok(()) }
    }

    /// Reads what has come of a form since it was decided on, while the call waited for something else: it goes on with the
    /// beginning, past the watch.
    pub(in crate::gateway) fn catch_up(&mut self, body: Body<'_>) -> Result<(), Denial> {
        let Some(Watched { read, .. }) = self.watched else { return Ok(()) };
        let (content, is_last) = match body {
            Body::Beginning(content) => (content, false),
            Body::Complete(content) => (content, true),
            Body::Coming => return Ok(()),
        };
        if content.length() <= read && !is_last {
            return Ok(());
        }
        let rest = body::read(content)?.get(read..).unwrap_or_default();
        self.watch(rest, is_last)?;
        if is_last {
            self.watched = None;
        }
        Ok(())
    }
}
