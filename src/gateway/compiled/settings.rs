//! The settings of the walk itself.

use crate::config::{Attach, ByteSize, ClientAddress, Config, ConfigError, Hold, Metering};
use crate::holding::Bounds;

/// The settings that belong to the walk itself.
#[derive(Debug)]
pub(in crate::gateway) struct Settings {
    pub(in crate::gateway) hold: Hold,
    pub(in crate::gateway) attach: Attach,
    pub(in crate::gateway) hold_timeout_ms: u64,
    pub(in crate::gateway) body_limit: u64,
    pub(in crate::gateway) form_limit: u64,
    pub(in crate::gateway) holding: Bounds,
    /// `None` where the operator does not say which address is to be believed.
    pub(in crate::gateway) client_address: Option<ClientAddress>,
    pub(in crate::gateway) open: Vec<(String, String)>,
    pub(in crate::gateway) metric_tenants: usize,
    pub(in crate::gateway) credential_cache: usize,
    pub(in crate::gateway) metering: Metering,
}

impl Settings {
    pub(in crate::gateway) fn compile(config: &Config) -> Result<Self, ConfigError> {
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
