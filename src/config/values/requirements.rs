//! What must be true of texts in more than one section.

use crate::config::error::ConfigError;

/// A path that only one request has: no query, no escape, no empty segment.
pub fn require_exact_path(path: &str, at: &str, example: &str) -> Result<(), ConfigError> {
    let is_exact = path.starts_with('/')
        && !path.ends_with('/')
        && !path.contains(['?', '#', '%', '\\', ' '])
        && !path.contains("//");
    match is_exact {
        true => Ok(()),
        false => {
            Err(ConfigError::new(at, format!("`{path}` is not an exact path; write one such as `{example}`")))
        }
    }
}

/// # Errors
/// A text that is empty or blank.
pub fn require_text(text: &str, at: &str) -> Result<(), ConfigError> {
    match text.trim().is_empty() {
        true => Err(ConfigError::new(at, "an empty text; write the exact value")),
        false => Ok(()),
    }
}

/// # Errors
/// A cluster, host and path where nothing can be asked for.
pub fn require_reachable(cluster: &str, host: &str, path: &str, at: &str) -> Result<(), ConfigError> {
    require_text(cluster, &format!("{at}.cluster"))?;
    require_text(host, &format!("{at}.host"))?;
    match path.starts_with('/') {
        true => Ok(()),
        false => Err(ConfigError::new(
            format!("{at}.path"),
            format!("`{path}` is not a path; write one that begins with `/`"),
        )),
    }
}
