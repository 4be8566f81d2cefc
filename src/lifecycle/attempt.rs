//! The half of the gateway that runs on a cluster (`HttpProtocolOptions.http_filters`): it puts the provider's
//! credential on, where the decided request arrives at the cluster it was decided for.
//!
//! It sees every retry. It has no record of its own, and asks for no token: the half in the listener's chain does.

use super::fetching::slot;
use super::host::{Exchange, House, Item, Level, Part, apply, attributes};
use super::stream::Next;
use crate::config::{Config, ConfigError};
use crate::credentials::Credentials;
use crate::denial::{Answer, Denial, Reason};
use crate::expression::Engine;
use crate::own_key::{OwnKey, OwnKeys};
use crate::secret::Environment;
use crate::upstream::{AtHand, Passport, Upstreams};

/// Tells the half in the listener's chain why this half refused.
pub(super) const REFUSAL: &str = "x-claimgate-at-cluster";

/// One configuration on a cluster.
pub struct AtCluster {
    upstreams: Upstreams,
    credentials: Credentials,
    /// `None` where nobody brings a key of its own.
    own_keys: Option<OwnKeys>,
}

impl AtCluster {
    /// # Errors
    /// What of the sections that it reads is wrong.
    pub fn compile(config: &Config, environment: Environment<'_>) -> Result<Self, ConfigError> {
        let credentials = Credentials::compile(&config.credentials, &config.files, environment)?;
        let upstreams = Upstreams::compile(&config.upstreams, &credentials, environment)?;
        let own_keys = OwnKeys::compile(config, &Engine::new()?, environment)?;
        Ok(Self { upstreams, credentials, own_keys })
    }

    /// The headers of one attempt at a provider.
    pub fn attempt(&self, house: &dyn House, exchange: &dyn Exchange) -> Next {
        let passport: Option<Passport> =
            exchange.remembered(Item::Passport).and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let cluster = attributes::cluster(exchange);
        let token = |index| {
            let slot = slot(house, self.credentials.get(index)?);
            slot.usable(house.now_ms()).ok().cloned()
        };
        let own_key = |sealed: &[u8]| self.own_key(sealed, house.now_ms() / 1000);
        let at_hand = AtHand { token: &token, own_key: &own_key };
        match self.upstreams.attach_at_cluster(cluster.as_deref(), passport.as_ref(), &at_hand) {
            Ok(patch) => {
                apply(exchange, Part::RequestHeaders, &patch);
                Next::Continue
            }
            Err(denial) => {
                let text = format!(
                    "refused at cluster `{}`: {} {}",
                    cluster.unwrap_or_default(),
                    denial.reason(),
                    denial.note().unwrap_or_default()
                );
                house.log(Level::Warning, &text);
                // The half in the listener's chain puts the answer into the caller's dialect.
                let headers = vec![(REFUSAL.to_owned(), denial.reason().code().to_owned())];
                exchange.answer(&Answer { status: denial.status(), headers, body: String::new() });
                Next::Pause
            }
        }
    }

    /// The caller's own key. Whose it is, the half in the listener's chain has seen; it may have ended since.
    fn own_key(&self, sealed: &[u8], now_seconds: u64) -> Result<OwnKey, Denial> {
        let own_keys = self.own_keys.as_ref().ok_or(Reason::ProviderKeysUnavailable)?;
        let key = own_keys.open_carried(sealed)?;
        match key.expires_at() > now_seconds {
            true => Ok(key),
            false => Err(Reason::ProviderKeyExpired.into()),
        }
    }
}
