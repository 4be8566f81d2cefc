//! The keys that a section names: the present one, and others while it is rotated.

use crate::config::{ConfigError, SecretSource};
use crate::secret::{Environment, Secret};

/// The most others.
const MOST_OTHERS: usize = 4;

/// Each, with its place; the present one first.
///
/// # Errors
/// More others than there can be use for; `remedy` says which to take out.
pub(super) fn places<'a>(
    (at, present): (&str, &'a SecretSource),
    (others_at, others): (&str, &'a [SecretSource]),
    remedy: &str,
) -> Result<Vec<(String, &'a SecretSource)>, ConfigError> {
    if others.len() > MOST_OTHERS {
        return Err(ConfigError::new(
            others_at,
            format!("more than {MOST_OTHERS} keys; take out those {remedy}"),
        ));
    }
    let others = others.iter().enumerate();
    let others = others.map(|(index, key)| (format!("{others_at}[{index}]"), key));
    Ok(std::iter::once((at.to_owned(), present)).chain(others).collect())
}

/// `None` where the environment has no such key.
///
/// # Errors
/// A key that `parse` does not take.
pub(super) fn read<Key>(
    source: &SecretSource,
    at: &str,
    environment: Environment<'_>,
    parse: fn(&Secret) -> Result<Key, &'static str>,
) -> Result<Option<Key>, ConfigError> {
    let SecretSource::Env(name) = source;
    let Some(jwk) = source.read(at, environment)? else { return Ok(None) };
    parse(&jwk).map(Some).map_err(|why| ConfigError::new(at, format!("the value of `{name}` {why}")))
}
