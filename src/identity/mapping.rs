//! Makes a principal of a token's claims: the defaults follow RFC 9068, and the configuration may override each.

mod claim_map;
mod principal_of;

pub(super) use claim_map::{ClaimMap, Mapped};
pub(super) use principal_of::principal_of;

#[cfg(test)]
mod tests;
