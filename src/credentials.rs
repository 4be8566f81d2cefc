//! The credentials at providers that are got: which token there is, when the next one is due, what is asked for it, and what
//! an answer means.
//!
//! It asks nobody, and it attaches nothing. A token of the gateway's own one worker asks for, and all workers read it from its
//! [`Slot`]; one of a caller's own ([`Exchange`]) each worker has got for itself. Of several keys ([`Pool`]) nothing is got but what
//! answers say of them. A token is served until shortly before its end,
//! and never after, whatever has become of the next one.

mod word;
mod choice;
mod failure;
mod token;
mod answer;
mod refusal;
mod request;
mod client;
mod own;
mod exchange;
mod pool;
mod compile;

pub use answer::{MAX_TOKEN_ANSWER_BYTES, TokenAnswer};
pub use choice::{Chosen, CredentialIndex, ExchangeIndex, PoolIndex, Supply};
pub use compile::{Credentials, Slots};
pub use exchange::{Exchange, ExchangeCaller, ExchangeName, ExchangeQuestion, Exchanged, Settled, Standing};
pub use failure::{Failure, FailureKind, Setback};
pub use own::{Absence, Credential, Slot};
pub use pool::{Exhausted, Member, Picked, Pool, PoolState, Rests, Spell, Ticket};
pub use refusal::refuses_credential;
pub use request::{Made, Step, TokenRequest};
pub use token::Token;

#[cfg(test)]
mod tests;
