//! What the gateway itself gives to who asks: tokens of its own, and users' own keys, sealed.

mod minting;
mod sealing;
