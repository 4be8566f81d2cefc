//! How entries lie in the store: what they are called, whose they are, which page each is on, and what a page holds.

mod compose;
mod entry;
mod memory_store;
mod owner;
pub(super) mod page;
mod placement;
mod store;

pub use compose::compose;
pub use entry::{Entry, Namespace};
pub(super) use entry::{Name, Region};
pub use memory_store::MemoryStore;
pub(super) use owner::Marks;
pub use owner::Owner;
pub(super) use placement::Placement;
pub use store::{Conflict, Store};
