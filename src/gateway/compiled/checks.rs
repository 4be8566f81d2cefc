//! Whether the rooms of a configuration can work together under its settings.

use super::gateway::Gateway;
use super::rooms::Rooms;
use crate::config::{Attach, ConfigError, Hold, MeteredUsage, StreamUsage};
use crate::credentials::Exchange;
use crate::dialect;
use crate::holding::Bounds;
use crate::policy;
use crate::price::PriceTable;
use crate::upstream::Upstream;

/// The longest body that may be read, in bytes.
const LONGEST: u64 = 128 * 1024 * 1024;

impl Gateway {
    pub(super) fn check_client_address(&self) -> Result<(), ConfigError> {
        let all = [self.rooms.policies.reads(), self.rooms.quotas.reads(), self.labels.reads()];
        let reads_source = all.iter().any(|reads| reads.variable("source"));
        if reads_source && self.settings.client_address.is_none() {
            let why = "a rule, a quota or a label reads `source`; write `client_address: peer`, or `forwarded` behind trusted proxies";
            return Err(ConfigError::new("client_address", why));
        }
        Ok(())
    }

    pub(super) fn check_metering(&self) -> Result<(), ConfigError> {
        if self.settings.metering.usage == MeteredUsage::Ignore && self.rooms.quotas.needs_usage() {
            let why = "a quota counts what only the answers tell; write `record`, or leave this out";
            return Err(ConfigError::new("metering.usage", why));
        }
        if self.rooms.prices.is_none() && self.rooms.quotas.needs_prices() {
            let why = "a quota counts microdollars, and there are no prices; write what the models cost";
            return Err(ConfigError::new("prices", why));
        }
        let named = self.rooms.prices.as_ref().into_iter().flat_map(PriceTable::clusters);
        for (index, cluster) in named {
            if self.rooms.upstreams.select(Some(cluster)).is_err() {
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
        if self.rooms.minting.is_some() {
            let why = "a request for a token has a body, and with `hold: headers` it could not be read before the headers leave; give tokens by another gateway that shares `tokens`";
            return Err(ConfigError::new("tokens", why));
        }
        if self.rooms.own_keys.is_some() {
            let why = "a request to seal a key has a body, and with `hold: headers` it could not be read before the headers leave; hold bodies, or leave it out";
            return Err(ConfigError::new("own_keys", why));
        }
        if self.settings.metering.stream_usage == StreamUsage::Always {
            let why = "what a body asks for cannot be added to with `hold: headers`, which lets it pass unread; write `as_asked`, or leave this out";
            return Err(ConfigError::new("metering.stream_usage", why));
        }
        if self.rooms.upstreams.iter().any(Upstream::has_stateless_responses) {
            let why = "what a request asks for cannot be added to with `hold: headers`, which lets its body pass unread; leave it out, or hold bodies";
            return Err(ConfigError::new("upstreams.stateless_responses", why));
        }
        let why = |what: &str| {
            ConfigError::new(
                "hold",
                format!("`headers` lets the headers leave before the body is read, but {what}"),
            )
        };
        for upstream in self.rooms.upstreams.iter() {
            let cluster = upstream.cluster();
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
        let all = [self.rooms.policies.reads(), self.rooms.quotas.reads(), self.labels.reads()];
        let is_unread = |(variable, field): &(&str, &str)| {
            policy::is_in_body(variable, field) && !field.starts_with("model")
        };
        match all.into_iter().flat_map(policy::fields_read).find(is_unread) {
            Some((variable, field)) => Err(why(&format!("`{variable}.{field}` is read"))),
            None => Ok(()),
        }
    }

    pub(super) fn check_holding(&self) -> Result<(), ConfigError> {
        let Bounds { worker, caller } = self.settings.holding;
        let (body, longest) = (self.settings.body_limit, self.longest_body());
        for (at, bytes) in [("body_limit", body), ("form_limit", self.settings.form_limit)] {
            if bytes > LONGEST {
                let why = "a body is copied into the filter's memory to be read, of which there is 1 GiB; write `128MiB` or less";
                return Err(ConfigError::new(at, why));
            }
        }
        if caller < body {
            let why = format!("a caller could not send one body of `body_limit`; write {body} or more");
            return Err(ConfigError::new("held_bytes_per_caller", why));
        }
        // Half of it is for those who are not known yet.
        let least = caller.max(longest.saturating_mul(2));
        match worker < least {
            true => Err(ConfigError::new(
                "held_bytes",
                format!(
                    "half of it, which is for callers not known yet, must hold one body of `body_limit` or `form_limit`, and all of it one caller's; write {least} or more"
                ),
            )),
            false => Ok(()),
        }
    }

    pub(super) fn check_credentials(&self) -> Result<(), ConfigError> {
        let Rooms { credentials, upstreams, .. } = &self.rooms;
        let is_used =
            |source| upstreams.iter().any(|upstream| upstream.credentials().any(|used| used == source));
        if let Some((place, (_, id))) =
            credentials.supplies().enumerate().find(|(_, (source, _))| !is_used(*source))
        {
            let why = format!("no upstream has `from: {id}`; name it there, or leave the entry out");
            return Err(ConfigError::new(format!("credentials[{place}].id"), why));
        }
        for (place, exchange) in credentials.exchanges() {
            let at = format!("credentials[{place}].{}", Exchange::KIND);
            if self.settings.attach == Attach::AtCluster {
                let why = "only the half of the gateway in the listener's chain knows callers' tokens; write `attach: in_chain`";
                return Err(ConfigError::new(at, why));
            }
            let unknown = exchange.issuers().iter().position(|issuer| !self.rooms.identity.trusts(issuer));
            if let Some(index) = unknown {
                let why = "no entry of `issuers` has tokens with this `iss`";
                return Err(ConfigError::new(format!("{at}.issuers[{index}]"), why));
            }
        }
        Ok(())
    }

    pub(super) fn check_anomalies(&self) -> Result<(), ConfigError> {
        if self.rooms.anomalies.is_some() && self.settings.client_address.is_none() {
            let why = "`anomalies` looks at the callers' networks; write `client_address: peer`, or `forwarded` behind trusted proxies";
            return Err(ConfigError::new("client_address", why));
        }
        if self.rooms.anomalies.is_none() && self.reads_anomalies() {
            let why = "a rule or a quota reads `principal.anomaly`, and nothing is told of callers' past; write `anomalies: {}`";
            return Err(ConfigError::new("anomalies", why));
        }
        Ok(())
    }
}
