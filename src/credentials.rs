//! The credentials at providers that are got: which token there is, when the next one is due, what is asked for it, and what
//! an answer means.
//!
//! It asks nobody, and it attaches nothing. One worker asks for a token, all workers read it from its [`Slot`]; a token is
//! served until shortly before its end, and never after, whatever has become of the next one.

mod word;
mod failure;
mod provider_error;
mod token;
mod answer;
mod request;
mod kind;
mod slot;
mod credential;
mod compile;

pub use answer::{MAX_TOKEN_ANSWER_BYTES, TokenAnswer};
pub use compile::{Chosen, CredentialIndex, Credentials, Slots};
pub use credential::Credential;
pub use failure::{Failure, FailureKind, Setback};
pub use request::{Made, Step, TokenRequest};
pub use slot::{Absence, Slot};
pub use token::Token;

#[cfg(test)]
mod tests;
