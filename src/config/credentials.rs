//! The section `credentials`: what the gateway gets for a provider, in place of a secret that lies in the environment.

mod bedrock;
mod exchange;
mod file;
mod google_key;
mod machine;
mod oauth;
mod pool;

use serde::{Deserialize, Serialize};

use super::values::Span;

pub use bedrock::{AwsKeys, BedrockKey, ContainerKeys, StaticKeys};
pub use exchange::{Exchange, ExchangeGrant, SubjectTokenType};
pub use file::ServedFile;
pub use google_key::GoogleKey;
pub use machine::{AppService, AzureMachine, GoogleMachine, Machine};
pub use oauth::{
    AssertionAlgorithm, AssertionSource, ClientProof, OauthClient, PrivateKeyJwt, TokenEndpoint,
};
pub use pool::{MemberChoice, Pool, PoolMember};

/// A credential at a provider that is got and renewed. It has one kind, which is the name of its other field.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// Its name, for `from` in `upstreams`, in records and in metrics; unique.
    pub id: String,
    /// A token for the gateway itself, by the client credentials grant (RFC 6749 section 4.4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oauth: Option<OauthClient>,
    /// A token for the identity of the machine that the gateway runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Machine>,
    /// A token that the gateway signs itself by the key of a Google service account (AIP-4111).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub google_key: Option<GoogleKey>,
    /// A short-term key of Amazon Bedrock that the gateway makes itself by keys of AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bedrock_key: Option<BedrockKey>,
    /// A token of the caller's own, got in exchange for the one that the caller has sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<Exchange>,
    /// Several keys, one of which goes on with each request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<Pool>,
}

impl Credential {
    /// The OAuth client that the gateway is for it.
    pub fn client(&self) -> Option<&OauthClient> {
        self.oauth.as_ref().or(self.exchange.as_ref().map(|exchange| &exchange.client))
    }
}

fn default_timeout() -> Span {
    Span::from_seconds(2)
}
