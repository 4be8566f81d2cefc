//! Envoy's interface for dynamic modules: what it exports, and what it takes.
//!
//! Facts of the header `source/extensions/dynamic_modules/abi/abi.h`, tried in 1.38, 1.39 and 1.40. This folder and
//! [`super::exports`] are the only places that are `unsafe` for it; beyond them there are handles, each of which lives for as
//! long as what it stands for.

mod buffer;
mod callbacks;
mod configuration;
mod scheduler;
mod stream;
mod teller;

pub(super) use buffer::{Buffer, HeaderPair, read_chunks, read_headers, text};
pub(super) use callbacks::{Callbacks, Level, callbacks, load, say, version};
pub(super) use configuration::{LivingConfiguration, OwnRequest};
pub(super) use scheduler::Scheduler;
pub(super) use stream::{BodyPart, HeaderMap, Number, StreamHandle, Text};
pub(super) use teller::{Defined, Teller};
