//! An HTTP connection manager: the filters of its chain, and where its routes lead.

use std::rc::Rc;

use super::http_filter::{HttpFilter, Role};
use super::routes::{PlacedRoute, RouteTable};
use crate::cli::envoy::files::ConfigNode;
use crate::config::{Attach, Config, ProviderCredential, Upstream};

/// One HTTP connection manager.
#[derive(Debug)]
pub(in crate::cli) struct ConnectionManager<'a> {
    pub(in crate::cli) at: ConfigNode<'a>,
    pub(in crate::cli) listener: ConfigNode<'a>,
    pub(in crate::cli) filters: Vec<HttpFilter<'a>>,
    pub(in crate::cli) tables: Vec<RouteTable<'a>>,
    /// What its filter enforces; where it has no filter, what the first other one does.
    pub(in crate::cli) gateway: Option<Rc<Config>>,
}

impl<'a> ConnectionManager<'a> {
    /// The filter that decides, and its index in the chain.
    pub(in crate::cli) fn gate(&self) -> Option<(&HttpFilter<'a>, usize)> {
        let index = self.filters.iter().position(|filter| filter.role == Role::Gate)?;
        self.filters.get(index).map(|filter| (filter, index))
    }

    /// The filters that a request passes before claimgate, and those after it.
    pub(in crate::cli) fn around_gate(&self) -> (&[HttpFilter<'a>], &[HttpFilter<'a>]) {
        let Some((_, index)) = self.gate() else { return (&[], &[]) };
        let (before, from) = self.filters.split_at_checked(index).unwrap_or((&[], &[]));
        (before, from.split_first().map_or(&[], |(_, after)| after))
    }

    pub(in crate::cli) fn attaches_in_chain(&self) -> bool {
        self.gateway.as_ref().is_some_and(|config| config.attach == Attach::InChain)
    }

    /// True where Envoy chooses the route again once claimgate has edited headers. The wasm host has it do so; the edits of
    /// a dynamic module leave the route as it is, unless another filter after it lets go of that.
    pub(in crate::cli) fn chooses_route_again(&self) -> bool {
        let is_module = self.gate().is_some_and(|(gate, _)| gate.is_module());
        let (_, after) = self.around_gate();
        !is_module || after.iter().any(HttpFilter::may_choose_route_again)
    }

    /// True where claimgate puts a credential on before later filters and the router see the request.
    pub(in crate::cli) fn holds_credential(&self) -> bool {
        let is_ours = |upstream: &Upstream| !matches!(upstream.credential, ProviderCredential::Envoy);
        self.attaches_in_chain()
            && self.gateway.as_ref().is_some_and(|config| config.upstreams.iter().any(is_ours))
    }

    /// Every route with the virtual host and the table it stands in.
    pub(in crate::cli) fn routes(&self) -> impl Iterator<Item = PlacedRoute<'_, 'a>> {
        self.tables.iter().flat_map(RouteTable::routes)
    }
}
