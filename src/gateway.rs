//! The corridor: compiles the rooms once, walks each request through them in order. Only it knows the order.
//!
//! `decide` is a function of the call and of what is known. Where something is missing that only the host
//! can fetch, it says so by a [`Need`]; the host fetches it and the same call is walked again. What a walk
//! has proven stays in the [`Call`]. Nothing is spent before `admit`, the step before the last; but a proof of possession
//! is used up where it is taken, so that nobody can send it again with another body.

mod account;
mod addresses;
mod admitting;
mod authenticating;
mod body;
mod bounds;
mod call;
mod challenges;
mod documents;
mod holding;
mod ids;
mod likeness;
mod memory;
mod metering;
mod minting;
mod observing;
mod polled;
mod possession;
mod reading;
mod report;
mod rewriting;
mod settings;
mod spending;
mod walk;

use crate::anomaly::Anomalies;
use crate::config::{Config, ConfigError, Thumbprint};
use crate::denial::{Denial, Reason};
use crate::dialect;
use crate::expression::Engine;
use crate::identity::{EngineAnswer, Identity, Inquiry, Introspected, KeyRing, PublicUrls, Question};
use crate::ledger::{Ledger, Store};
use crate::mint::Minting;
use crate::policy::{CallFacts, PolicySet};

use crate::price::PriceTable;
use crate::quota::{Ask, QuotaSet, Service};
use crate::request::{Connection, Moment, RequestHead};
use crate::revocation::Revocations;
use crate::secret::Environment;
use crate::upstream::{HeaderPatch, Upstreams};

use call::{AccessRequest, Arrival, Found};
use challenges::Challenges;
use documents::Documents;
use memory::is_settled_by_path;
use settings::Settings;
use walk::Stop;

pub use body::{Body, Content};
pub use call::Call;
pub use holding::Pending;
pub use memory::Memory;
pub use polled::{Polled, Remote};
pub use report::Ending;
pub use settings::longest_body;

/// Every room of one configuration, compiled.
#[derive(Debug)]
pub struct Gateway {
    engine: Engine,
    ledger: Ledger,
    identity: Identity,
    policies: PolicySet,
    quotas: QuotaSet,
    upstreams: Upstreams,
    minting: Option<Minting>,
    prices: Option<PriceTable>,
    anomalies: Option<Anomalies>,
    documents: Documents,
    challenges: Challenges,
    public_urls: Option<PublicUrls>,
    revocations: Revocations,
    settings: Settings,
    /// Which of what is worked out for a call may be remembered.
    remembers: Remembers,
    wants: Wants,
}

/// What a decision wants to know of a connection beside its cluster, by this configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wants {
    /// The client's address and port.
    pub address: bool,
    pub mtls: bool,
    /// The client's address for the record: where the configuration says which address is to be believed.
    pub recorded_address: bool,
}

/// True where the expressions read nothing but what is remembered with their outcome.
#[derive(Clone, Copy, Debug)]
struct Remembers {
    permits: bool,
    charges: bool,
    /// Of two tokens with other claims, beside those that every principal has.
    across_claims: bool,
}

/// What the host knows at the time of a walk.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    pub moment: Moment,
    pub store: &'a dyn Store,
    pub keys: &'a KeyRing,
    /// What is known of revocation lists and key feeds.
    pub polled: &'a Polled,
    /// Verifies a signature outside of this code, or says that it cannot.
    pub verify: &'a dyn Fn(&Question<'_>) -> EngineAnswer,
    /// The certificate that the client showed in the handshake; asked only where a credential is bound to one.
    pub certificate: &'a dyn Fn() -> Option<Thumbprint>,
    pub body: Body<'a>,
    pub memory: &'a Memory,
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
    /// Edit the request's headers and let it go, with [`Call::rewritten`] in place of its body where there is one.
    Forward(HeaderPatch),
    /// Answer with [`Call::answer`], which says no.
    Refuse,
    /// Answer with [`Call::answer`]: the gateway itself was asked for something.
    Answer,
    Need(Need),
}

/// Something only the host can get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// The request body, of at most `limit` bytes; or as much of it as there is once it has `look` bytes. Without
    /// that, a longer one is [`Gateway::refuse`]d `body_too_large`.
    Body { limit: u64, look: Option<usize> },
    /// A newer key set of the issuer with this index.
    Keys { issuer: usize },
    /// What an issuer says of a token, to be told by [`Call::hear`].
    Introspection(Inquiry),
    /// What the rate limit service says of quotas, to be told by [`Gateway::hear_limits`].
    RateLimit(Ask),
}

impl Gateway {
    /// Compiles a whole configuration.
    ///
    /// # Errors
    /// The first section that is wrong, with its place and the remedy.
    pub fn compile(config: &Config, environment: Environment<'_>) -> Result<Self, ConfigError> {
        let engine = Engine::new()?;
        let policies = PolicySet::compile(&config.policies, &engine)?;
        let service = config.rate_limit_service.as_ref();
        let service = service.map(|service| Service::compile(service, config.hold_timeout)).transpose()?;
        let quotas = QuotaSet::compile(&config.quotas, service, &engine)?;
        let identity = Identity::compile(config, &engine, environment)?;
        let reads = |variable| policies.reads().variable(variable) || quotas.reads().variable(variable);
        let documents = Documents::compile(config, identity.public_keys())?;
        let algorithms = identity.possession().algorithms();
        let challenges = Challenges {
            metadata_url: documents.metadata_url(),
            proof_algorithms: algorithms.map(|names| names.collect::<Vec<_>>().join(" ").into()),
        };
        let gateway = Self {
            wants: Wants {
                address: identity.asks_for_networks() || reads("source") || config.anomalies.is_some(),
                mtls: reads("connection"),
                recorded_address: config.client_address.is_some(),
            },
            documents,
            challenges,
            public_urls: addresses::public_urls(config)?,
            identity,
            remembers: Remembers {
                permits: is_settled_by_path(policies.reads()),
                charges: is_settled_by_path(quotas.reads()),
                across_claims: !policies.reads().field("principal", "claims")
                    && !quotas.reads().field("principal", "claims"),
            },
            policies,
            quotas,
            upstreams: Upstreams::compile(&config.upstreams, environment)?,
            minting: config.tokens.as_ref().map(|tokens| Minting::compile(tokens, &engine)).transpose()?,
            prices: config.prices.as_ref().map(PriceTable::compile).transpose()?,
            anomalies: config.anomalies.as_ref().map(Anomalies::compile).transpose()?,
            revocations: Revocations::compile(&config.revocations)?,
            settings: Settings::compile(config)?,
            ledger: Ledger::new(),
            engine,
        };
        gateway.check_client_address()?;
        gateway.check_hold()?;
        gateway.check_holding()?;
        gateway.check_metering()?;
        gateway.check_anomalies()?;
        Ok(gateway)
    }

    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What an issuer's answer to an inquiry of `asked_ms` means, to be told to the calls that wait for it.
    ///
    /// # Errors
    /// One line for the operator where it is none.
    pub fn read_introspection(
        &self,
        inquiry: &Inquiry,
        answer: &[u8],
        asked_ms: u64,
        moment: &Moment,
    ) -> Result<Introspected, String> {
        self.identity.read_introspection(&self.engine, inquiry, answer, asked_ms, moment)
    }

    /// Refuses a call that was let through, where its credential or its model is revoked by now, or its key has left its
    /// feed. True where it is; nothing more of it may go on then.
    pub fn revoke(&self, call: &mut Call, Polled { board, fed }: &Polled, now_ms: u64) -> bool {
        let Some(found) = call.found.as_ref().filter(|_| call.is_let_through()) else { return false };
        let (proven, principal) = (&found.who.proven, found.who.principal());
        let of_model = |model: &str| {
            let judged = self.revocations.judge_model(board, principal, model, now_ms);
            judged.err().and_then(|denial| denial.note().map(str::to_owned))
        };
        let revoked = self.revocations.revoked(board, principal, now_ms);
        let withdrawn = || self.identity.withdrawn(proven, fed);
        let Some(note) = revoked.or_else(withdrawn).or_else(|| call.model().and_then(of_model)) else {
            return false;
        };
        call.refused(Denial::new(Reason::RevokedInFlight).with_note(note));
        true
    }

    /// How long a request may be held while it is decided, in milliseconds.
    pub fn hold_timeout_ms(&self) -> u64 {
        self.settings.hold_timeout_ms
    }

    pub fn wants(&self) -> Wants {
        self.wants
    }

    /// An empty memory for a worker; the key must be random.
    pub fn memory(&self, key: &[u8; 16]) -> Memory {
        Memory::new(self.settings.credential_cache, self.settings.holding, key)
    }

    /// Starts a call from its headers.
    pub fn open_call(&self, head: RequestHead, connection: Connection, moment: Moment) -> Call {
        let dialect = match self.upstreams.select(connection.cluster.as_deref()) {
            Ok(upstream) => upstream.dialect(),
            Err(_) => dialect::guess(&head),
        };
        Call::new(Arrival::new(head, connection, moment, (dialect, self.challenges.clone())))
    }

    /// Walks the call through the rooms, as far as what is known allows.
    ///
    /// A decided call is not walked again: nothing is spent twice, a refusal stays one, and of a request
    /// that was let go there is nothing left to edit.
    pub fn decide(&self, call: &mut Call, known: &Known<'_>) -> Outcome {
        if call.is_decided() {
            return match (call.denial(), call.is_answered()) {
                (Some(_), _) => Outcome::Refuse,
                (None, true) => Outcome::Answer,
                (None, false) => Outcome::Forward(HeaderPatch::default()),
            };
        }
        if let Some(document) = self.documents.find(&call.arrival.head) {
            call.answered(document, None);
            return Outcome::Answer;
        }
        let decided = match self.minting_of(call) {
            Some(asked) => self.mint(asked, call, known).map(|(answer, given)| {
                call.answered(answer, Some(given));
                Outcome::Answer
            }),
            None => self.pass_on(call, known),
        };
        match decided {
            Ok(outcome) => outcome,
            Err(Stop::Need(need)) => Outcome::Need(need),
            Err(Stop::Denied(denial)) => {
                call.refused(denial);
                Outcome::Refuse
            }
        }
    }

    /// A call to a provider, or to a probe behind the gateway.
    fn pass_on(&self, call: &mut Call, known: &Known<'_>) -> Result<Outcome, Stop> {
        if self.is_open(&call.arrival, known) {
            return Ok(Outcome::Forward(call.leave_open()));
        }
        let passed = self.walk(call, known)?;
        call.forwarded(passed.forwarded);
        Ok(Outcome::Forward(passed.patch))
    }

    /// What expressions see of a call; `None` where its caller or its operation is not known.
    pub fn facts_of<'a>(&'a self, call: &'a Call, moment: Moment) -> Option<CallFacts<'a>> {
        let Found { who, what } = call.found.as_ref()?;
        let upstream = self.upstreams.select(call.cluster()).ok()?;
        let request = AccessRequest { arrival: &call.arrival, who, what: what.as_ref()?, upstream };
        Some(request.facts(moment))
    }

    /// Refuses a call for a reason that the host found: a body too large, a hold too long, a changed route.
    /// A call that was refused before keeps its first reason.
    pub fn refuse(&self, call: &mut Call, denial: impl Into<Denial>) {
        if call.denial().is_none() {
            call.refused(denial.into());
        }
    }
}

#[cfg(test)]
mod tests;
