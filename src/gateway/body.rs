//! What has come of the request body. It stays where the host keeps it, and is read only by a walk that needs its bytes.

use super::Gateway;
use crate::denial::{Denial, Reason};

/// What has come of the request body.
#[derive(Clone, Copy)]
pub enum Body<'a> {
    /// Nothing that could be read yet.
    Coming,
    /// As much as may be held of a longer one; the rest is [`Call::watch`](super::Call::watch)ed on its way.
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
    pub(super) fn is_none(self) -> bool {
        matches!(self, Self::Complete(content) if content.length() == 0)
    }
}

impl Gateway {
    /// Why a body of more than `limit` bytes is refused.
    pub fn too_large(&self, limit: u64) -> Denial {
        let raise = match limit {
            limit if limit == self.settings.body_limit => {
                ", or ask whoever runs this gateway to raise `body_limit`"
            }
            limit if limit == self.settings.form_limit => {
                ", or ask whoever runs this gateway to raise `form_limit`"
            }
            _ => "",
        };
        Denial::new(Reason::BodyTooLarge)
            .with_detail(format!("it takes at most {limit} bytes of one; send less{raise}"))
    }
}

/// # Errors
/// A body that cannot be read must not be taken for an empty one.
pub(super) fn read(content: &dyn Content) -> Result<&[u8], Denial> {
    let bytes = content.bytes().filter(|bytes| bytes.len() == content.length());
    bytes.ok_or_else(|| {
        Denial::new(Reason::BodyMalformed).with_note("the host does not give the body that it holds")
    })
}
