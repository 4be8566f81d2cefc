//! The corridor: compiles the rooms once, walks each request through them in order. Only it knows the order.
//!
//! `decide` is a function of the call and of what is known. Where something is missing that only the host
//! can fetch, it says so by a [`Need`]; the host fetches it and the same call is walked again. What a walk
//! has proven stays in the [`Call`]. Nothing is spent before `admit`, the step before the last.

mod call;
mod report;

use crate::config::{Attach, ClientAddress, Config, ConfigError, Hold};
use crate::denial::{Denial, Reason};
use crate::dialect::{self, BodyForm, ModelPlace, Operation};
use crate::expression::{Engine, Reads};
use crate::identity::{Caller, EngineAnswer, Identity, KeyRing, Principal, Question, Unproven};
use crate::ledger::{Ledger, Store};
use crate::policy::{BODY_FIELDS, CallFacts, PolicySet};
use crate::quota::{QuotaSet, Till};
use crate::request::{Connection, Moment, RequestHead};
use crate::upstream::{Environment, HeaderPatch, Proofs, Upstream, Upstreams};

pub use call::Call;
pub use report::Ending;

/// Every room of one configuration, compiled.
#[derive(Debug)]
pub struct Gateway {
    engine: Engine,
    ledger: Ledger,
    identity: Identity,
    policies: PolicySet,
    quotas: QuotaSet,
    upstreams: Upstreams,
    settings: Settings,
}

/// The settings that belong to the walk itself.
#[derive(Debug)]
struct Settings {
    hold: Hold,
    attach: Attach,
    hold_timeout_ms: u64,
    body_limit: u64,
    client_address: Option<ClientAddress>,
    open: Vec<(String, String)>,
    metric_tenants: usize,
}

/// What the host knows at the time of a walk.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    pub moment: Moment,
    pub store: &'a dyn Store,
    pub keys: &'a KeyRing,
    /// Verifies a signature outside of this code, or says that it cannot.
    pub verify: &'a dyn Fn(&Question<'_>) -> EngineAnswer,
    /// The whole request body, once it is there.
    pub body: Option<&'a [u8]>,
    /// What the call waited for did not come in time.
    pub patience: Patience,
}

/// Whether a call may still wait for what it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    Left,
    Exhausted,
}

/// How a walk ends.
#[derive(Debug)]
pub enum Outcome {
    /// Edit the request's headers and let it go.
    Forward(HeaderPatch),
    /// Answer with [`Call::answer`].
    Refuse,
    Need(Need),
}

/// Something only the host can get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The request body, of at most this many bytes; a longer one is [`Gateway::refuse`]d `body_too_large`.
    Body { limit: u64 },
    /// A newer key set of the issuer with this index.
    Keys { issuer: usize },
}

/// A walk's end before the outcome is put into the call.
enum Stop {
    Denied(Denial),
    Need(Need),
}

impl From<Denial> for Stop {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

impl From<Reason> for Stop {
    fn from(reason: Reason) -> Self {
        Self::Denied(reason.into())
    }
}

impl Gateway {
    /// Compiles a whole configuration.
    ///
    /// # Errors
    /// The first section that is wrong, with its place and the remedy.
    pub fn compile(config: &Config, environment: Environment<'_>) -> Result<Self, ConfigError> {
        let engine = Engine::new()?;
        let gateway = Self {
            identity: Identity::compile(config, &engine)?,
            policies: PolicySet::compile(&config.policies, &engine)?,
            quotas: QuotaSet::compile(&config.quotas, &engine)?,
            upstreams: Upstreams::compile(&config.upstreams, environment)?,
            settings: Settings::compile(config)?,
            ledger: Ledger::new(),
            engine,
        };
        gateway.check_client_address()?;
        gateway.check_hold()?;
        Ok(gateway)
    }

    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// How long a request may be held while it is decided, in milliseconds.
    pub fn hold_timeout_ms(&self) -> u64 {
        self.settings.hold_timeout_ms
    }

    /// How much of a body is held at most, in bytes.
    pub fn body_limit(&self) -> u64 {
        self.settings.body_limit
    }

    /// Starts a call from its headers.
    pub fn open_call(&self, head: RequestHead, connection: Connection, moment: Moment) -> Call {
        let dialect = match self.upstreams.select(connection.cluster.as_deref()) {
            Ok(upstream) => upstream.dialect(),
            Err(_) => dialect::guess(&head),
        };
        Call::new(head, connection, moment, dialect)
    }

    /// Walks the call through the rooms, as far as what is known allows.
    ///
    /// A decided call is not walked again: nothing is spent twice, a refusal stays one, and of a request
    /// that was let go there is nothing left to edit.
    pub fn decide(&self, call: &mut Call, known: &Known<'_>) -> Outcome {
        if call.is_decided() {
            return match call.denial() {
                Some(_) => Outcome::Refuse,
                None => Outcome::Forward(HeaderPatch::default()),
            };
        }
        if self.is_open(call) {
            return Outcome::Forward(call.leave_open());
        }
        match self.walk(call, known) {
            Ok((patch, proofs)) => {
                call.forwarded(proofs);
                Outcome::Forward(patch)
            }
            Err(Stop::Need(need)) => Outcome::Need(need),
            Err(Stop::Denied(denial)) => {
                call.refused(denial);
                Outcome::Refuse
            }
        }
    }

    /// What expressions see of a call; `None` where its caller or its operation is not known.
    pub fn facts_of<'a>(&'a self, call: &'a Call, moment: Moment) -> Option<CallFacts<'a>> {
        let upstream = self.upstreams.select(call.connection.cluster.as_deref()).ok()?;
        Some(CallFacts {
            request: &call.head,
            request_id: &call.request_id,
            moment,
            connection: &call.connection,
            principal: call.principal.as_ref()?,
            operation: call.operation.as_ref()?,
            body: call.body.as_ref(),
            upstream: upstream.facts(),
        })
    }

    /// Refuses a call for a reason that the host found: a body too large, a hold too long, a changed route.
    /// A call that was refused before keeps its first reason.
    pub fn refuse(&self, call: &mut Call, reason: Reason) {
        if call.denial().is_none() {
            call.refused(reason.into());
        }
    }

    fn walk(&self, call: &mut Call, known: &Known<'_>) -> Result<(HeaderPatch, Proofs), Stop> {
        let principal = match call.principal.take() {
            Some(principal) => principal,
            None => self.authenticate(call, known)?,
        };
        let principal = call.principal.insert(principal);
        let upstream = self.upstreams.select(call.connection.cluster.as_deref())?;
        if call.operation.is_none() {
            let operation = dialect::recognise(
                upstream.dialect(),
                &call.head,
                upstream.path_prefix(),
                upstream.operations(),
            )?;
            if operation.is_stateful() && !upstream.is_exclusive_to(principal) {
                call.operation = Some(operation);
                return Err(Reason::StatefulOperationSharedCredential.into());
            }
            call.operation = Some(operation);
        }
        let Some(operation) = &call.operation else { return Err(Reason::OperationUnknown.into()) };
        let mut facts = CallFacts {
            request: &call.head,
            request_id: &call.request_id,
            moment: known.moment,
            connection: &call.connection,
            principal,
            operation,
            body: None,
            upstream: upstream.facts(),
        };
        self.require_known_address(&facts)?;
        self.require_plain_query(&facts)?;
        if self.needs_body(upstream, &facts) {
            let body = known.body.ok_or_else(|| self.body_stop(known))?;
            let body = call.body.insert(dialect::read_body(operation, &call.head, body)?);
            if body.is_stateful && !upstream.is_exclusive_to(principal) {
                return Err(Reason::StatefulOperationSharedCredential.into());
            }
            facts.body = Some(body);
        }
        self.require_knowable_model(&facts)?;
        call.model = facts.model().map(str::to_owned);
        let permit = self.policies.authorize(&self.engine, &facts)?;
        upstream.require_sendable(principal, self.settings.attach)?;
        let till = Till { ledger: &self.ledger, store: known.store, now_ms: known.moment.unix_ms };
        let admission = self.quotas.admit(&self.engine, &facts, till)?;
        let proofs = Proofs { permit, admission };
        let mut patch = match self.settings.attach {
            Attach::InChain => upstream.attach(&proofs, &call.head, principal, operation)?,
            Attach::AtCluster => {
                call.passport = Some(upstream.passport(&proofs, principal, operation));
                upstream.prepare(&proofs, &call.head, principal)?
            }
        };
        patch.set("x-request-id", call.request_id.as_bytes());
        Ok((patch, proofs))
    }

    fn authenticate(&self, call: &Call, known: &Known<'_>) -> Result<Principal, Stop> {
        let caller = Caller {
            connection: &call.connection,
            keys: known.keys,
            moment: known.moment,
            verify: known.verify,
        };
        match self.identity.authenticate(&self.engine, &call.head, caller) {
            Ok(principal) => Ok(principal),
            Err(Unproven::Denied(denial)) => Err(denial.into()),
            Err(Unproven::NeedsKeys { issuer }) => match known.patience {
                Patience::Left => Err(Stop::Need(Need::Keys { issuer })),
                Patience::Exhausted => Err(Denial::new(Reason::IdentityUnavailable)
                    .with_note("the issuer's keys did not come in time")
                    .into()),
            },
        }
    }

    /// The body is read where a rule or a quota that applies reads it, and where it could name something
    /// that is stored under a provider account which this caller shares with others.
    fn needs_body(&self, upstream: &Upstream, facts: &CallFacts<'_>) -> bool {
        let operation = facts.operation;
        if !matches!(operation.body_form(), BodyForm::Json | BodyForm::Multipart) {
            return false;
        }
        if operation.body_may_hold_state() && !upstream.is_exclusive_to(facts.principal) {
            return true;
        }
        if reads_body(self.quotas.reads(), operation) {
            return true;
        }
        // Most configurations have no rule that reads the body of this operation; then no `when` is run.
        reads_body(self.policies.reads(), operation) && {
            let settled = |reads: &Reads| !reads_body(reads, operation);
            reads_body(&self.policies.reads_of(&self.engine, facts, settled), operation)
        }
    }

    fn body_stop(&self, known: &Known<'_>) -> Stop {
        match (self.settings.hold, known.patience) {
            (Hold::HeadersAndBody, Patience::Left) => {
                Stop::Need(Need::Body { limit: self.settings.body_limit })
            }
            (Hold::HeadersAndBody, Patience::Exhausted) => Reason::HoldTimeout.into(),
            (Hold::Headers, _) => Denial::new(Reason::ModelUnknowable)
                .with_note("`hold: headers` lets no body be read before the headers leave")
                .into(),
        }
    }

    /// A model named in a batch file, a stored prompt or an operator's own operation cannot be seen, so a rule
    /// that reads it must not believe what else stands in the request. In shadow mode none refuses for that.
    fn require_knowable_model(&self, facts: &CallFacts<'_>) -> Result<(), Denial> {
        let is_elsewhere = facts.operation.model_place() == ModelPlace::Elsewhere
            || facts.body.is_some_and(|body| body.model_elsewhere);
        let is_read = || {
            let applying = self.policies.enforced_reads_of(&self.engine, facts);
            applying.field("llm", "model") || self.quotas.enforced_reads().field("llm", "model")
        };
        match is_elsewhere && is_read() {
            true => Err(Reason::ModelUnknowable.into()),
            false => Ok(()),
        }
    }

    fn is_open(&self, call: &Call) -> bool {
        let is_listed = self.settings.open.iter().any(|(method, path)| {
            // A query could carry anything; an open path is open without one.
            call.head.method() == method && call.head.path() == path
        });
        // Where Envoy itself adds the credential, it would add it to this request too.
        is_listed && !self.upstreams.select(call.cluster()).is_ok_and(Upstream::has_credential_from_envoy)
    }

    /// Under `peer`, an address with port 0 was taken from a header, and a rule must not believe it.
    fn require_known_address(&self, facts: &CallFacts<'_>) -> Result<(), Denial> {
        let reads_source = self.policies.reads().variable("source") || self.quotas.reads().variable("source");
        let is_peer = self.settings.client_address == Some(ClientAddress::Peer);
        match reads_source && is_peer && facts.connection.source_port.unwrap_or(0) == 0 {
            true => Err(Reason::ClientAddressUntrusted.into()),
            false => Ok(()),
        }
    }

    /// A parameter that comes twice is one value to a rule and another to some providers.
    fn require_plain_query(&self, facts: &CallFacts<'_>) -> Result<(), Denial> {
        let reads_query =
            self.policies.reads().field("request", "query") || self.quotas.reads().field("request", "query");
        match reads_query && !facts.has_plain_query() {
            true => Err(Denial::new(Reason::PathAmbiguous)
                .with_detail("a parameter of the query comes twice, or `;` stands in it")),
            false => Ok(()),
        }
    }

    fn check_client_address(&self) -> Result<(), ConfigError> {
        let reads_source = self.policies.reads().variable("source") || self.quotas.reads().variable("source");
        if reads_source && self.settings.client_address.is_none() {
            let why = "a rule or a quota reads `source`; write `client_address: peer`, or `forwarded` behind trusted proxies";
            return Err(ConfigError::new("client_address", why));
        }
        Ok(())
    }

    fn check_hold(&self) -> Result<(), ConfigError> {
        if self.settings.hold == Hold::HeadersAndBody {
            return Ok(());
        }
        let why = |what: &str| {
            ConfigError::new(
                "hold",
                format!("`headers` lets the headers leave before the body is read, but {what}"),
            )
        };
        for upstream in self.upstreams.iter() {
            if dialect::model_is_only_in_body(upstream.dialect()) {
                return Err(why(&format!("`{}` names its model in the body", upstream.facts().cluster)));
            }
        }
        let reads_body = |field: &&str| {
            self.policies.reads().field("llm", field) || self.quotas.reads().field("llm", field)
        };
        match BODY_FIELDS.iter().filter(|field| **field != "model").find(|field| reads_body(field)) {
            Some(field) => Err(why(&format!("`llm.{field}` is read"))),
            None => Ok(()),
        }
    }
}

impl Settings {
    fn compile(config: &Config) -> Result<Self, ConfigError> {
        for (index, open) in config.open.iter().enumerate() {
            if !open.path.starts_with('/') || open.path.contains('?') {
                let why = format!("`{}` is not an exact path; write one such as `/healthz`", open.path);
                return Err(ConfigError::new(format!("open[{index}].path"), why));
            }
        }
        Ok(Self {
            hold: config.hold,
            attach: config.attach,
            hold_timeout_ms: config.hold_timeout.milliseconds(),
            body_limit: config.body_limit.bytes(),
            client_address: config.client_address,
            open: config.open.iter().map(|open| (open.method.clone(), open.path.clone())).collect(),
            metric_tenants: usize::try_from(config.metric_tenants).unwrap_or(usize::MAX),
        })
    }
}

/// True where `reads` holds a field of `llm` that this operation settles only in its body.
fn reads_body(reads: &Reads, operation: &Operation) -> bool {
    BODY_FIELDS.iter().any(|field| {
        let in_path = match *field {
            // A body can make a stateless operation stateful, not the other way round.
            "stateful" => operation.is_stateful(),
            "model" => operation.path_model().is_some(),
            "stream" => operation.path_streams().is_some(),
            _ => false,
        };
        !in_path && reads.field("llm", field)
    })
}

#[cfg(test)]
mod tests;
