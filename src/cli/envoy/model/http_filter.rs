//! One HTTP filter: what it is, where its configuration stands, and whether it is claimgate.

use std::rc::Rc;

use crate::cli::document::Finding;
use crate::cli::envoy::files::{ConfigNode, Resources};
use crate::config::Config;
use crate::lifecycle::AT_CLUSTER;

/// The name of the filter, its plugin and its root in Envoy, as `claimgate bundle` writes it.
const NAME: &str = "claimgate";
/// Filters that are a program or ask one, which may have Envoy choose the route again.
const PROGRAMS: [&str; 6] = ["ext_authz", "ext_proc", "lua", "wasm", "golang", "dynamic_modules"];

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

    /// True for a dynamic module, ours or another.
    pub(in crate::cli) fn is_module(&self) -> bool {
        self.kind.is_some_and(|kind| kind.contains(".dynamic_modules."))
    }

    /// True where Envoy may choose the route again once a request has passed this filter.
    pub(in crate::cli) fn may_choose_route_again(&self) -> bool {
        let is_told = |config: &ConfigNode<'a>| {
            config.everything().iter().any(|node| node.is_true("clear_route_cache"))
        };
        self.is_any(&PROGRAMS) || self.config.as_ref().is_some_and(is_told)
    }

    /// The wasm plugin's settings.
    pub(in crate::cli) fn plugin(&self) -> Option<ConfigNode<'a>> {
        self.config.as_ref().filter(|_| !self.is_module())?.field("config")
    }

    /// Where a dynamic module comes from.
    pub(in crate::cli) fn library(&self) -> Option<ConfigNode<'a>> {
        self.config.as_ref().filter(|_| self.is_module())?.field("dynamic_module_config")
    }

    pub(in crate::cli) fn is_discovered_and_unseen(&self) -> bool {
        self.config.is_none() && self.at.field("config_discovery").is_some()
    }

    /// What the filter is told to enforce, where that can be seen.
    ///
    /// # Errors
    /// A configuration that the filter itself would refuse.
    pub(in crate::cli) fn enforced(&self) -> Result<Option<Rc<Config>>, Finding> {
        let node = match self.is_module() {
            true => self.config.as_ref().and_then(|config| config.field("filter_config")),
            false => self.plugin().and_then(|plugin| plugin.field("configuration")),
        };
        let handed = node.and_then(|node| self.handed_over(&node).map(|json| (node, json)));
        let Some((node, json)) = handed else { return Ok(None) };
        match Config::from_json(json.as_bytes()) {
            Ok(config) => Ok(Some(Rc::new(config))),
            Err(error) => Err(node
                .place_of("value")
                .finding(format!("the filter would refuse this configuration: {error}"))),
        }
    }

    /// The text that Envoy hands to the filter: a `google.protobuf.StringValue`, and to a module also a `Struct` as JSON.
    fn handed_over(&self, value: &ConfigNode<'a>) -> Option<String> {
        let is = |kind: &str| value.unpacked().is_some_and(|(found, _)| found == kind);
        if self.is_module() && is("google.protobuf.Struct") {
            return Some(value.field("value")?.to_json().to_string());
        }
        // It is not read from what encodes it.
        value.text_of("value").filter(|_| !is("google.protobuf.BytesValue")).map(str::to_owned)
    }

    fn find_role(&self) -> Role {
        if self.kind.is_some_and(|kind| !kind.contains(".wasm.") && !self.is_module()) {
            return Role::Other;
        }
        let of = |node: Option<ConfigNode<'a>>, field: &str| node.and_then(|node| node.text_of(field));
        // A module is the half by the filter's name alone; whatever else it is called, it decides.
        let names = match self.is_module() {
            true => [of(self.config.clone(), "filter_name"), of(self.library(), "name"), None],
            false => [of(self.plugin(), "name"), of(self.plugin(), "root_id"), Some(self.name)],
        };
        if names.contains(&Some(AT_CLUSTER)) {
            return Role::Half;
        }
        let names = names.into_iter().chain([Some(self.name)]);
        let is_named = names.flatten().any(|name| name.rsplit(['.', '/']).next() == Some(NAME));
        if is_named || self.enforced().is_ok_and(|config| config.is_some()) {
            Role::Gate
        } else {
            Role::Other
        }
    }
}
