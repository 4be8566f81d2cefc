//! For whom a token is to be got, and under which name it is remembered.

use super::{Exchange, Exchanged};
use crate::cache::{Cache, Fingerprint};
use crate::credentials::choice::ExchangeIndex;
use crate::denial::{Denial, Reason};
use crate::identity::{Kind, Presented, Principal};
use crate::secret::Secret;

/// Which entry, which caller and which token of the caller's it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExchangeName(Fingerprint);

/// Whose token it is, whichever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExchangeCaller(Fingerprint);

/// A caller's token that is to be exchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExchangeQuestion {
    pub exchange: ExchangeIndex,
    pub name: ExchangeName,
    pub caller: ExchangeCaller,
    pub subject: Secret,
    /// Unix seconds from which on the caller's own token is refused.
    pub ends_at: Option<u64>,
}

impl Exchange {
    /// What is to be asked for this caller, who has sent what is `presented`.
    ///
    /// # Errors
    /// There is nothing that may be exchanged.
    pub fn question(
        &self,
        exchange: ExchangeIndex,
        (principal, presented): (&Principal, &Presented),
        names: &Cache<Exchanged, ExchangeName>,
    ) -> Result<ExchangeQuestion, Denial> {
        let missing = |why: &str| Err(Denial::new(Reason::ExchangeSubjectMissing).with_detail(why));
        if principal.minted.is_some() {
            return missing("a token of this gateway does not hold the one that it was got with");
        }
        let (Some(issuer), Kind::Jwt | Kind::OpaqueToken) = (&principal.issuer, principal.kind) else {
            return missing("an API key is not the user's token");
        };
        if !self.issuers().contains(issuer) {
            return missing("the token is of another issuer");
        }
        if principal.subject.is_empty() {
            return missing("the token names nobody");
        }
        if !principal.binding.is_none() && !self.entry.bound_callers {
            return missing("the token is bound to its holder, and what it is exchanged for would not be");
        }
        let token = presented.secret.expose();
        let tenant = principal.tenant.as_deref();
        let has_tenant: &[u8] = if tenant.is_some() { b"+" } else { b"" };
        let tenant = tenant.unwrap_or_default().as_bytes();
        let caller = [has_tenant, tenant, issuer.as_bytes(), principal.subject.as_bytes()];
        let name = names.name(&[&[self.account.as_slice()], caller.as_slice(), &[token]].concat());
        Ok(ExchangeQuestion {
            exchange,
            name: ExchangeName(name),
            caller: ExchangeCaller(names.name(&caller)),
            subject: presented.secret.clone(),
            ends_at: principal.expires_at,
        })
    }
}
