//! Asks issuers about opaque tokens, about one token once at a time.
//!
//! Streams ask, and the house sends the questions on its next tick: what a stream sends ends with it, while others may wait
//! for the same answer.

use std::cell::RefCell;

use hashbrown::HashMap;

use super::fetch::{self, Delivery, Fetched, Place, Request};
use crate::identity::{Admitted, Asker, CredentialName, Inquiry, Introspected, MAX_ANSWER_BYTES, Questions};
use crate::lifecycle::context::Context;
use crate::lifecycle::host::MOST_AT_ONCE;
use crate::lifecycle::host::{House, Level};
use crate::lifecycle::metrics::count_introspection;
use crate::oauth_client::FORM_TYPE;
use crate::request::Moment;

/// What issuers have said of tokens, by their names; `None` where one does not say.
pub(in crate::lifecycle) type Answers = HashMap<CredentialName, Option<Introspected>>;

/// The questions of one worker under one configuration.
#[derive(Default)]
pub(in crate::lifecycle) struct Introspection {
    questions: RefCell<Questions>,
    answers: RefCell<Answers>,
}

impl Introspection {
    /// Asks, unless that is being done, or too many strangers ask.
    pub(in crate::lifecycle) fn want(&self, house: &dyn House, inquiry: Inquiry, asker: Asker) {
        let name = inquiry.name;
        match self.questions.borrow_mut().admit(inquiry, asker) {
            Admitted::Waits | Admitted::Asked => {}
            Admitted::Crowded => {
                count_introspection(house, "crowded");
                self.answers.borrow_mut().insert(name, None);
            }
        }
    }

    pub(in crate::lifecycle) fn is_asking(&self) -> bool {
        !self.questions.borrow().is_empty()
    }

    /// True where there is something to send, or to tell.
    pub(in crate::lifecycle) fn is_due(&self) -> bool {
        self.questions.borrow().is_due() || !self.answers.borrow().is_empty()
    }

    /// Sends what was asked, in turn.
    pub(in crate::lifecycle) fn tick(&self, context: Context<'_>, now_ms: u64) {
        let mut questions = self.questions.borrow_mut();
        for _ in 0..MOST_AT_ONCE {
            let Some(asked) = questions.pop() else { return };
            match send(context, &asked.inquiry) {
                Some(token) => questions.sent(token, asked, now_ms),
                None => {
                    count_introspection(context.house, "undispatched");
                    self.answers.borrow_mut().insert(questions.failed(asked).name, None);
                }
            }
        }
    }

    /// Takes an answer, if it is one of these.
    pub(in crate::lifecycle) fn receive(
        &self,
        context: Context<'_>,
        token: u32,
        delivery: Delivery,
        moment: &Moment,
    ) {
        let Some((inquiry, asked_ms)) = self.questions.borrow_mut().answered(token) else { return };
        let Context { house, memory, .. } = context;
        let answer = match read(context, &inquiry, delivery, (asked_ms, moment)) {
            Ok(answer) => {
                count_introspection(house, if answer.is_refusal() { "refused" } else { "active" });
                memory.note(inquiry.name, &answer);
                Some(answer)
            }
            Err(why) => {
                count_introspection(house, "failed");
                let text = format!("issuers[{}] could not be asked about a token: {why}", inquiry.issuer);
                house.log(Level::Warning, &text);
                None
            }
        };
        self.answers.borrow_mut().insert(inquiry.name, answer);
    }

    /// What has come since streams were woken last.
    pub(in crate::lifecycle) fn take_answers(&self) -> Answers {
        std::mem::take(&mut *self.answers.borrow_mut())
    }
}

fn send(context: Context<'_>, inquiry: &Inquiry) -> Option<u32> {
    let Context { gateway, house, .. } = context;
    let Some(request) = gateway.identity().introspection_request(inquiry) else {
        let text = format!(
            "issuers[{}] cannot be asked about tokens: the environment has no secret for it",
            inquiry.issuer
        );
        house.log(Level::Warning, &text);
        return None;
    };
    let mut headers = vec![("accept", "application/json"), FORM_TYPE];
    headers.extend(request.authorization.as_deref().map(|value| ("authorization", value)));
    let source = request.source;
    let place = Place { cluster: &source.cluster, host: &source.host, path: &source.path };
    let form = Some(request.body.as_bytes());
    place.send(house, Request { what: "what a token is", timeout: source.timeout, headers: &headers, form })
}

fn read(
    Context { gateway, house, .. }: Context<'_>,
    inquiry: &Inquiry,
    delivery: Delivery,
    (asked_ms, moment): (u64, &Moment),
) -> Result<Introspected, String> {
    match fetch::answer(house, delivery, MAX_ANSWER_BYTES)? {
        Fetched::Document(answer) => gateway.read_introspection(inquiry, &answer, asked_ms, moment),
        Fetched::Unchanged => Err("status 304".to_owned()),
    }
}
