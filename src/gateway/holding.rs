//! What is held of a call that waits, within the bounds of its caller and of the worker.

use super::call::{Call, Verdict};
use super::{Gateway, Memory};
use crate::cache::Fingerprint;
use crate::config::ConfigError;
use crate::denial::Denial;
use crate::holding::{Bounds, Holder};
use crate::identity::Principal;

/// How much of a call's body lies with the host while the call waits, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// What has come so far.
    pub come: u64,
    /// Where all of it will be held that is announced, the most that may be.
    pub most: Option<u64>,
}

/// The longest body that may be read, in bytes.
const LONGEST: u64 = 128 * 1024 * 1024;

impl Gateway {
    /// How much of a body is held at most, whatever it is, in bytes.
    pub fn longest_body(&self) -> u64 {
        self.settings.body_limit.max(self.settings.form_limit)
    }

    /// Takes room for a call that waits, or as much more as has come of it since. It is given back once the call is decided,
    /// or is no more. `source` is asked where nobody knows yet whose call it is.
    ///
    /// # Errors
    /// There is no room: the call is to be refused.
    pub fn hold(
        &self,
        call: &mut Call,
        memory: &Memory,
        pending: Pending,
        source: &dyn Fn() -> Option<String>,
    ) -> Result<(), Denial> {
        let Verdict::Undecided(held) = &mut call.verdict else { return Ok(()) };
        let head = call.arrival.head.bytes();
        let come = head.saturating_add(pending.come);
        let announced = || {
            let length =
                call.arrival.head.text("content-length").and_then(|length| length.parse::<u64>().ok());
            length.unwrap_or_default().min(pending.most.unwrap_or_default()).max(pending.come)
        };
        let all = head.saturating_add(announced());
        let principal = call.found.as_ref().map(|found| found.who.principal());
        let is_known = principal.is_some();
        let holder = match (&*held, principal) {
            (Some(share), _) if share.is_of_caller() == is_known => share.holder(),
            (_, Some(principal)) => Holder::Caller(memory.caller_name(principal)),
            (_, None) => Holder::Stranger(memory.source_name(source().as_deref().unwrap_or_default())),
        };
        // What a stranger announces costs it nothing, so that it takes no more room than it fills.
        let bytes = if is_known { all } else { come };
        match held {
            Some(share) => share.become_of(holder, bytes)?,
            None => {
                let mut share = memory.holding.take(holder, all)?;
                share.become_of(holder, bytes)?;
                *held = Some(share);
            }
        }
        Ok(())
    }

    pub(super) fn check_holding(&self) -> Result<(), ConfigError> {
        let Bounds { worker, caller } = self.settings.holding;
        let (body, longest) = (self.settings.body_limit, self.longest_body());
        for (at, bytes) in [("body_limit", body), ("form_limit", self.settings.form_limit)] {
            if bytes > LONGEST {
                let why = "a body is copied into the filter's memory to be read, of which there is 1 GiB; write `128MiB` or less";
                return Err(ConfigError::new(at, why));
            }
        }
        if caller < body {
            let why = format!("a caller could not send one body of `body_limit`; write {body} or more");
            return Err(ConfigError::new("held_bytes_per_caller", why));
        }
        // Half of it is for those who are not known yet.
        let least = caller.max(longest.saturating_mul(2));
        match worker < least {
            true => Err(ConfigError::new(
                "held_bytes",
                format!(
                    "half of it, which is for callers not known yet, must hold one body of `body_limit` or `form_limit`, and all of it one caller's; write {least} or more"
                ),
            )),
            false => Ok(()),
        }
    }
}

impl Memory {
    /// The name of a principal: the same for all its credentials.
    fn caller_name(&self, principal: &Principal) -> Fingerprint {
        let texts = [principal.issuer.as_deref(), principal.tenant.as_deref(), principal.project.as_deref()];
        let [issuer, tenant, project] = texts.map(|text| text.unwrap_or_default().as_bytes());
        self.settled.name(&[issuer, tenant, project, principal.subject.as_bytes()])
    }

    fn source_name(&self, address: &str) -> Fingerprint {
        self.settled.name(&[address.as_bytes()])
    }

    /// How many bytes are held of calls that wait.
    pub fn held_bytes(&self) -> u64 {
        self.holding.held()
    }
}
