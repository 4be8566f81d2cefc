//! Gets the tokens for providers: one worker asks, ahead of the end of the one there is; all workers read.
//!
//! The lease on the ledger is the single flight; what came, or why nothing came, lies in the slot that workers share.

use std::cell::RefCell;

use hashbrown::{HashMap, HashSet};

use super::fetch::{self, Delivery, Place, Request, Response};
use super::lease::Lease;
use crate::credentials::{
    Absence, Credential, CredentialIndex, MAX_TOKEN_ANSWER_BYTES, Setback, Slot, Slots, Step, TokenAnswer,
    TokenRequest,
};
use crate::gateway::Gateway;
use crate::ledger::compose;
use crate::lifecycle::context::Context;
use crate::lifecycle::host::{House, Level};
use crate::lifecycle::metrics::TokenMetrics;
use crate::request::Moment;

/// Shared data shows an empty value as no value.
const NOTHING: [u8; 1] = [0];
/// How much longer a lease lasts than the question may take.
const LEASE_SLACK_MS: u64 = 200;

/// The tokens of one configuration in one worker.
pub(in crate::lifecycle) struct Tokens {
    slots: RefCell<Slots>,
    /// The version of the shared slot that each was read from.
    versions: RefCell<HashMap<CredentialIndex, u32>>,
    /// Those that an exchange waits for.
    wanted: RefCell<HashSet<CredentialIndex>>,
    /// The questions under way, by token of the fetch.
    under_way: RefCell<HashMap<u32, Question>>,
    metrics: HashMap<CredentialIndex, TokenMetrics>,
}

/// One question and its lease.
struct Question {
    credential: CredentialIndex,
    lease: Lease,
    asked_ms: u64,
    stage: Stage,
}

/// What a question is worked on with.
#[derive(Clone, Copy)]
struct At<'a> {
    context: Context<'a>,
    credential: &'a Credential,
    moment: &'a Moment,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// What proves the gateway.
    File,
    Token,
}

impl Tokens {
    pub(in crate::lifecycle) fn new(gateway: &Gateway, house: &dyn House) -> Self {
        let credentials = gateway.credentials();
        let define =
            |(index, credential): (_, &Credential)| (index, TokenMetrics::define(house, credential.id()));
        let tokens = Self {
            slots: RefCell::new(credentials.slots()),
            versions: RefCell::default(),
            wanted: RefCell::default(),
            under_way: RefCell::default(),
            metrics: credentials.iter().map(define).collect(),
        };
        for (index, credential) in credentials.iter() {
            house.create_document(&credential.slot_key(), &NOTHING);
            tokens.read(house, index, credential);
        }
        tokens
    }

    pub(in crate::lifecycle) fn with<T>(&self, with: impl FnOnce(&Slots) -> T) -> T {
        with(&self.slots.borrow())
    }

    pub(in crate::lifecycle) fn is_fetching(&self) -> bool {
        !self.under_way.borrow().is_empty()
    }

    /// Why there is none to be had now.
    pub(in crate::lifecycle) fn absence(&self, credential: CredentialIndex, now_ms: u64) -> Option<Absence> {
        self.slots.borrow().get(credential)?.usable(now_ms).err()
    }

    /// True where it is worth waiting for.
    pub(in crate::lifecycle) fn is_coming(&self, credential: CredentialIndex, now_ms: u64) -> bool {
        self.absence(credential, now_ms) == Some(Absence::Coming)
    }

    /// How long an exchange may wait for it.
    pub(in crate::lifecycle) fn patience_ms(gateway: &Gateway, credential: CredentialIndex) -> u64 {
        gateway.credentials().get(credential).map_or(0, |credential| credential.timeout().milliseconds())
    }

    pub(in crate::lifecycle) fn want(&self, credential: CredentialIndex) {
        self.wanted.borrow_mut().insert(credential);
    }

    /// Looks whether another worker has got it.
    pub(in crate::lifecycle) fn look(&self, context: Context<'_>, index: CredentialIndex) {
        if let Some(credential) = context.gateway.credentials().get(index) {
            self.read(context.house, index, credential);
        }
    }

    /// Reads what other workers got.
    pub(in crate::lifecycle) fn read_shared(&self, context: Context<'_>) {
        for (index, credential) in context.gateway.credentials().iter() {
            self.read(context.house, index, credential);
        }
    }

    /// Reads what other workers got, and asks for what is due.
    ///
    /// Each question has a moment of its own, whose entropy names what is signed for it.
    pub(in crate::lifecycle) fn tick(&self, context: Context<'_>, now_ms: u64, moment: impl Fn() -> Moment) {
        for (index, credential) in context.gateway.credentials().iter() {
            self.read(context.house, index, credential);
            if self.is_due(index, credential, now_ms) {
                self.ask(context, (index, credential), &moment());
            }
            self.tell(context.house, index, now_ms);
        }
        self.wanted.borrow_mut().retain(|index| self.is_coming(*index, now_ms));
    }

    /// Takes an answer, if it is one of these.
    pub(in crate::lifecycle) fn receive(
        &self,
        context: Context<'_>,
        token: u32,
        delivery: Delivery,
        moment: &Moment,
    ) {
        let Some(question) = self.under_way.borrow_mut().remove(&token) else { return };
        let Some(credential) = context.gateway.credentials().get(question.credential) else { return };
        let at = At { context, credential, moment };
        let response = fetch::response(context.house, delivery, MAX_TOKEN_ANSWER_BYTES);
        match (question.stage, response) {
            (Stage::File, response) => {
                let content = proving_file(response);
                match credential.with_file(content.as_deref().map_err(String::clone), moment) {
                    Ok(request) => {
                        let question = Question { stage: Stage::Token, asked_ms: moment.unix_ms, ..question };
                        self.send(at, question, &request);
                    }
                    Err(setback) => self.fail(at, question, setback),
                }
            }
            (Stage::Token, Ok(Response { status, retry_after, body })) => {
                let answer = TokenAnswer { status, retry_after: retry_after.as_deref(), body: &body };
                let asked_ms = question.asked_ms;
                self.settle(at, question, |slot| credential.answered(slot, answer, asked_ms, moment));
            }
            (Stage::Token, Err(why)) => self.fail(at, question, Setback::unavailable(why)),
        }
    }

    /// The provider has refused the token of this id.
    pub(in crate::lifecycle) fn distrust(
        &self,
        context: Context<'_>,
        index: CredentialIndex,
        (token_id, now_ms): (&str, u64),
    ) {
        let Some(credential) = context.gateway.credentials().get(index) else { return };
        self.look(context, index);
        let distrusted = self.slots.borrow().get(index).and_then(|slot| slot.distrusted(token_id, now_ms));
        if let Some(slot) = distrusted {
            self.count(index, |metrics| metrics.count_made_due(context.house));
            self.share(context.house, (index, credential), slot);
        }
    }

    fn is_due(&self, index: CredentialIndex, credential: &Credential, now_ms: u64) -> bool {
        let slots = self.slots.borrow();
        let Some(slot) = slots.get(index) else { return false };
        let is_wanted = self.wanted.borrow().contains(&index) && !credential.lacks_secret();
        credential.is_due(slot, now_ms) || (is_wanted && slot.usable(now_ms).err() == Some(Absence::Coming))
    }

    fn ask(
        &self,
        context: Context<'_>,
        (index, credential): (CredentialIndex, &Credential),
        moment: &Moment,
    ) {
        let now_ms = moment.unix_ms;
        let key = compose(&[b"token", credential.slot_key().as_bytes()]);
        let for_ms = credential.timeout().milliseconds().saturating_add(LEASE_SLACK_MS);
        let Some(lease) = Lease::take(context, key, now_ms, for_ms) else { return };
        // Whoever had the lease before has shared what came of it before it ended.
        self.read(context.house, index, credential);
        if !self.is_due(index, credential, now_ms) {
            return lease.end(context, now_ms, now_ms);
        }
        let at = At { context, credential, moment };
        let question = Question { credential: index, lease, asked_ms: now_ms, stage: Stage::Token };
        match credential.begin(moment) {
            Ok(Step::Made(made)) => self.settle(at, question, |slot| credential.made(slot, made, moment)),
            Ok(Step::Read(request)) => self.send(at, Question { stage: Stage::File, ..question }, &request),
            Ok(Step::Ask(request)) => self.send(at, question, &request),
            Err(setback) => self.fail(at, question, setback),
        }
    }

    fn send(&self, at: At<'_>, question: Question, request: &TokenRequest<'_>) {
        match send(at.context.house, at.credential.id(), request) {
            Ok(token) => {
                self.under_way.borrow_mut().insert(token, question);
            }
            Err(setback) => self.fail(at, question, setback),
        }
    }

    fn fail(&self, at: At<'_>, question: Question, setback: Setback) {
        let asked_ms = question.asked_ms;
        self.settle(at, question, |slot| at.credential.failed(slot, setback, asked_ms, at.moment));
    }

    /// Shares what has come of a question, and tells the operator where that is another thing than before.
    fn settle(&self, at: At<'_>, question: Question, settled: impl FnOnce(Slot) -> Slot) {
        let At { context, credential, moment } = at;
        let (house, index) = (context.house, question.credential);
        // Where this answer came late, another worker may have a newer one.
        self.read(house, index, credential);
        let before = self.slots.borrow().get(index).cloned().unwrap_or_default();
        let after = settled(before.clone());
        self.count(index, |metrics| metrics.count_fetch(house, after.outcome()));
        let id = credential.id();
        match (before.failure(), after.failure()) {
            (Some(old), Some(new)) if new.is_like(old) => {}
            (_, Some(new)) => {
                let serves =
                    if after.token().is_some() { "; the last token serves on while it lasts" } else { "" };
                house.log(
                    Level::Warning,
                    &format!("credentials `{id}`: there is no new token: {new}{serves}"),
                );
            }
            (Some(_), None) => {
                house.log(Level::Warning, &format!("credentials `{id}`: there is a new token again"));
            }
            (None, None) => {}
        }
        self.share(house, (index, credential), after);
        question.lease.end(context, moment.unix_ms, moment.unix_ms);
    }

    fn share(&self, house: &dyn House, (index, credential): (CredentialIndex, &Credential), slot: Slot) {
        house.replace_document(&credential.slot_key(), &slot.write());
        self.slots.borrow_mut().put(index, slot);
    }

    fn read(&self, house: &dyn House, index: CredentialIndex, credential: &Credential) {
        let Some((bytes, version)) = house.document(&credential.slot_key()) else { return };
        if self.versions.borrow_mut().insert(index, version) != Some(version) {
            self.slots.borrow_mut().put(index, Slot::read(&bytes));
        }
    }

    fn tell(&self, house: &dyn House, index: CredentialIndex, now_ms: u64) {
        if let (Some(metrics), Some(slot)) = (self.metrics.get(&index), self.slots.borrow().get(index)) {
            metrics.tell(house, slot, now_ms);
        }
    }

    fn count(&self, index: CredentialIndex, count: impl FnOnce(&TokenMetrics)) {
        if let Some(metrics) = self.metrics.get(&index) {
            count(metrics);
        }
    }
}

/// What workers know of a credential, for the half of the gateway that asks for nothing itself.
pub(in crate::lifecycle) fn slot(house: &dyn House, credential: &Credential) -> Slot {
    house.document(&credential.slot_key()).map(|(bytes, _)| Slot::read(&bytes)).unwrap_or_default()
}

/// What proves the gateway, of a file that was asked for.
pub(super) fn proving_file(response: Result<Response, String>) -> Result<Vec<u8>, String> {
    let content = response.and_then(Response::content);
    content.map_err(|why| format!("the file that proves the gateway could not be read: {why}"))
}

/// Sends a question for what the credential `id` is.
pub(super) fn send(house: &dyn House, id: &str, request: &TokenRequest<'_>) -> Result<u32, Setback> {
    let TokenRequest { cluster, host, path, timeout, headers, form } = request;
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let form = form.as_ref().map(String::as_bytes);
    let request = Request { what: id, timeout: *timeout, headers: &headers, form };
    Place { cluster, host, path }.try_send(house, request).map_err(|why| {
        let why = format!("cannot ask through the cluster `{cluster}`: {why}; is there such a cluster?");
        Setback::unavailable(why)
    })
}
