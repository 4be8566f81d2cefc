//! From a configuration to its gateway.

use super::gateway::Gateway;
use super::labels::Labels;
use super::published::Published;
use super::remembers::Remembers;
use super::rooms::Rooms;
use super::settings::Settings;
use super::wants::Wants;
use crate::anomaly::Anomalies;
use crate::config::{Config, ConfigError};
use crate::credentials::Credentials;
use crate::dialect::Wanted;
use crate::identity::Identity;
use crate::ledger::Ledger;
use crate::mint::Minting;
use crate::own_key::OwnKeys;
use crate::policy::{self, PolicySet};
use crate::price::PriceTable;
use crate::quota::{QuotaSet, Service};
use crate::revocation::Revocations;
use crate::secret::Environment;
use crate::upstream::Upstreams;

impl Gateway {
    /// Compiles a whole configuration.
    ///
    /// # Errors
    /// The first section that is wrong, with its place and the remedy.
    pub fn compile(config: &Config, environment: Environment<'_>) -> Result<Self, ConfigError> {
        let engine = policy::engine(&config.variables)?;
        let policies = PolicySet::compile(&config.policies, &engine)?;
        let service = config.rate_limit_service.as_ref();
        let service = service.map(|service| Service::compile(service, config.hold_timeout)).transpose()?;
        let quotas = QuotaSet::compile(&config.quotas, service, &engine)?;
        let identity = Identity::compile(config, &engine, environment)?;
        let published = Published::compile(config, &identity)?;
        let credentials = Credentials::compile(&config.credentials, &config.files, environment)?;
        let rooms = Rooms {
            upstreams: Upstreams::compile(&config.upstreams, &credentials, environment)?,
            credentials,
            minting: config.tokens.as_ref().map(|tokens| Minting::compile(tokens, &engine)).transpose()?,
            own_keys: OwnKeys::compile(config, &engine, environment)?,
            prices: config.prices.as_ref().map(PriceTable::compile).transpose()?,
            anomalies: config.anomalies.as_ref().map(Anomalies::compile).transpose()?,
            revocations: Revocations::compile(&config.revocations)?,
            ledger: Ledger::new(),
            engine,
            identity,
            policies,
            quotas,
        };
        let labels = Labels::compile(&config.record.labels, &rooms.engine)?;
        let gateway = Self {
            wants: Wants::of(config, &rooms, &labels),
            remembers: Remembers::of(&rooms.policies, &rooms.quotas),
            wanted_of_each: wanted_of_each(&rooms.quotas, &labels),
            settings: Settings::compile(config)?,
            published,
            labels,
            rooms,
        };
        gateway.check_client_address()?;
        gateway.check_hold()?;
        gateway.check_holding()?;
        gateway.check_metering()?;
        gateway.check_anomalies()?;
        gateway.check_credentials()?;
        Ok(gateway)
    }
}

fn wanted_of_each(quotas: &QuotaSet, labels: &Labels) -> Wanted {
    Wanted {
        demanded: policy::asked_of_bodies(quotas.reads()),
        noted: policy::asked_of_bodies(labels.reads()),
    }
}
