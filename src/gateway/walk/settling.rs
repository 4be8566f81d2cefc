//! What is settled of a call before anything is spent on it: by the rules, or as of another call that was like it.

use std::cell::OnceCell;
use std::rc::Rc;

use crate::denial::Denial;
use crate::dialect::{self, BodyForm};
use crate::gateway::call::{AccessRequest, Judgement, Settled};
use crate::gateway::remembered::{DecisionKey, SettledName};
use crate::gateway::{Gateway, Known};
use crate::policy::CallFacts;

impl Gateway {
    /// The name under which what is settled of this call is that of all calls of the same caller by the same path; `None`
    /// where more than these decides. What the call says in other headers has been read by then, or is read here.
    pub(super) fn settled_name(&self, request: AccessRequest<'_>, known: &Known<'_>) -> Option<SettledName> {
        if !self.remembers.permits || dialect::names_further_model(request.head()) {
            return None;
        }
        // A form is let pass where JSON must be read, and a header says which it is.
        if request.operation().body_form() == BodyForm::JsonOrMultipart {
            return None;
        }
        Some(SettledName::of(&known.memory.settled, request))
    }

    /// All that must hold before anything is spent: the rules, and that there is something to attach.
    pub(super) fn settle(&self, request: AccessRequest<'_>, known: &Known<'_>) -> Result<Settled, Denial> {
        let facts = request.facts(known.moment);
        self.require_knowable_model(&facts)?;
        self.require_granted_model(&facts)?;
        let seen = &known.memory.judgements;
        let key = self.remembers.permits.then(|| DecisionKey::of(seen, request, self.remembers));
        let judgement = match key.and_then(|key| seen.get(key, |_| true)) {
            Some(judgement) => judgement,
            None => {
                let judgement = Rc::new(self.judge_facts(&facts, request)?);
                if let Some(key) = key {
                    seen.put(key, Rc::clone(&judgement));
                }
                judgement
            }
        };
        Ok(Settled { judgement, subject: OnceCell::new() })
    }

    fn judge_facts(&self, facts: &CallFacts<'_>, request: AccessRequest<'_>) -> Result<Judgement, Denial> {
        let permit = Rc::new(self.rooms.policies.authorize(&self.rooms.engine, facts)?);
        let (own_key, attach) = (request.own_key(), self.settings.attach);
        let attachment = request.upstream.prepare(facts.principal, facts.operation, own_key, attach)?;
        let charges = match self.remembers.charges {
            true => Some(self.rooms.quotas.charges(&self.rooms.engine, facts)?),
            false => None,
        };
        Ok(Judgement { permit, attachment, charges })
    }
}
