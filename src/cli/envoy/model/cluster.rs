//! A cluster, and its options for HTTP.

use super::http_filter::HttpFilter;
use crate::cli::envoy::files::{ConfigNode, Resources};

/// One cluster.
#[derive(Debug)]
pub(in crate::cli) struct Cluster<'a> {
    pub(in crate::cli) at: ConfigNode<'a>,
    pub(in crate::cli) name: &'a str,
    pub(in crate::cli) filters: Vec<HttpFilter<'a>>,
}

impl<'a> Cluster<'a> {
    pub(in crate::cli) fn read(at: &ConfigNode<'a>, resources: &Resources<'a>) -> Self {
        let filters = at.http_options().map(|options| options.list("http_filters")).unwrap_or_default();
        Self {
            at: at.clone(),
            name: at.text_of("name").unwrap_or_default(),
            filters: filters.into_iter().map(|filter| HttpFilter::read(filter, resources)).collect(),
        }
    }

    /// Its list of filters, or the place where it is missing.
    pub(in crate::cli) fn place_of_filters(&self) -> ConfigNode<'a> {
        let options = self.at.http_options().map(|options| options.place_of("http_filters"));
        options.unwrap_or_else(|| self.at.place_of("typed_extension_protocol_options"))
    }
}

impl<'a> ConfigNode<'a> {
    /// The `HttpProtocolOptions` of a cluster.
    pub(in crate::cli) fn http_options(&self) -> Option<Self> {
        let options = self.entries("typed_extension_protocol_options");
        let mut options = options.into_iter().filter_map(|(_, node)| node.unpacked());
        options.find(|(kind, _)| kind.ends_with(".HttpProtocolOptions")).map(|(_, node)| node)
    }
}
