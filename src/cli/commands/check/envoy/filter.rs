//! One HTTP filter: what it is, where its configuration stands, and whether it is claimgate.

use std::rc::Rc;

use super::part::Part;
use super::sources::Resources;
use crate::cli::document::Finding;
use crate::config::Config;

/// The name of the filter, its plugin and its root in Envoy, as `claimgate bundle` writes it.
const NAME: &str = "claimgate";
/// The root of the half that runs on clusters.
const HALF: &str = "claimgate-at-cluster";

/// An entry of `http_filters`.
#[derive(Clone, Debug)]
pub(super) struct HttpFilter<'a> {
    pub(super) at: Part<'a>,
    pub(super) name: &'a str,
    /// The full name of the configuration's type; none where it is discovered and unseen.
    kind: Option<&'a str>,
    pub(super) config: Option<Part<'a>>,
    pub(super) role: Role,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Decides, in the listener's chain.
    Gate,
    /// Attaches, on a cluster.
    Half,
    /// Is not ours.
    Other,
}

impl<'a> HttpFilter<'a> {
    pub(super) fn read(at: Part<'a>, resources: &Resources<'a>) -> Self {
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
    pub(super) fn read_alone(at: Part<'a>) -> Self {
        Self::read(at, &Resources::default())
    }

    /// The filter that the configuration `config` alone makes.
    pub(super) fn of_config(config: &Part<'a>) -> Self {
        let (kind, content) = config.unpacked().unzip();
        let mut filter = Self { at: config.clone(), name: "", kind, config: content, role: Role::Other };
        filter.role = filter.find_role();
        filter
    }

    pub(super) fn is_half(&self) -> bool {
        self.role == Role::Half
    }

    /// True for Envoy's own filter of that name, such as `ext_authz`.
    pub(super) fn is(&self, short: &str) -> bool {
        match self.kind {
            Some(kind) => kind.contains(&format!(".filters.http.{short}.")),
            None => self.name.strip_prefix("envoy.filters.http.") == Some(short),
        }
    }

    pub(super) fn is_any(&self, shorts: &[&str]) -> bool {
        shorts.iter().any(|short| self.is(short))
    }

    /// The wasm plugin's settings.
    pub(super) fn plugin(&self) -> Option<Part<'a>> {
        self.config.as_ref()?.field("config")
    }

    pub(super) fn is_discovered_and_unseen(&self) -> bool {
        self.config.is_none() && self.at.field("config_discovery").is_some()
    }

    /// What the plugin is told to enforce, where that can be seen: a `google.protobuf.StringValue`, as Envoy hands
    /// nothing else to a plugin as it was written.
    ///
    /// # Errors
    /// A configuration that the filter itself would refuse.
    pub(super) fn enforced(&self) -> Result<Option<Rc<Config>>, Finding> {
        let Some(part) = self.plugin().and_then(|plugin| plugin.field("configuration")) else {
            return Ok(None);
        };
        let Some(json) = part.text_of("value") else { return Ok(None) };
        match Config::from_json(json.as_bytes()) {
            Ok(config) => Ok(Some(Rc::new(config))),
            Err(error) => Err(part
                .spot("value")
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
