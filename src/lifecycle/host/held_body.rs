//! The body that the host holds, as a walk reads it.

use std::cell::OnceCell;

use super::exchange::{Exchange, Side};
use crate::gateway::Content;

/// So many bytes of a request's body: copied by the first that reads them, and not for longer than a walk.
pub(in crate::lifecycle) struct HeldBody<'a> {
    exchange: &'a dyn Exchange,
    length: usize,
    copy: OnceCell<Option<Vec<u8>>>,
}

impl<'a> HeldBody<'a> {
    pub(in crate::lifecycle) fn of(exchange: &'a dyn Exchange, length: usize) -> Self {
        Self { exchange, length, copy: OnceCell::new() }
    }
}

impl Content for HeldBody<'_> {
    fn length(&self) -> usize {
        self.length
    }

    fn bytes(&self) -> Option<&[u8]> {
        let copy = || match self.length {
            0 => Some(Vec::new()),
            length => self.exchange.body(Side::Request, 0, length),
        };
        self.copy.get_or_init(copy).as_deref()
    }
}
