//! Edits of headers, put into effect.

use super::exchange::{Exchange, Part};
use crate::upstream::HeaderPatch;

pub(in crate::lifecycle) fn apply(exchange: &dyn Exchange, part: Part, patch: &HeaderPatch) {
    // What is set takes the place of all that is there.
    let is_set = |name: &&str| patch.settings().any(|(other, _)| other == *name);
    for name in patch.removals().filter(|name| !is_set(name)) {
        exchange.remove_header(part, name);
    }
    for (name, value) in patch.settings() {
        exchange.set_header(part, name, value);
    }
}
