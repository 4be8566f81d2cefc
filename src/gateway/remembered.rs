//! What a worker remembers, and under which names.

mod decision_key;
mod memory;
mod settled_name;

pub(super) use decision_key::DecisionKey;
pub use memory::Memory;
pub(super) use settled_name::SettledName;
