//! What a script may not ask of a test: names that the configuration does not have, and wishes that could never come true.

use super::format::{Script, ScriptCall, Wanted};
use crate::cli::commands::test::caller::Caller;
use crate::cli::commands::test::credentials::TestCredentials;
use crate::cli::document::{ReadError, Segment};

impl Script {
    /// Refuses what cannot be run with these credentials, or says nothing.
    ///
    /// # Errors
    /// The first name that the configuration does not have, or wish that could never come true.
    pub(super) fn suits(&self, credentials: &TestCredentials) -> Result<(), ReadError> {
        if let Some(policy) = self.policy.as_deref()
            && !credentials.rules_and_quotas().any(|id| id == policy)
        {
            return Err(error(
                "policy",
                format!("there is no rule or quota `{policy}` in the configuration"),
            ));
        }
        if self.calls.is_empty() {
            return Err(error("calls", "the list is empty; write at least one call".to_owned()));
        }
        self.calls.iter().enumerate().try_for_each(|(index, call)| {
            call.suits(credentials, self.live)
                .map_err(|(field, why)| error(&format!("calls[{index}].{field}"), why))
        })
    }
}

impl ScriptCall {
    fn suits(&self, credentials: &TestCredentials, live: bool) -> Result<(), (&'static str, String)> {
        let refuse = |field, why: &str| Err((field, why.to_owned()));
        if live && self.at.is_some() {
            return refuse("at", "a real Envoy has its own clock; leave `live` or `at` out");
        }
        if live && self.send.from.is_some() {
            return refuse("send.from", "a real Envoy sees the real address; leave `live` or `from` out");
        }
        if live && self.send.anomaly.is_some() {
            return refuse("send.anomaly", "a real Envoy finds out itself; leave `live` or `anomaly` out");
        }
        if self.send.anomaly.is_some() && credentials.config().anomalies.is_none() {
            return refuse(
                "send.anomaly",
                "the configuration tells nothing of callers' past; write `anomalies: {}` there",
            );
        }
        if live && self.send.cluster.is_some() {
            return refuse("send.cluster", "a real Envoy routes by the path; leave `live` or `cluster` out");
        }
        if !self.send.path.starts_with('/') {
            return Err(("send.path", format!("`{}` is not a path; begin it with `/`", self.send.path)));
        }
        if let Some(caller) = &self.send.caller {
            caller.suits(credentials)?;
        }
        let want = &self.want;
        match want.decision {
            Wanted::Allow if want.status.is_some() => {
                refuse("want.status", "the status of an allowed call is the provider's; leave it out")
            }
            Wanted::Allow if want.reason.is_some() => {
                refuse("want.reason", "only a denial has a reason; leave it out")
            }
            Wanted::Allow if want.rule.is_some() => {
                refuse("want.rule", "only a denial has a rule; leave it out")
            }
            Wanted::Deny if !want.upstream_headers.is_empty() => {
                refuse("want.upstream_headers", "a denied call does not reach the provider; leave it out")
            }
            Wanted::Deny if !want.upstream_absent.is_empty() => {
                refuse("want.upstream_absent", "a denied call does not reach the provider; leave it out")
            }
            Wanted::Deny if want.reason.is_none() => refuse(
                "want.reason",
                "a denial without its reason proves little; write the one you want, such as `insufficient_scope`",
            ),
            Wanted::Allow | Wanted::Deny => Ok(()),
        }
    }
}

impl Caller {
    fn suits(&self, credentials: &TestCredentials) -> Result<(), (&'static str, String)> {
        match (&self.key, &self.issuer) {
            (Some(_), None) if !self.claims.is_empty() => {
                Err(("send.as.claims", "a key has no claims; name an issuer".to_owned()))
            }
            (Some(key), None) if !credentials.has_key(key) => {
                Err(("send.as.key", format!("there is no key `{key}` in the configuration")))
            }
            (None, Some(issuer)) if !credentials.has_issuer(issuer) => {
                Err(("send.as.issuer", format!("there is no issuer `{issuer}` in the configuration")))
            }
            (Some(_), None) | (None, Some(_)) => Ok(()),
            (None, None) | (Some(_), Some(_)) => Err((
                "send.as",
                "write either `key` or `issuer`; leave `as` out to send no credential".to_owned(),
            )),
        }
    }
}

fn error(path: &str, why: String) -> ReadError {
    ReadError { path: Segment::parse(path), why }
}
