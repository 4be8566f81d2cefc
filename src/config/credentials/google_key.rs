//! A key of a Google service account.

use serde::{Deserialize, Serialize};

use crate::config::values::SecretSource;

/// A key of a service account. It signs tokens of an hour, and nobody is asked for them.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct GoogleKey {
    /// The key file's JSON, as Google gives it.
    pub key: SecretSource,
    /// The service that the tokens are for.
    #[serde(default = "GoogleKey::default_audience")]
    pub audience: String,
}

impl GoogleKey {
    /// Gemini's API, which serves no Vertex AI.
    pub const GEMINI: &str = "https://generativelanguage.googleapis.com/";

    fn default_audience() -> String {
        Self::GEMINI.to_owned()
    }
}
