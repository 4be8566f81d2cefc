//! Tokens that this gateway makes itself: `cgt_` and a JWT that only it signs and only it reads.
//!
//! A token holds all that its principal is, so that it is verified without asking anybody. What was got with an API key
//! does not hold the key's labels: the key is looked up again, and the token dies with it.

mod content;
mod signing_key;
mod mint;

pub(super) use mint::Mint;

#[cfg(test)]
mod tests;
