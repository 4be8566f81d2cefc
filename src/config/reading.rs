//! Reading a JSON document, with the path of what is wrong in it.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::de::{Read, SliceRead};

use super::error::ConfigError;

/// Reads another document of ours, such as a revocation list.
///
/// # Errors
/// One line: the path of the first field that is unknown, missing or of the wrong shape, and why.
pub fn read_document<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    // Keeping track of the path takes time, and most documents have no error.
    if let Ok(document) = serde_json::from_slice(bytes) {
        return Ok(document);
    }
    read(SliceRead::new(bytes), ROOT).map_err(|error| match error.at.as_str() {
        ROOT => error.why,
        _ => error.to_string(),
    })
}

/// What `serde_path_to_error` calls the whole document.
const ROOT: &str = ".";

/// Reads one JSON document; what follows it is an error at `whole`.
pub(super) fn read<'a, T: Deserialize<'a>>(json: impl Read<'a>, whole: &str) -> Result<T, ConfigError> {
    let mut deserializer = serde_json::Deserializer::new(json);
    let document = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| ConfigError::new(error.path().to_string(), error.inner().to_string()))?;
    deserializer.end().map_err(|error| ConfigError::new(whole, error.to_string()))?;
    Ok(document)
}
