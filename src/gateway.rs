//! The corridor: compiles the rooms once, walks each request through them in order. Only it knows the order.
//!
//! `decide` is a function of the call and of what is known. Where something is missing that only the host
//! can fetch, it says so by a [`Need`]; the host fetches it and the same call is walked again. What a walk
//! has proven stays in the [`Call`]. Nothing is spent before `admit`, the step before the last; but a proof of possession
//! is used up where it is taken, so that nobody can send it again with another body.
//!
//! A configuration is `compiled` once. What the `host` tells, and what a worker has `remembered`, is `known` to the `walk`
//! of a `call`; what that takes of quotas and room is in `spending`, and what is told of it in `report`.

mod call;
mod compiled;
mod host;
mod known;
mod remembered;
mod report;
mod spending;
mod stop;
mod walk;

pub use call::Call;
pub use compiled::{Gateway, Wants, longest_body};
pub use host::{Body, Content, Ending, Need, Outcome, Patience, Pending, Polled, Remote};
pub use known::Known;
pub use remembered::Memory;

#[cfg(test)]
mod tests;
