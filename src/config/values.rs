//! Values that more than one section has: units, money, hashes, secrets, and what must be true of texts.

mod dollars;
mod key_hash;
mod requirements;
mod secret_source;
mod thumbprint;
mod units;

pub use dollars::{Dollars, Factor};
pub use key_hash::KeyHash;
pub use requirements::{require_exact_path, require_reachable, require_text};
pub use secret_source::{SecretSource, read_secret};
pub use thumbprint::Thumbprint;
pub use units::{ByteSize, Span, Timestamp};
pub(super) use units::{Text, span_or_none};
