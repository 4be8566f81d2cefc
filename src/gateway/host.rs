//! What the host tells a walk, and what it is asked for and told.

pub(super) mod body;
mod ending;
mod need;
mod outcome;
mod patience;
mod pending;
mod polled;

pub use body::{Body, Content};
pub use ending::Ending;
pub use need::Need;
pub use outcome::Outcome;
pub use patience::Patience;
pub use pending::Pending;
pub use polled::{Polled, Remote};
