//! The key that both sides derive, by `ECDH-ES+A256KW` on X25519 (RFC 7518 section 4.6, RFC 8037 section 3.2). The only file that
//! names the curve.

use ed25519_compact::x25519::{PublicKey, SecretKey};
use hmac_sha256::Hash;

use crate::own_key::jwe::WrappingKey;

/// The size of each half of a pair, in bytes.
pub(super) const HALF: usize = 32;

/// As it stands in the protected header, and in what the key is derived from.
pub(super) const ALGORITHM: &str = "ECDH-ES+A256KW";

/// The public half of a private one; `None` for one that is none.
pub(super) fn public_half(private: &[u8; HALF]) -> Option<[u8; HALF]> {
    SecretKey::new(*private).recover_public_key().ok().map(|public| *public)
}

/// The key that wraps, from one side's private half and the other side's public one; `None` for a public half that would give
/// everybody the same.
pub(super) fn wrapping_key(private: &[u8; HALF], public: &[u8; HALF]) -> Option<WrappingKey> {
    let shared = PublicKey::from_slice(public).ok()?.dh(&SecretKey::new(*private)).ok()?;
    Some(WrappingKey::new(&derived(&shared)))
}

/// The Concat KDF, of which one round is enough for 256 bits. No party has a name (`apu`, `apv`).
fn derived(shared: &[u8; HALF]) -> [u8; 32] {
    const BITS: u32 = 256;
    let length = u32::try_from(ALGORITHM.len()).unwrap_or_default();
    let (round, none) = (1_u32.to_be_bytes(), 0_u32.to_be_bytes());
    let parts: [&[u8]; 7] =
        [&round, shared, &length.to_be_bytes(), ALGORITHM.as_bytes(), &none, &none, &BITS.to_be_bytes()];
    Hash::hash(&parts.concat())
}
