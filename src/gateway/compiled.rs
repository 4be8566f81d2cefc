//! A configuration, compiled: the rooms, what the gateway says of itself, and the settings of the walk.

mod challenges;
mod checks;
mod compiling;
mod documents;
mod gateway;
mod labels;
mod polling;
mod published;
mod remembers;
mod rooms;
mod settings;
mod wants;

pub(super) use challenges::Challenges;
pub use gateway::Gateway;
pub(super) use remembers::Remembers;
pub use settings::longest_body;
pub use wants::Wants;
