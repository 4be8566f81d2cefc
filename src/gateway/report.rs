//! What the caller and the operator are told of a call.

mod account;
mod addresses;
mod answers;
mod labelling;
mod record;
mod tallies;
