//! `claimgate token verify`.

use std::io;
use std::net::IpAddr;

use clap::Args;
use serde_json::{Value, json};

use super::signing_gateway::{gateway, told};
use super::standard_input::{EXAMPLES, read_token};
use crate::cli::clock::moment;
use crate::cli::configuration::Sources;
use crate::cli::terminal::{Exit, Terminal};
use crate::identity::Principal;
use crate::request::Connection;

/// Judges a token as the gateway would now
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Verify {
    #[command(flatten)]
    sources: Sources,
    /// The address that the token comes from, for keys that are bound to networks
    #[arg(long, value_name = "ADDRESS")]
    from: Option<IpAddr>,
}

impl Verify {
    fn connection(&self) -> Connection {
        // Any port but 0, which marks an address that a header claims.
        let port = self.from.map(|_| 1);
        Connection {
            source_address: self.from.map(|address| address.to_string()),
            source_port: port,
            ..Connection::default()
        }
    }

    pub(super) fn run(&self, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
        let token = match read_token(terminal)? {
            Ok(token) => token,
            Err(exit) => return Ok(exit),
        };
        let gateway = match gateway(&self.sources, terminal)? {
            Ok(gateway) => gateway,
            Err(exit) => return Ok(exit),
        };
        match gateway.bearer_of(&token, &self.connection(), moment()?) {
            Ok(principal) => {
                writeln!(terminal.output, "{:#}", described(&principal))?;
                Ok(Exit::Fine)
            }
            Err(denial) => {
                writeln!(terminal.errors, "refused: {}", told(&denial))?;
                Ok(Exit::TestFailed)
            }
        }
    }
}

fn described(principal: &Principal) -> Value {
    let minted = principal.minted.as_ref();
    json!({
        "kind": principal.kind.name(),
        "subject": principal.subject,
        "issuer": principal.issuer,
        "tenant": principal.tenant,
        "project": principal.project,
        "service_account": principal.service_account,
        "client": principal.client,
        "scopes": principal.scopes,
        "roles": principal.roles,
        "actors": principal.actors,
        "credential": principal.credential_id,
        "expires_at": principal.expires_at,
        "bound_by": principal.binding.kinds().collect::<Vec<_>>(),
        "minted": minted.map(|minted| json!({ "parents": minted.parents, "limits": minted.limits })),
    })
}
