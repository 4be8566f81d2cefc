//! The settings of the walk itself, and whether the rooms can work under them.

use super::Gateway;
use crate::config::{
    Attach, ByteSize, ClientAddress, Config, ConfigError, Hold, MeteredUsage, Metering, StreamUsage,
};
use crate::dialect;
use crate::holding::Bounds;
use crate::policy::BODY_FIELDS;
use crate::price::PriceTable;
use crate::upstream::Upstream;

/// The settings that belong to the walk itself.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) hold: Hold,
    pub(super) attach: Attach,
    pub(super) hold_timeout_ms: u64,
    pub(super) body_limit: u64,
    pub(super) form_limit: u64,
    pub(super) holding: Bounds,
    pub(super) client_address: Option<ClientAddress>,
    pub(super) open: Vec<(String, String)>,
    pub(super) metric_tenants: usize,
    pub(super) credential_cache: usize,
    pub(super) metering: Metering,
}

impl Settings {
    pub(super) fn compile(config: &Config) -> Result<Self, ConfigError> {
        for (index, open) in config.open.iter().enumerate() {
            if !open.path.starts_with('/') || open.path.contains('?') {
                let why = format!("`{}` is not an exact path; write one such as `/healthz`", open.path);
                return Err(ConfigError::new(format!("open[{index}].path"), why));
            }
        }
        Ok(Self {
            hold: config.hold,
            attach: config.attach,
            hold_timeout_ms: config.hold_timeout.milliseconds(),
            body_limit: config.body_limit.bytes(),
            form_limit: form_limit(config),
            holding: holding(config),
            client_address: config.client_address,
            open: config.open.iter().map(|open| (open.method.clone(), open.path.clone())).collect(),
            metric_tenants: usize::try_from(config.metric_tenants).unwrap_or(usize::MAX),
            credential_cache: usize::try_from(config.credential_cache).unwrap_or(usize::MAX),
            metering: config.metering,
        })
    }
}

const MIB: u64 = 1024 * 1024;

/// Room for one file of 50 MB, the most that OpenAI takes, and the fields beside it. Whoever made the other limit small
/// means to hold little.
fn form_limit(config: &Config) -> u64 {
    const FORM: u64 = 52 * MIB;
    const BODY: u64 = 32 * MIB;
    let body = config.body_limit.bytes();
    let default = if body < BODY { body } else { FORM.max(body) };
    config.form_limit.map_or(default, ByteSize::bytes)
}

/// How much of a body is held at most, whatever it is, in bytes.
pub fn longest_body(config: &Config) -> u64 {
    config.body_limit.bytes().max(form_limit(config))
}

fn holding(config: &Config) -> Bounds {
    const CALLER: u64 = 48 * MIB;
    const WORKER: u64 = 256 * MIB;
    const CALLERS: u64 = 4;
    let caller = config.held_bytes_per_caller.map(ByteSize::bytes);
    let caller = caller.unwrap_or_else(|| CALLER.max(config.body_limit.bytes()));
    let worker = config.held_bytes.map(ByteSize::bytes);
    Bounds { worker: worker.unwrap_or_else(|| WORKER.max(caller.saturating_mul(CALLERS))), caller }
}

impl Gateway {
    pub(super) fn check_client_address(&self) -> Result<(), ConfigError> {
        let reads_source = self.policies.reads().variable("source") || self.quotas.reads().variable("source");
        if reads_source && self.settings.client_address.is_none() {
            let why = "a rule or a quota reads `source`; write `client_address: peer`, or `forwarded` behind trusted proxies";
            return Err(ConfigError::new("client_address", why));
        }
        Ok(())
    }

    pub(super) fn check_metering(&self) -> Result<(), ConfigError> {
        if self.settings.metering.usage == MeteredUsage::Ignore && self.quotas.needs_usage() {
            let why = "a quota counts what only the answers tell; write `record`, or leave this out";
            return Err(ConfigError::new("metering.usage", why));
        }
        if self.prices.is_none() && self.quotas.needs_prices() {
            let why = "a quota counts microdollars, and there are no prices; write what the models cost";
            return Err(ConfigError::new("prices", why));
        }
        let named = self.prices.as_ref().into_iter().flat_map(PriceTable::clusters);
        for (index, cluster) in named {
            if self.upstreams.select(Some(cluster)).is_err() {
                let why = format!("`{cluster}` is no cluster of `upstreams`");
                return Err(ConfigError::new(format!("prices.models[{index}].upstreams"), why));
            }
        }
        Ok(())
    }

    pub(super) fn check_hold(&self) -> Result<(), ConfigError> {
        if self.settings.hold == Hold::HeadersAndBody {
            return Ok(());
        }
        if self.minting.is_some() {
            let why = "a request for a token has a body, and with `hold: headers` it could not be read before the headers leave; give tokens by another gateway that shares `tokens`";
            return Err(ConfigError::new("tokens", why));
        }
        if self.settings.metering.stream_usage == StreamUsage::Always {
            let why = "what a body asks for cannot be added to with `hold: headers`, which lets it pass unread; write `as_asked`, or leave this out";
            return Err(ConfigError::new("metering.stream_usage", why));
        }
        if self.upstreams.iter().any(Upstream::has_stateless_responses) {
            let why = "what a request asks for cannot be added to with `hold: headers`, which lets its body pass unread; leave it out, or hold bodies";
            return Err(ConfigError::new("upstreams.stateless_responses", why));
        }
        let why = |what: &str| {
            ConfigError::new(
                "hold",
                format!("`headers` lets the headers leave before the body is read, but {what}"),
            )
        };
        for upstream in self.upstreams.iter() {
            let cluster = upstream.facts().cluster;
            if upstream.stream_usage() == Some(StreamUsage::Always) {
                return Err(why(&format!("`{cluster}` has `stream_usage: always`, which adds to bodies")));
            }
            if dialect::model_is_only_in_body(upstream.dialect()) {
                return Err(why(&format!("`{cluster}` names its model in the body")));
            }
            if !upstream.belongs_to_tenants() {
                return Err(why(&format!(
                    "tenants share the account of `{cluster}`, where a body could name what others stored; give it a `tenant`, or each tenant its own credential"
                )));
            }
        }
        let reads_body = |field: &&str| {
            self.policies.reads().field("llm", field) || self.quotas.reads().field("llm", field)
        };
        match BODY_FIELDS.iter().filter(|field| !field.starts_with("model")).find(|field| reads_body(field)) {
            Some(field) => Err(why(&format!("`llm.{field}` is read"))),
            None => Ok(()),
        }
    }
}
