//! The networks an API key may be used from.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::config::{ClientAddress, ConfigError};
use crate::denial::{Denial, Reason};
use crate::request::Connection;

/// At least one network, and where the client's address comes from.
#[derive(Debug)]
pub(super) struct Networks {
    networks: Box<[IpNet]>,
    client_address: ClientAddress,
}

impl Networks {
    /// Compiles `cidrs`; an empty list means any network and gives `None`.
    pub(super) fn compile(
        cidrs: &[Box<str>],
        client_address: Option<ClientAddress>,
        at: &dyn Fn(&str) -> String,
    ) -> Result<Option<Self>, ConfigError> {
        if cidrs.is_empty() {
            return Ok(None);
        }
        let Some(client_address) = client_address else {
            let why = "networks need `client_address: peer` or `client_address: forwarded` at the top of the configuration";
            return Err(ConfigError::new(at("cidrs"), why));
        };
        let networks = cidrs.iter().enumerate().map(|(index, cidr)| {
            network(cidr).map_err(|why| ConfigError::new(at(&format!("cidrs[{index}]")), why))
        });
        Ok(Some(Self { networks: networks.collect::<Result<_, _>>()?, client_address }))
    }

    pub(super) fn admit(&self, connection: &Connection) -> Result<(), Denial> {
        let Some(address) = self.address(connection) else {
            return Err(Reason::ClientAddressUntrusted.into());
        };
        match self.networks.iter().any(|network| network.contains(&address)) {
            true => Ok(()),
            false => Err(Reason::NetworkNotAllowed.into()),
        }
    }

    /// The client's address, where it may be believed.
    fn address(&self, connection: &Connection) -> Option<IpAddr> {
        // Envoy shows port 0 where the address came from a header, which the caller can write.
        if self.client_address == ClientAddress::Peer && connection.source_port.unwrap_or(0) == 0 {
            return None;
        }
        let address: IpAddr = connection.source_address.as_deref()?.parse().ok()?;
        // A dual-stack socket shows 10.0.0.1 as ::ffff:10.0.0.1.
        Some(address.to_canonical())
    }
}

fn network(text: &str) -> Result<IpNet, String> {
    let network: IpNet = text.parse().map_err(|_| {
        format!("`{text}` is not a network; write CIDR, such as `10.0.0.0/8` or `2001:db8::1/128`")
    })?;
    if network.trunc() != network {
        return Err(format!("`{text}` has bits set behind its prefix; write `{}`", network.trunc()));
    }
    match network.addr() {
        IpAddr::V6(address) if address.to_ipv4_mapped().is_some() => Err(format!(
            "`{text}` is an IPv4 network in IPv6 clothes; write it as IPv4, which matches both forms"
        )),
        _ => Ok(network),
    }
}
