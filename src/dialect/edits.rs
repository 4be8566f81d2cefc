//! The two edits of a body that was accepted: the wish for a stream's usage, and the wish that nothing of the answer is kept.

mod body_edit;
mod stateless_response;
mod stream_usage;

pub use stateless_response::{Reasoning, keep_nothing};
pub use stream_usage::ask_for_stream_usage;
