//! Every room of one configuration, compiled.

use crate::anomaly::Anomalies;
use crate::credentials::Credentials;
use crate::expression::Engine;
use crate::identity::Identity;
use crate::ledger::Ledger;
use crate::mint::Minting;
use crate::own_key::OwnKeys;
use crate::policy::PolicySet;
use crate::price::PriceTable;
use crate::quota::QuotaSet;
use crate::revocation::Revocations;
use crate::upstream::Upstreams;

/// Every room of one configuration, compiled.
#[derive(Debug)]
pub(in crate::gateway) struct Rooms {
    pub(in crate::gateway) engine: Engine,
    pub(in crate::gateway) ledger: Ledger,
    pub(in crate::gateway) identity: Identity,
    pub(in crate::gateway) policies: PolicySet,
    pub(in crate::gateway) quotas: QuotaSet,
    pub(in crate::gateway) credentials: Credentials,
    pub(in crate::gateway) upstreams: Upstreams,
    /// `None` where the gateway gives no tokens.
    pub(in crate::gateway) minting: Option<Minting>,
    /// `None` where nobody brings a key of its own.
    pub(in crate::gateway) own_keys: Option<OwnKeys>,
    /// `None` where nothing is said of what models cost.
    pub(in crate::gateway) prices: Option<PriceTable>,
    /// `None` where nobody looks at callers' pasts.
    pub(in crate::gateway) anomalies: Option<Anomalies>,
    pub(in crate::gateway) revocations: Revocations,
}
