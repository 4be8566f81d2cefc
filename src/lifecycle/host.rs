//! What the lifecycle knows of its host: two traits, and what it makes of them.

pub(super) mod attributes;
mod bounds;
mod entropy;
mod exchange;
mod held_body;
mod house;
mod metric;
mod patch;
mod ticker;

pub(super) use bounds::MOST_AT_ONCE;
pub(super) use entropy::{Entropy, random_key};
pub use exchange::{Attribute, Exchange, Item, Part, Side};
pub(super) use held_body::HeldBody;
pub use house::{Errand, Fetch, GrpcCall, House, Level};
pub use metric::{Family, MetricKind};
pub(super) use patch::apply;
pub(super) use ticker::{BUSY_TICK, IDLE_TICK, POLLING_TICK, SENDING_TICK, Ticker, WAITING_TICK};
