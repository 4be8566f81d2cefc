//! The half of the filter that runs on a cluster (`HttpProtocolOptions.http_filters`): it puts the provider's
//! credential on, where the decided request arrives at the cluster it was decided for.
//!
//! It sees every retry. It has no record of its own: the half in the listener's chain writes it.

use std::rc::Rc;

use log::warn;
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, MapType};

use super::properties;
use super::steps::apply;
use crate::upstream::{Passport, Upstreams};

/// The `root_id` of the plugin on a cluster.
pub(super) const ROOT_ID: &[u8] = b"claimgate-at-cluster";

/// Tells the half in the listener's chain why this half refused.
pub(super) const REFUSAL: &str = "x-claimgate-at-cluster";

/// One attempt at a provider.
pub(super) struct Attempt {
    upstreams: Rc<Upstreams>,
}

impl Attempt {
    pub(super) fn new(upstreams: Rc<Upstreams>) -> Self {
        Self { upstreams }
    }
}

impl Context for Attempt {}

impl HttpContext for Attempt {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        let passport: Option<Passport> =
            properties::passport().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let cluster = properties::cluster();
        match self.upstreams.attach_at_cluster(cluster.as_deref(), passport.as_ref()) {
            Ok(patch) => {
                apply(MapType::HttpRequestHeaders, &patch);
                Action::Continue
            }
            Err(denial) => {
                warn!(
                    "claimgate: refused at cluster `{}`: {} {}",
                    cluster.unwrap_or_default(),
                    denial.reason(),
                    denial.note().unwrap_or_default()
                );
                // The half in the listener's chain puts the answer into the caller's dialect.
                let headers = vec![(REFUSAL, denial.reason().code())];
                let _ = hostcalls::send_http_response(denial.status(), headers, None);
                Action::Pause
            }
        }
    }
}
