//! The half of the gateway that runs on a cluster (`HttpProtocolOptions.http_filters`): it puts the provider's
//! credential on, where the decided request arrives at the cluster it was decided for.
//!
//! It sees every retry, and chooses anew among several keys. It has no record of its own, and asks for no token: the half in the
//! listener's chain does.

use std::rc::Rc;
use std::sync::Arc;

use super::fetching::slot;
use super::host::{Entropy, Exchange, House, Item, Level, Part, apply, attributes};
use super::pools::Pools;
use super::stream::Next;
use crate::config::{Config, ConfigError};
use crate::credentials::{Credentials, Picked, PoolIndex, Ticket};
use crate::denial::{Answer, Denial, Reason};
use crate::expression::Engine;
use crate::own_key::{OwnKey, OwnKeys};
use crate::secret::Environment;
use crate::upstream::{AtHand, Attached, Passport, Upstreams};

/// What this half is called in Envoy's configuration.
pub const AT_CLUSTER: &str = "claimgate-at-cluster";

/// Tells the half in the listener's chain why this half refused.
pub(super) const REFUSAL: &str = "x-claimgate-at-cluster";
/// Tells it which of several keys went on.
pub(super) const MEMBER: &str = "x-claimgate-pool-member";

/// One configuration on a cluster, compiled.
#[derive(Debug)]
pub struct ClusterHalf {
    upstreams: Upstreams,
    credentials: Credentials,
    /// `None` where nobody brings a key of its own.
    own_keys: Option<OwnKeys>,
}

/// It in one worker.
pub struct AtCluster {
    half: Arc<ClusterHalf>,
    pools: Pools,
    entropy: Entropy,
}

/// One attempt at a provider.
pub struct Attempt {
    at_cluster: Rc<AtCluster>,
    /// The key that went on, where it is one of several.
    picked: Option<Picked>,
}

impl Attempt {
    pub fn new(at_cluster: Rc<AtCluster>) -> Self {
        Self { at_cluster, picked: None }
    }

    pub fn request_headers(&mut self, house: &dyn House, exchange: &dyn Exchange) -> Next {
        let (next, picked) = self.at_cluster.attach(house, exchange);
        self.picked = picked;
        next
    }

    pub fn response_headers(&self, house: &dyn House, exchange: &dyn Exchange) -> Next {
        if let Some(picked) = &self.picked {
            self.at_cluster.answered(house, exchange, picked);
        }
        Next::Continue
    }
}

impl ClusterHalf {
    /// # Errors
    /// What of the sections that it reads is wrong.
    pub fn compile(config: &Config, environment: Environment<'_>) -> Result<Self, ConfigError> {
        let credentials = Credentials::compile(&config.credentials, &config.files, environment)?;
        Ok(Self {
            upstreams: Upstreams::compile(&config.upstreams, &credentials, environment)?,
            own_keys: OwnKeys::compile(config, &Engine::new()?, environment)?,
            credentials,
        })
    }
}

impl AtCluster {
    pub fn open(half: Arc<ClusterHalf>, house: &dyn House) -> Self {
        let pools = Pools::open(house, &half.credentials);
        Self { half, pools, entropy: Entropy::default() }
    }

    fn attach(&self, house: &dyn House, exchange: &dyn Exchange) -> (Next, Option<Picked>) {
        let passport: Option<Passport> =
            exchange.remembered(Item::Passport).and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let cluster = attributes::cluster(exchange);
        let token = |index| {
            let slot = slot(house, self.half.credentials.get(index)?);
            slot.usable(house.now_ms()).ok().cloned()
        };
        let own_key = |sealed: &[u8]| self.own_key(sealed, house.now_ms() / 1000);
        let member = |index, ticket| self.member(house, index, ticket);
        let at_hand = AtHand { token: &token, member: &member, own_key: &own_key };
        match self.half.upstreams.attach_at_cluster(cluster.as_deref(), passport.as_ref(), &at_hand) {
            Ok(Attached { patch, picked }) => {
                apply(exchange, Part::RequestHeaders, &patch);
                if let Some(picked) = &picked {
                    self.pools.goes_on(house, &self.half.credentials, picked);
                }
                (Next::Continue, picked)
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
                let mut headers = vec![(REFUSAL.to_owned(), denial.reason().code().to_owned())];
                let wait_s =
                    denial.seconds_to_wait().map(|seconds| ("retry-after".to_owned(), seconds.to_string()));
                headers.extend(wait_s);
                exchange.answer(&Answer { status: denial.status(), headers, body: String::new() });
                (Next::Pause, None)
            }
        }
    }

    fn answered(&self, house: &dyn House, exchange: &dyn Exchange, picked: &Picked) {
        let headers = exchange.headers(Part::ResponseHeaders);
        let pool = self.half.credentials.pool(picked.pool);
        let spell =
            pool.zip(attributes::status(&headers)).and_then(|(pool, status)| pool.spell(status, &headers));
        if let Some(spell) = spell {
            self.pools.keep_back(house, &self.half.credentials, (picked, spell));
        }
        exchange.set_header(Part::ResponseHeaders, MEMBER, picked.member.name().as_bytes());
    }

    /// One of several keys. The half in the listener's chain has seen that one serves.
    fn member(&self, house: &dyn House, index: PoolIndex, ticket: Ticket) -> Result<Picked, Denial> {
        let pool = self.half.credentials.pool(index).ok_or(Reason::UpstreamPoolExhausted)?;
        let state = self.pools.state(house, &self.half.credentials, index);
        let moment = self.entropy.moment(house);
        pool.pick(index, ticket, &state, &moment).map_err(|exhausted| exhausted.denial(pool, moment.unix_ms))
    }

    /// The caller's own key. Whose it is, the half in the listener's chain has seen; it may have ended since.
    fn own_key(&self, sealed: &[u8], now_seconds: u64) -> Result<OwnKey, Denial> {
        let own_keys = self.half.own_keys.as_ref().ok_or(Reason::ProviderKeysUnavailable)?;
        let key = own_keys.open_carried(sealed)?;
        match key.expires_at() > now_seconds {
            true => Ok(key),
            false => Err(Reason::ProviderKeyExpired.into()),
        }
    }
}
