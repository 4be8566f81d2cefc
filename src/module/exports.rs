//! The hooks that Envoy calls. Each turns pointers into what they stand for, and lets no panic out.
//!
//! A filter's pointer is a box of ours that lives from `http_filter_new` to `http_filter_destroy`, a configuration's one from
//! `http_filter_config_new` to `http_filter_config_destroy`; Envoy gives them back as it got them.
//!
//! - `configurations`: the module, its configurations, and what is done on the main thread.
//! - `streams`: one stream, on its thread.
//! - `unused`: what Envoy demands, and nothing here uses.

mod configurations;
mod streams;
mod unused;

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::filter::Filter;
use super::gate::Gate;

type EnvoyPointer = *mut c_void;
type FilterPointer = *const Filter;
type GatePointer = *const Gate;

/// Of a hook that has panicked beyond all guards, the answer is that nothing goes on.
fn guarded<T>(otherwise: T, hook: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(hook)).unwrap_or(otherwise)
}
