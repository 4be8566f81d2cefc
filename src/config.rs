//! What the operator wrote: `gateway.yaml`, or the JSON bundle that Envoy hands to the plugin.
//!
//! It gives shapes and defaults. It does not compile anything: each room compiles its own section.

mod error;
mod reading;
mod values;
mod identity;
mod rules;
mod rate_limit_service;
mod quotas;
mod anomalies;
mod prices;
mod metering;
mod record;
mod credentials;
mod own_keys;
mod upstreams;
mod document;
#[cfg(not(target_arch = "wasm32"))]
mod schema;

pub use anomalies::AnomalySettings;
pub use credentials::{
    AppService, AssertionAlgorithm, AssertionSource, AwsKeys, AzureMachine, BedrockKey, ClientProof,
    ContainerKeys, Credential, Exchange, ExchangeGrant, GoogleKey, GoogleMachine, Machine, MemberChoice,
    OauthClient, Pool, PoolMember, PrivateKeyJwt, ServedFile, StaticKeys, SubjectTokenType, TokenEndpoint,
};
pub use document::{Attach, ClientAddress, Config, Hold};
pub use error::ConfigError;
pub use identity::{
    Algorithm, BoundBy, BoundTo, ClientAuthentication, Discovery, Dpop, Introspection, Issuer, Jwks, Key,
    KeyFeed, Labels, Nonce, PolledDocument, PrincipalMapping, RemoteJwks, Revocations, Revoked, Tokens,
    WhenStale, shared_keys,
};
pub use metering::{MeteredUsage, Metering, StreamUsage};
pub use own_keys::{OwnKeys, ProviderKeyFeed};
pub use prices::{Above, CallPrices, Price, Prices, TierPrice, TierPrices, TokenPrices, Unpriced};
pub use quotas::{
    DescriptorValue, Durability, Limit, OnFailure, Override, Period, Quota, QuotaEngine, RefusedAs, TimeZone,
    Unit, WindowKind, WindowLength,
};
pub use rate_limit_service::RateLimitService;
pub use reading::read_document;
pub use record::RecordSettings;
pub use rules::{Mode, Rule, RuleReason};
pub use upstreams::{
    Asserted, CredentialSource, ExtraBody, ExtraMetering, ExtraModel, ExtraOperation, ExtraStream, Open,
    OwnCredential, ProviderCredential, StatelessResponses, TenantCredentials, Upstream, UsageForm,
};
pub use values::{
    ByteSize, Dollars, Factor, KeyHash, SecretSource, Span, Thumbprint, Timestamp, read_secret,
    require_exact_path, require_reachable, require_text,
};
