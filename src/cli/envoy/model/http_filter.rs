//! One HTTP filter: what it is, where its configuration stands, and whether it is claimgate.

use std::rc::Rc;

use crate::cli::document::Finding;
use crate::cli::envoy::files::{ConfigNode, Resources};
use crate::config::Config;

/// The name of the filter, its plugin and its root in Envoy, as `claimgate bundle` writes it.
const NAME: &str = "claimgate";
/// The root of the half that runs on clusters.
const HALF: &str = "claimgate-at-cluster";

/// An entry of `http_filters`.
#[derive(Clone, Debug)]
pub(in crate::cli) struct HttpFilter<'a> {
    pub(in crate::cli) at: ConfigNode<'a>,
    pub(in crate::cli) name: &'a str,
    /// The full name of the configuration's type; none where it is discovered and unseen.
    kind: Option<&'a str>,
    pub(in crate::cli) config: Option<ConfigNode<'a>>,
    pub(in crate::cli) role: Role,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Role {
    /// Decides, in the listener's chain.
    Gate,
    /// Attaches, on a cluster.
    Half,
    /// Is not ours.
    Other,
}

impl<'a> HttpFilter<'a> {
    pub(in crate::cli) fn read(at: ConfigNode<'a>, resources: &Resources<'a>) -> Self {
        let name = at.text_of("name").unwrap_or_default();
        let discovered = || {
            let filters = resources.filters.iter();
            filters.clone().find(|filter| filter.text_of("name") == Some(name))?.typed_config()
        };
        let found = at.typed_config().or_else(discovered);
        let (kind, config) = found.unzip();
        let mut filter = Self { at, name, kind, config, role: Role::Other };
        filter.role = filter.find_role();
        filter
    }

    /// A filter that no discovery could help to read.
    pub(in crate::cli) fn read_alone(at: ConfigNode<'a>) -> Self {
        Self::read(at, &Resources::default())
    }

    /// The filter that the configuration `config` alone makes.
    pub(in crate::cli) fn of_config(config: &ConfigNode<'a>) -> Self {
        let (kind, content) = config.unpacked().unzip();
        let mut filter = Self { at: config.clone(), name: "", kind, config: content, role: Role::Other };
        filter.role = filter.find_role();
        filter
    }

    pub(in crate::cli) fn is_half(&self) -> bool {
        self.role == Role::Half
    }

    /// True for Envoy's own filter of that name, such as `ext_authz`.
    pub(in crate::cli) fn is(&self, short: &str) -> bool {
        match self.kind {
            Some(kind) => kind.contains(&format!(".filters.http.{short}.")),
            None => self.name.strip_prefix("envoy.filters.http.") == Some(short),
        }
    }

    pub(in crate::cli) fn is_any(&self, shorts: &[&str]) -> bool {
        shorts.iter().any(|short| self.is(short))
    }

    /// The filters that a router gives to clusters which have none of their own.
    pub(in crate::cli) fn given_to_clusters(&self) -> Vec<Self> {
        let given =
            self.config.as_ref().map(|config| config.list("upstream_http_filters")).unwrap_or_default();
        given.into_iter().map(Self::read_alone).collect()
    }

    /// The wasm plugin's settings.
    pub(in crate::cli) fn plugin(&self) -> Option<ConfigNode<'a>> {
        self.config.as_ref()?.field("config")
    }

    pub(in crate::cli) fn is_discovered_and_unseen(&self) -> bool {
        self.config.is_none() && self.at.field("config_discovery").is_some()
    }

    /// What the plugin is told to enforce, where that can be seen: a `google.protobuf.StringValue`, as Envoy hands
    /// nothing else to a plugin as it was written.
    ///
    /// # Errors
    /// A configuration that the filter itself would refuse.
    pub(in crate::cli) fn enforced(&self) -> Result<Option<Rc<Config>>, Finding> {
        let Some(node) = self.plugin().and_then(|plugin| plugin.field("configuration")) else {
            return Ok(None);
        };
        let Some(json) = node.text_of("value") else { return Ok(None) };
        match Config::from_json(json.as_bytes()) {
            Ok(config) => Ok(Some(Rc::new(config))),
            Err(error) => Err(node
                .place_of("value")
                .finding(format!("the filter would refuse this configuration: {error}"))),
        }
    }

    fn find_role(&self) -> Role {
        if self.kind.is_some_and(|kind| !kind.contains(".wasm.")) {
            return Role::Other;
        }
        let plugin = self.plugin();
        let of_plugin = |field: &str| plugin.as_ref().and_then(|plugin| plugin.text_of(field));
        let names = [Some(self.name), of_plugin("name"), of_plugin("root_id")];
        if names.contains(&Some(HALF)) {
            return Role::Half;
        }
        let is_named = names.into_iter().flatten().any(|name| name.rsplit(['.', '/']).next() == Some(NAME));
        if is_named || self.enforced().is_ok_and(|config| config.is_some()) {
            Role::Gate
        } else {
            Role::Other
        }
    }
}
