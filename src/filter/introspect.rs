//! Asks issuers about opaque tokens, about one token once at a time.
//!
//! Streams ask, and the root sends the questions on its next tick: what a stream sends ends with it, while others may wait
//! for the same answer.

use std::cell::RefCell;

use hashbrown::HashMap;
use log::warn;

use super::fetch::{self, Delivery, Fetched, Place};
use super::metrics::count_introspection;
use super::steps::MOST_AT_ONCE;
use crate::gateway::{Gateway, Memory};
use crate::identity::{Admitted, Asker, CredentialName, Inquiry, Introspected, MAX_ANSWER_BYTES, Questions};
use crate::request::Moment;

/// What issuers have said of tokens, by their names; `None` where one does not say.
pub(super) type Heard = HashMap<CredentialName, Option<Introspected>>;

/// The questions of one worker under one configuration.
#[derive(Default)]
pub(super) struct Introspection {
    questions: RefCell<Questions>,
    heard: RefCell<Heard>,
}

impl Introspection {
    /// Asks, unless that is being done, or too many strangers ask.
    pub(super) fn want(&self, inquiry: Inquiry, asker: Asker) {
        let name = inquiry.name;
        match self.questions.borrow_mut().admit(inquiry, asker) {
            Admitted::Waits | Admitted::Asked => {}
            Admitted::Crowded => {
                count_introspection("crowded");
                self.heard.borrow_mut().insert(name, None);
            }
        }
    }

    pub(super) fn is_asking(&self) -> bool {
        !self.questions.borrow().is_empty()
    }

    /// True where the root has something to send, or to tell.
    pub(super) fn is_due(&self) -> bool {
        self.questions.borrow().is_due() || !self.heard.borrow().is_empty()
    }

    /// Sends what was asked, in turn.
    pub(super) fn tick(&self, gateway: &Gateway, now_ms: u64) {
        let mut questions = self.questions.borrow_mut();
        for _ in 0..MOST_AT_ONCE {
            let Some(asked) = questions.pop() else { return };
            match send(gateway, &asked.inquiry) {
                Some(token) => questions.sent(token, asked, now_ms),
                None => {
                    count_introspection("undispatched");
                    self.heard.borrow_mut().insert(questions.failed(asked).name, None);
                }
            }
        }
    }

    /// Takes an answer, if it is one of these.
    pub(super) fn receive(
        &self,
        gateway: &Gateway,
        memory: &Memory,
        token: u32,
        delivery: Delivery,
        moment: &Moment,
    ) {
        let Some((inquiry, asked_ms)) = self.questions.borrow_mut().answered(token) else { return };
        let heard = match read(gateway, &inquiry, delivery, asked_ms, moment) {
            Ok(heard) => {
                count_introspection(if heard.is_refusal() { "refused" } else { "active" });
                memory.note(inquiry.name, &heard);
                Some(heard)
            }
            Err(why) => {
                count_introspection("failed");
                warn!("claimgate: issuers[{}] could not be asked about a token: {why}", inquiry.issuer);
                None
            }
        };
        self.heard.borrow_mut().insert(inquiry.name, heard);
    }

    /// What has come since streams were woken last.
    pub(super) fn take_heard(&self) -> Heard {
        std::mem::take(&mut *self.heard.borrow_mut())
    }
}

fn send(gateway: &Gateway, inquiry: &Inquiry) -> Option<u32> {
    let Some(request) = gateway.identity().introspection_request(inquiry) else {
        warn!(
            "claimgate: issuers[{}] cannot be asked about tokens: the environment has no secret for it",
            inquiry.issuer
        );
        return None;
    };
    let mut headers =
        vec![("accept", "application/json"), ("content-type", "application/x-www-form-urlencoded")];
    headers.extend(request.authorization.as_deref().map(|value| ("authorization", value)));
    let source = request.source;
    let place = Place { cluster: &source.cluster, host: &source.host, path: &source.path };
    place.post("what a token is", source.timeout, &headers, request.body.as_bytes())
}

fn read(
    gateway: &Gateway,
    inquiry: &Inquiry,
    delivery: Delivery,
    asked_ms: u64,
    moment: &Moment,
) -> Result<Introspected, String> {
    match fetch::answer(delivery, MAX_ANSWER_BYTES)? {
        Fetched::Document(answer) => gateway.read_introspection(inquiry, &answer, asked_ms, moment),
        Fetched::Unchanged => Err("status 304".to_owned()),
    }
}
