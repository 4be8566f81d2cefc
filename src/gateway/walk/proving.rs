//! Who calls: by which credential, and that its sender holds what it is bound to.

mod authenticating;
mod possession;

pub(super) use authenticating::{caller, stop};
