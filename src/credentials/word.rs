//! Secrets that go into a header or under a signature as one word.

use crate::config::{ConfigError, SecretSource};
use crate::secret::{Environment, Secret};

/// As [`SecretSource::read`].
///
/// # Errors
/// Also a value with a blank or a line break, which is mostly one too much at its end.
pub(super) fn read_word(
    source: &SecretSource,
    at: &str,
    environment: Environment<'_>,
) -> Result<Option<Secret>, ConfigError> {
    let secret = source.read(at, environment)?;
    let is_word = |secret: &Secret| secret.expose().iter().all(u8::is_ascii_graphic);
    match secret.as_ref().is_none_or(is_word) {
        true => Ok(secret),
        false => Err(ConfigError::new(
            at,
            "the variable's value is not one word of visible ASCII; look for a line break in it",
        )),
    }
}
