//! How much of requests that wait one worker holds: in all, for each caller, and for strangers.
//!
//! While a request waits, for its body, for keys, for what somebody else says, its body lies in Envoy's buffer and its headers
//! in the filter. A [`Share`] stands for that: it is taken when the wait begins, grows with what comes, and is given back
//! when it is dropped, however the wait ends. Whoever has not proven who it is yet is a stranger. All strangers together have
//! half of the whole, so that they never take the room of those who are known; one source has no more than one caller.
//!
//! It does not know what a request is, and it does not wait: what does not fit is refused at once.

use std::cell::RefCell;
use std::rc::Rc;

use hashbrown::HashMap;

use crate::cache::Fingerprint;
use crate::denial::{Denial, Reason};

/// What a request that waits costs beside its headers and its body, in bytes: Envoy's state of a stream, and the filter's.
const EACH: u64 = 16 * 1024;

/// Seconds after which a refused caller may try again: what is held is decided or refused within seconds.
const RETRY_SECONDS: u64 = 1;

/// How much is held at most, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    pub worker: u64,
    pub caller: u64,
}

/// Whose request waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Holder {
    /// A principal, by its name.
    Caller(Fingerprint),
    /// Somebody not known yet, by the name of where the connection comes from.
    Stranger(Fingerprint),
}

/// What one worker holds under one configuration.
#[derive(Debug)]
pub struct Holding {
    bounds: Bounds,
    sums: RefCell<Sums>,
}

#[derive(Debug, Default)]
struct Sums {
    all: u64,
    strangers: u64,
    /// Only those that hold something, so that there are no more entries than requests that wait.
    each: HashMap<Holder, u64>,
}

/// What is held for one request; given back when it is dropped.
#[derive(Debug)]
pub struct Share {
    holding: Rc<Holding>,
    holder: Holder,
    bytes: u64,
}

/// Which bound there is no room below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    Worker { bound: u64 },
    Strangers { bound: u64 },
    Caller { bound: u64 },
}

impl Holding {
    pub fn new(bounds: Bounds) -> Rc<Self> {
        Rc::new(Self { bounds, sums: RefCell::default() })
    }

    /// How many bytes are held now.
    pub fn held(&self) -> u64 {
        self.sums.borrow().all
    }

    /// Takes room for a request with `bytes` of headers and body.
    ///
    /// # Errors
    /// There is none.
    pub fn take(self: &Rc<Self>, holder: Holder, bytes: u64) -> Result<Share, Full> {
        let mut share = Share { holding: Rc::clone(self), holder, bytes: 0 };
        share.become_of(holder, bytes)?;
        Ok(share)
    }

    /// Whether so many bytes more have room.
    ///
    /// # Errors
    /// It would not.
    fn fits(&self, sums: &Sums, holder: Holder, bytes: u64) -> Result<(), Full> {
        let own = sums.each.get(&holder).copied().unwrap_or_default();
        // Each caller has room for one request, whatever its headers come to.
        if own > 0 && own.saturating_add(bytes) > self.bounds.caller {
            return Err(Full::Caller { bound: self.bounds.caller });
        }
        let bound = self.strangers_bound();
        if matches!(holder, Holder::Stranger(_)) && sums.strangers.saturating_add(bytes) > bound {
            return Err(Full::Strangers { bound });
        }
        match sums.all.saturating_add(bytes) > self.bounds.worker {
            true => Err(Full::Worker { bound: self.bounds.worker }),
            false => Ok(()),
        }
    }

    fn strangers_bound(&self) -> u64 {
        self.bounds.worker / 2
    }
}

impl Sums {
    fn add(&mut self, holder: Holder, bytes: u64) {
        self.all = self.all.saturating_add(bytes);
        if let Holder::Stranger(_) = holder {
            self.strangers = self.strangers.saturating_add(bytes);
        }
        let own = self.each.entry(holder).or_default();
        *own = own.saturating_add(bytes);
    }

    fn give_back(&mut self, holder: Holder, bytes: u64) {
        self.all = self.all.saturating_sub(bytes);
        if let Holder::Stranger(_) = holder {
            self.strangers = self.strangers.saturating_sub(bytes);
        }
        if let Some(own) = self.each.get_mut(&holder) {
            *own = own.saturating_sub(bytes);
            if *own == 0 {
                self.each.remove(&holder);
            }
        }
    }
}

impl Share {
    pub fn holder(&self) -> Holder {
        self.holder
    }

    /// False where it is a stranger's.
    pub fn is_of_caller(&self) -> bool {
        matches!(self.holder, Holder::Caller(_))
    }

    /// The share is from now on that of `holder`, for a request with `bytes` of headers and body.
    ///
    /// # Errors
    /// There is no room; the share is what it was then.
    pub fn become_of(&mut self, holder: Holder, bytes: u64) -> Result<(), Full> {
        let bytes = bytes.saturating_add(EACH);
        if (holder, bytes) == (self.holder, self.bytes) {
            return Ok(());
        }
        let mut sums = self.holding.sums.borrow_mut();
        sums.give_back(self.holder, self.bytes);
        let fits = self.holding.fits(&sums, holder, bytes);
        if fits.is_ok() {
            (self.holder, self.bytes) = (holder, bytes);
        }
        sums.add(self.holder, self.bytes);
        fits
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.holding.sums.borrow_mut().give_back(self.holder, self.bytes);
    }
}

impl From<Full> for Denial {
    fn from(full: Full) -> Self {
        let detail = match full {
            Full::Worker { bound } | Full::Strangers { bound } => {
                format!(
                    "requests that wait hold {} of memory, which is all there is for them",
                    megabytes(bound)
                )
            }
            Full::Caller { bound } => {
                format!(
                    "this caller's requests that wait hold {}, which is all there is for one",
                    megabytes(bound)
                )
            }
        };
        let note = match full {
            Full::Worker { .. } => "`held_bytes` of the worker",
            Full::Strangers { .. } => "the half of `held_bytes` that strangers may take",
            Full::Caller { .. } => "`held_bytes_per_caller`",
        };
        Self::new(Reason::Overloaded).with_detail(detail).with_note(note).retry_after(RETRY_SECONDS)
    }
}

fn megabytes(bytes: u64) -> String {
    match bytes / (1024 * 1024) {
        0 => format!("{} KiB", bytes / 1024),
        mebibytes => format!("{mebibytes} MiB"),
    }
}

#[cfg(test)]
mod tests;
