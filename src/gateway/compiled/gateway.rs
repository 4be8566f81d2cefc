//! One configuration, compiled.

use super::labels::Labels;
use super::published::Published;
use super::remembers::Remembers;
use super::rooms::Rooms;
use super::settings::Settings;
use super::wants::Wants;
use crate::credentials::Credentials;
use crate::denial::{Denial, Reason};
use crate::dialect::Wanted;
use crate::identity::{Identity, Inquiry, Introspected, KeyRing};
use crate::ledger::Ledger;
use crate::quota::Service;
use crate::request::Moment;

/// One configuration, compiled.
#[derive(Debug)]
pub struct Gateway {
    pub(in crate::gateway) rooms: Rooms,
    pub(in crate::gateway) published: Published,
    pub(in crate::gateway) settings: Settings,
    pub(in crate::gateway) remembers: Remembers,
    pub(in crate::gateway) labels: Labels,
    /// What the quotas and the labels want to know of each body that is read.
    pub(in crate::gateway) wanted_of_each: Wanted,
    pub(super) wants: Wants,
}

impl Gateway {
    pub fn ledger(&self) -> &Ledger {
        &self.rooms.ledger
    }

    pub fn identity(&self) -> &Identity {
        &self.rooms.identity
    }

    /// What an issuer's answer to an inquiry of `asked_ms` means, to be told to the calls that wait for it.
    ///
    /// # Errors
    /// One line for the operator where it is none.
    pub fn read_introspection(
        &self,
        inquiry: &Inquiry,
        answer: &[u8],
        asked_ms: u64,
        moment: &Moment,
    ) -> Result<Introspected, String> {
        self.rooms.identity.read_introspection(&self.rooms.engine, inquiry, answer, asked_ms, moment)
    }

    /// How long a request may be held while it is decided, in milliseconds.
    pub fn hold_timeout_ms(&self) -> u64 {
        self.settings.hold_timeout_ms
    }

    pub fn wants(&self) -> Wants {
        self.wants
    }

    /// A ring without keys for this configuration's remote issuers.
    pub fn key_ring(&self) -> KeyRing {
        self.rooms.identity.key_ring()
    }

    /// The credentials at providers that are got.
    pub fn credentials(&self) -> &Credentials {
        &self.rooms.credentials
    }

    /// The rate limit service, where a quota is counted by it.
    pub fn rate_limit_service(&self) -> Option<&Service> {
        self.rooms.quotas.service()
    }

    /// How much of a body is held at most, whatever it is, in bytes.
    pub fn longest_body(&self) -> u64 {
        self.settings.body_limit.max(self.settings.form_limit)
    }

    /// Why a body of more than `limit` bytes is refused.
    pub fn too_large(&self, limit: u64) -> Denial {
        let raise = match limit {
            limit if limit == self.settings.body_limit => {
                ", or ask whoever runs this gateway to raise `body_limit`"
            }
            limit if limit == self.settings.form_limit => {
                ", or ask whoever runs this gateway to raise `form_limit`"
            }
            _ => "",
        };
        Denial::new(Reason::BodyTooLarge)
            .with_detail(format!("it takes at most {limit} bytes of one; send less{raise}"))
    }
}
