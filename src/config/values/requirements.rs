//! What must be true of texts in more than one section.

use crate::config::error::ConfigError;

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
