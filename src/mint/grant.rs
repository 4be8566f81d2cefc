//! What a caller gets: its own principal or a user's, with less.

use serde_json::{Map, Value, json};

use super::denials::{denied, invalid};
use super::token_request::TokenRequest;
use crate::denial::{Denial, Reason};
use crate::identity::{MAX_ACTORS, Minted, Principal, holds_scope};

/// The longest list in a wish, and the longest item.
const MOST_ITEMS: usize = 64;
const LONGEST_ITEM: usize = 256;

/// What a token will stand for.
#[derive(Debug)]
pub struct Grant {
    pub principal: Principal,
    /// Unix seconds from which on the token is refused.
    pub expires_at: u64,
}

/// Who asks: for itself, or as the actor for a user who is the subject.
#[derive(Clone, Copy, Debug)]
pub struct Parties<'a> {
    pub caller: &'a Principal,
    pub subject: Option<&'a Principal>,
}

impl Parties<'_> {
    /// Whose principal the token has.
    pub(super) fn principal(&self) -> &Principal {
        self.subject.unwrap_or(self.caller)
    }

    fn all(&self) -> impl Iterator<Item = &Principal> {
        self.subject.into_iter().chain([self.caller])
    }
}

/// The subject's principal with what is asked of its scopes, limited, under the name `id`.
pub(super) fn principal(asked: &TokenRequest, parties: Parties<'_>, id: &str) -> Result<Principal, Denial> {
    if parties.all().any(|principal| principal.minted.is_some()) {
        return Err(denied("a token of this gateway cannot get another one"));
    }
    bounded(asked)?;
    let mut principal = parties.principal().clone();
    if let Some(tenant) = &asked.tenant
        && principal.tenant.as_ref() != Some(tenant)
    {
        return Err(too_wide("`tenant` is not the caller's"));
    }
    let held = match parties.subject {
        None => principal.scopes.clone(),
        Some(subject) => {
            principal.claims.insert("act".to_owned(), act(parties.caller, subject)?);
            principal.actors.insert(0, parties.caller.subject.clone());
            principal.actor = Some(parties.caller.subject.clone());
            common(&subject.scopes, &parties.caller.scopes)
        }
    };
    principal.scopes = match &asked.scopes {
        None => held,
        Some(scopes) => match scopes.iter().find(|scope| !holds_scope(&held, scope)) {
            None => scopes.clone(),
            Some(scope) => return Err(too_wide(format!("the scope `{scope}` is not held"))),
        },
    };
    // A token has its scopes in one text, and half of one could be another.
    principal.scopes.retain(|scope| !scope.is_empty() && !scope.contains(char::is_whitespace));
    narrow_claims(&mut principal.claims, &principal.scopes);
    principal.credential_id = id.to_owned();
    principal.minted = Some(Minted {
        parents: parties.all().map(Principal::as_parent).collect(),
        limits: asked.limits.clone(),
        provider_key: None,
    });
    Ok(principal)
}

/// When the token ends: no later than what it is got with.
pub(super) fn expiry(
    asked: &TokenRequest,
    parties: Parties<'_>,
    bounds: std::ops::RangeInclusive<u64>,
    now_seconds: u64,
) -> Result<u64, Denial> {
    let lifetime = match (asked.lifetime_seconds, asked.shape) {
        (None, _) => *bounds.end(),
        (Some(seconds), None) => seconds,
        (Some(seconds), Some(_)) => seconds.min(*bounds.end()),
    };
    if !bounds.contains(&lifetime) {
        return Err(invalid(format!(
            "a token lives {} to {} seconds, not {lifetime}",
            bounds.start(),
            bounds.end()
        )));
    }
    let ends = parties.all().filter_map(|principal| principal.expires_at);
    Ok(ends.fold(now_seconds.saturating_add(lifetime), u64::min))
}

/// Whether the user's own token names the agent (RFC 8693 section 4.4); `None` where it names nobody.
pub(super) fn may_act(subject: &Principal, actor: &Principal) -> Option<bool> {
    let named = subject.claims.get("may_act")?;
    let is = |claim: &str, value: Option<&str>| match named.get(claim) {
        None => true,
        Some(named) => value.is_some() && named.as_str() == value,
    };
    let is_named = ["sub", "client_id"].iter().any(|claim| named.get(claim).is_some());
    // A name without an issuer is one of the user's own issuer, or of this gateway's keys.
    let is_of_same_issuer = actor.issuer.is_none() || actor.issuer == subject.issuer;
    Some(
        is_named
            && (named.get("iss").is_some() || is_of_same_issuer)
            && is("sub", Some(&actor.subject))
            && is("client_id", actor.client.as_deref())
            && is("iss", actor.issuer.as_deref()),
    )
}

/// The new `act` around what the subject's token already has (RFC 8693 section 4.1).
fn act(actor: &Principal, subject: &Principal) -> Result<Value, Denial> {
    if subject.actors.len() >= MAX_ACTORS {
        return Err(denied("too many actors stand between the user and the agent"));
    }
    let mut act = json!({ "sub": actor.subject });
    let members = [
        ("iss", actor.issuer.as_ref().map(|issuer| Value::from(issuer.as_str()))),
        ("client_id", actor.client.as_ref().map(|client| Value::from(client.as_str()))),
        ("act", subject.claims.get("act").cloned()),
    ];
    if let Some(object) = act.as_object_mut() {
        object.extend(members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    }
    Ok(act)
}

/// The scopes that both hold.
fn common(left: &[String], right: &[String]) -> Vec<String> {
    let mut common: Vec<String> = Vec::new();
    for (held, others) in [(left, right), (right, left)] {
        common.extend(held.iter().filter(|scope| holds_scope(others, scope)).cloned());
    }
    common.sort();
    common.dedup();
    common
}

/// A rule that reads the scopes of the claims must not find those that the token has no more.
fn narrow_claims(claims: &mut Map<String, Value>, scopes: &[String]) {
    for name in ["scope", "scp"] {
        match claims.get_mut(name) {
            Some(Value::Array(list)) => *list = scopes.iter().map(|scope| scope.as_str().into()).collect(),
            Some(value) => *value = scopes.join(" ").into(),
            None => {}
        }
    }
}

fn bounded(asked: &TokenRequest) -> Result<(), Denial> {
    let lists = [
        ("scopes", &asked.scopes),
        ("models", &asked.limits.models),
        ("operations", &asked.limits.operations),
    ];
    for (name, list) in lists.into_iter().filter_map(|(name, list)| Some((name, list.as_ref()?))) {
        if list.is_empty() && name != "scopes" {
            return Err(invalid(format!("`{name}` is empty, so that the token would be good for nothing")));
        }
        if list.len() > MOST_ITEMS || list.iter().any(|item| item.len() > LONGEST_ITEM) {
            return Err(invalid(format!(
                "`{name}` has more than {MOST_ITEMS} items or one of more than {LONGEST_ITEM} bytes"
            )));
        }
    }
    match asked.limits.requests {
        Some(0) => Err(invalid("`requests` is 0, so that the token would be good for nothing")),
        _ => Ok(()),
    }
}

fn too_wide(detail: impl Into<String>) -> Denial {
    Denial::new(Reason::TokenRequestTooWide).with_detail(detail)
}

#[cfg(test)]
mod tests;
