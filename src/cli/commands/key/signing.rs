//! `claimgate key signing`.

use std::io;

use clap::{Args, ValueEnum};
use ct_codecs::{Base64UrlSafeNoPadding, Encoder};
use ed25519_compact::{KeyPair, Seed};
use serde_json::json;

use crate::cli::randomness::random;
use crate::cli::terminal::{Exit, Terminal};

const EXAMPLES: &str = "\
Examples:
  claimgate key signing > signing.jwk            then start Envoy with CLAIMGATE_SIGNING_KEY=\"$(cat signing.jwk)\"
  claimgate key signing --kind hs256 --id 2026-11

To rotate, give the new key to every gateway as `tokens.other_key` first, then swap the two names, and take the old
one out when its last token is over, at most 10 minutes later.
Exit status: 0 fine.";

/// Makes a key that signs the gateway's own tokens, as a JWK for Envoy's environment
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Signing {
    /// Ed25519 lets others verify the tokens by a public key; HS256 is faster, and whoever can verify can sign
    #[arg(long, value_enum, default_value_t)]
    kind: Kind,
    /// The `kid`; without it, the gateway derives one from the key
    #[arg(long, value_parser = crate::cli::arguments::word)]
    id: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Kind {
    #[default]
    Ed25519,
    Hs256,
}

impl Signing {
    pub(super) fn run(&self, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
        let bytes: [u8; 32] = random()?;
        let mut jwk = match self.kind {
            Kind::Ed25519 => {
                let pair = KeyPair::from_seed(Seed::new(bytes));
                json!({ "kty": "OKP", "crv": "Ed25519", "x": encoded(pair.pk.as_ref())?, "d": encoded(&bytes)? })
            }
            Kind::Hs256 => json!({ "kty": "oct", "k": encoded(&bytes)? }),
        };
        if let (Some(id), Some(jwk)) = (&self.id, jwk.as_object_mut()) {
            jwk.insert("kid".to_owned(), id.as_str().into());
        }
        writeln!(terminal.output, "{jwk}")?;
        writeln!(
            terminal.errors,
            "note: this is the private key, shown only now; it belongs into Envoy's environment and nowhere else"
        )?;
        Ok(Exit::Fine)
    }
}

fn encoded(bytes: &[u8]) -> io::Result<String> {
    Base64UrlSafeNoPadding::encode_to_string(bytes).map_err(io::Error::other)
}
