//! The principal of a token: what expressions made of its claims, and else the claims of RFC 9068.
//!
//! A claim that is read but has a shape nobody defined is a denial: a scope that cannot be read must not
//! look like a caller without scopes to a rule that asks for their absence.

use serde_json::{Map, Value};

use super::claim_map::Mapped;
use crate::denial::Denial;
use crate::identity::claim::{invalid, missing};
use crate::identity::jwt::Claims;
use crate::identity::principal::{Binding, Principal, actors};

/// Makes the principal.
///
/// # Errors
/// Refuses a token whose `scope`, `scp`, `client_id`, `azp`, `roles` or `act` cannot be read where it is
/// needed, one that names no subject, and one whose `cnf` cannot be checked.
pub(in crate::identity) fn principal_of(verified: Claims, mapped: Mapped) -> Result<Principal, Denial> {
    let issuer = Some(verified.issuer_name().to_owned());
    let (kind, expires_at) = (verified.kind(), verified.expires_at());
    let claims = verified.into_claims();
    let actors = actors(&claims)?;
    let subject = match mapped.subject {
        Some(subject) => Some(subject),
        None => text(&claims, "sub")?,
    };
    Ok(Principal {
        kind,
        subject: subject.filter(|subject| !subject.is_empty()).ok_or_else(|| missing("sub"))?,
        tenant: mapped.tenant,
        project: mapped.project,
        service_account: mapped.service_account,
        client: match mapped.client {
            Some(client) => Some(client),
            None => first(&claims, ["client_id", "azp"], text)?,
        },
        scopes: match mapped.scopes {
            Some(scopes) => scopes,
            None => first(&claims, ["scope", "scp"], scopes)?.unwrap_or_default(),
        },
        roles: match mapped.roles {
            Some(roles) => roles,
            None => roles(&claims)?,
        },
        key: None,
        issuer,
        credential_id: text(&claims, "jti")?.unwrap_or_default(),
        actor: actors.first().cloned(),
        actors,
        expires_at,
        // Whole seconds, rounded down: the strict side where it is asked what was issued before a time.
        issued_at: claims.get("iat").and_then(seconds),
        binding: Binding::of_claims(&claims)?,
        minted: None,
        claims,
    })
}

type Object = Map<String, Value>;

fn seconds(value: &Value) -> Option<u64> {
    let fraction = || value.as_f64().filter(|seconds| *seconds >= 0.0).map(|seconds| seconds as u64);
    value.as_u64().or_else(fraction)
}

/// The first claim of the two that is there, a null counting as absent.
fn first<T>(
    claims: &Object,
    names: [&str; 2],
    read: impl Fn(&Object, &str) -> Result<Option<T>, Denial>,
) -> Result<Option<T>, Denial> {
    for name in names {
        if let Some(value) = read(claims, name)? {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

fn text(claims: &Object, name: &str) -> Result<Option<String>, Denial> {
    match claims.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(invalid(name, "is not a text")),
    }
}

/// Space-separated as in RFC 8693 section 4.2, or the list that some issuers write.
fn scopes(claims: &Object, name: &str) -> Result<Option<Vec<String>>, Denial> {
    match claims.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.split_ascii_whitespace().map(str::to_owned).collect())),
        Some(Value::Array(list)) => {
            texts(list).map(Some).ok_or_else(|| invalid(name, "is not a list of texts"))
        }
        Some(_) => Err(invalid(name, "is neither a text nor a list of texts")),
    }
}

/// The list `roles`; some issuers write an object there, which is left to an expression.
fn roles(claims: &Object) -> Result<Vec<String>, Denial> {
    match claims.get("roles") {
        Some(Value::Array(list)) => texts(list).ok_or_else(|| invalid("roles", "is not a list of texts")),
        _ => Ok(Vec::new()),
    }
}

fn texts(list: &[Value]) -> Option<Vec<String>> {
    list.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}
