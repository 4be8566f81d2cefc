//! What has come of the request body. It stays where the host keeps it, and is read only by a walk that needs its bytes.

use crate::denial::{Denial, Reason};

/// What has come of the request body.
#[derive(Clone, Copy)]
pub enum Body<'a> {
    /// Nothing that could be read yet.
    Coming,
    /// As much as may be held of a longer one; the rest is [`Call::watch`](crate::gateway::Call::watch)ed on its way.
    Beginning(&'a dyn Content),
    Complete(&'a dyn Content),
}

/// Bytes that somebody else keeps.
pub trait Content {
    fn length(&self) -> usize;

    /// `None` where they cannot be read.
    fn bytes(&self) -> Option<&[u8]>;
}

impl Content for Vec<u8> {
    fn length(&self) -> usize {
        self.len()
    }

    fn bytes(&self) -> Option<&[u8]> {
        Some(self)
    }
}

impl Content for &[u8] {
    fn length(&self) -> usize {
        self.len()
    }

    fn bytes(&self) -> Option<&[u8]> {
        Some(self)
    }
}

impl Body<'_> {
    /// True where it is known that there is none.
    pub(in crate::gateway) fn is_none(self) -> bool {
        matches!(self, Self::Complete(content) if content.length() == 0)
    }
}

/// # Errors
/// A body that cannot be read must not be taken for an empty one.
pub(in crate::gateway) fn read(content: &dyn Content) -> Result<&[u8], Denial> {
    let bytes = content.bytes().filter(|bytes| bytes.len() == content.length());
    bytes.ok_or_else(|| {
        Denial::new(Reason::BodyMalformed).with_note("the host does not give the body that it holds")
    })
}
