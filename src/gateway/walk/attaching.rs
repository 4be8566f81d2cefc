//! What goes on to the provider that is got anew at each pass, and never remembered with a verdict.

mod member;
mod own_key;
mod supply;
mod token;
