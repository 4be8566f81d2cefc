//! What the gateway says of itself.

use super::challenges::Challenges;
use super::documents::Documents;
use crate::config::{Config, ConfigError};
use crate::identity::{Identity, PublicUrls};

/// What the gateway says of itself.
#[derive(Debug)]
pub(in crate::gateway) struct Published {
    pub(in crate::gateway) documents: Documents,
    pub(in crate::gateway) challenges: Challenges,
    /// `None` where the operator wrote none.
    pub(in crate::gateway) urls: Option<PublicUrls>,
}

impl Published {
    pub(super) fn compile(config: &Config, identity: &Identity) -> Result<Self, ConfigError> {
        let documents = Documents::compile(config, identity.public_keys())?;
        let algorithms = identity.possession().algorithms();
        let challenges = Challenges {
            metadata_url: documents.metadata_url(),
            proof_algorithms: algorithms.map(|names| names.collect::<Vec<_>>().join(" ").into()),
        };
        Ok(Self { documents, challenges, urls: public_urls(config)? })
    }
}

/// The URLs of `public_origins`, or else of `dpop`; `None` where the operator wrote neither.
fn public_urls(config: &Config) -> Result<Option<PublicUrls>, ConfigError> {
    match (config.public_origins.is_empty(), &config.dpop) {
        (false, _) => PublicUrls::compile(&config.public_origins, "public_origins").map(Some),
        (true, Some(dpop)) => PublicUrls::compile(&dpop.public_origins, "dpop.public_origins").map(Some),
        (true, None) => Ok(None),
    }
}
