//! When two calls are alike: the name of all that a [`Judgement`](crate::gateway::call::Judgement) rests on.
//!
//! Tokens of one principal differ by their ids and times, which no rule sees unless it reads the claims. Calls with such
//! tokens, and calls whose bodies say the same of model and size, are judged once.
//!
//! It does not name what is judged of each call anew: revocation, a model that cannot be known, a model that a minted token is not for.

use crate::cache::{Cache, Fingerprint};
use crate::dialect::BodyFacts;
use crate::gateway::call::AccessRequest;
use crate::gateway::compiled::Remembers;
use crate::identity::Principal;
use crate::own_key::OwnKey;

/// What stands for all calls of which rules, quotas and upstream see the same; only this file makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::gateway) struct DecisionKey(Fingerprint);

/// What stands before a part that is there, and behind the last one of a list nothing does.
const PRESENT: &[u8] = b"+";
const ABSENT: &[u8] = b"";

impl DecisionKey {
    /// The name that a call has in common with all of which rules, quotas and upstream see the same.
    pub(in crate::gateway) fn of<T: Clone>(
        names: &Cache<T, Self>,
        request: AccessRequest<'_>,
        Remembers { across_claims, .. }: Remembers,
    ) -> Self {
        // It stands for the upstream, the method and the whole path.
        let operation = request.what.name.bytes();
        let principal = request.principal();
        let caller = request.who.proven.name.bytes();
        let max_tokens = request.what.facts().and_then(|body| body.max_tokens).map(u64::to_le_bytes);
        let mut parts = Parts(vec![&operation]);
        match across_claims && is_known_by_fields(principal) {
            true => parts.principal(principal),
            false => parts.push(Some(&caller)),
        }
        // Whose account it is, and never by which key.
        parts.text(request.own_key().map(OwnKey::holder));
        match request.what.facts() {
            Some(body) => parts.body(body, max_tokens.as_ref()),
            None => parts.push(None),
        }
        Self(names.name(&parts.0))
    }
}

/// True where nothing but claims tells two credentials of this principal apart: an API key has its labels, a minted token its
/// budget.
fn is_known_by_fields(principal: &Principal) -> bool {
    principal.key.is_none() && principal.minted.is_none()
}

/// Parts of a name, so put together that no two calls which differ have the same.
struct Parts<'a>(Vec<&'a [u8]>);

impl<'a> Parts<'a> {
    fn push(&mut self, part: Option<&'a [u8]>) {
        match part {
            Some(part) => self.0.extend([PRESENT, part]),
            None => self.0.push(ABSENT),
        }
    }

    fn text(&mut self, text: Option<&'a str>) {
        self.push(text.map(str::as_bytes));
    }

    fn texts(&mut self, texts: impl IntoIterator<Item = &'a str>) {
        texts.into_iter().for_each(|text| self.text(Some(text)));
        self.push(None);
    }

    fn flag(&mut self, flag: bool) {
        self.push(flag.then_some(PRESENT));
    }

    /// Every field must be named here, or said why not.
    fn principal(&mut self, principal: &'a Principal) {
        let Principal {
            kind,
            subject,
            tenant,
            project,
            service_account,
            client,
            scopes,
            roles,
            issuer,
            actors,
            actor,
            binding,
            // Read by no rule here, or absent.
            claims: _,
            key: _,
            minted: _,
            // Read by the record and by revocation alone, which look at each call.
            credential_id: _,
            expires_at: _,
            issued_at: _,
        } = principal;
        self.text(Some(kind.name()));
        self.text(Some(subject));
        for text in [tenant, project, service_account, client, issuer, actor] {
            self.text(text.as_deref());
        }
        for texts in [scopes, roles, actors] {
            self.texts(texts.iter().map(String::as_str));
        }
        self.texts(binding.kinds().map(|kind| -> &'a str { kind }));
    }

    fn body(&mut self, body: &'a BodyFacts, max_tokens: Option<&'a [u8; 8]>) {
        let BodyFacts {
            model,
            stream,
            max_tokens: _,
            is_stateful,
            model_elsewhere,
            // Earlier turns decide before the rules do.
            names_earlier_turns: _,
            // Read by quotas alone, at each call.
            is_done_later: _,
            text_bytes: _,
            // A rule that reads these is asked each time.
            size: _,
            features: _,
            members: _,
            // Read by prices alone, at each call.
            input_characters: _,
        } = body;
        self.push(Some(PRESENT));
        self.text(model.as_deref());
        self.flag(stream.is_some());
        self.flag(stream.unwrap_or_default());
        self.push(max_tokens.map(<[u8; 8]>::as_slice));
        self.flag(*is_stateful);
        self.flag(*model_elsewhere);
    }
}
