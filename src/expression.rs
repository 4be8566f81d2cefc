//! CEL: text in, compiled expressions out. The only room that names the CEL crate.
//!
//! Every expression is compiled and checked when the configuration loads: its length and nesting are
//! bounded, each variable, field and function it names must exist, and it is run once on typical facts so
//! that a type error shows before the first request. At run time an error is a [`Fault`], and its user
//! denies.
//!
//! It does not know what the variables mean. The rooms below hand in a [`Vocabulary`] and [`Facts`].
//!
//! The parser is the crate's Pratt parser, not its ANTLR one: it bounds its own recursion, and without the
//! other the wasm module is 530 KB smaller.

mod members;
mod vocabulary;
mod glob;
mod models;
mod functions;
mod steps;
mod reads;
mod fact;
mod fault;
mod parsing;
mod runnable;
#[cfg(not(target_arch = "wasm32"))]
mod explained;
mod compiled;
mod variables;
mod engine;

pub use compiled::{Expression, Scope};
pub use engine::Engine;
#[cfg(not(target_arch = "wasm32"))]
pub use explained::{CameTo, Explained, Shown};
pub use fact::{Fact, Facts};
pub use fault::Fault;
pub use functions::scope_covers;
pub use glob::matches_glob;
pub use members::Members;
pub use models::{allows_model, forbids_model};
pub use reads::Reads;
pub use variables::{VARIABLES, is_name};
pub use vocabulary::{Field, Vocabulary};

#[cfg(test)]
mod tests;
