//! Every API key there is: those of the configuration and those of the feeds.

use super::feeds::{FedKeys, KeyFeeds};
use super::format::ApiKey;
use super::table::{Entry, KeyTable};
use crate::config::KeyHash;
use crate::denial::{Denial, Reason};
use crate::identity::credential::Presented;
use crate::identity::principal::Principal;
use crate::request::{Connection, Moment};

#[derive(Clone, Copy)]
pub(in crate::identity) struct KnownKeys<'a> {
    pub(in crate::identity) configured: &'a KeyTable,
    pub(in crate::identity) feeds: &'a KeyFeeds,
    pub(in crate::identity) fed: &'a FedKeys,
}

/// How a key is looked for.
#[derive(Clone, Copy)]
pub(in crate::identity) enum Wanted<'a> {
    Hash(&'a KeyHash),
    /// Tokens name the key that they were got with by its id.
    Id(&'a str),
}

struct Found<'a> {
    entry: &'a Entry,
    /// `None` where it is one of the configuration.
    feed: Option<usize>,
}

/// A caller who was proven by a key.
pub(in crate::identity) struct KeyHolder {
    pub(in crate::identity) principal: Principal,
    pub(in crate::identity) hash: KeyHash,
    /// That of all feeds, where the key is of one.
    pub(in crate::identity) generation: Option<u64>,
}

impl<'a> KnownKeys<'a> {
    /// Proves the caller by the key it presented.
    ///
    /// # Errors
    /// Refuses a key that is unknown, mistyped, disabled, not yet valid, expired, or used from elsewhere, and one of which
    /// the feeds cannot say whether it is good.
    pub(in crate::identity) fn authenticate(
        &self,
        presented: &Presented,
        connection: &Connection,
        moment: &Moment,
    ) -> Result<KeyHolder, Denial> {
        let hash = ApiKey::hash(&presented.secret);
        let found = self.find(Wanted::Hash(&hash));
        if found.is_none() && is_mistyped(presented.text()) {
            return Err(Denial::new(Reason::CredentialMalformed)
                .with_detail("the key's checksum does not hold, so it was mistyped or cut off"));
        }
        let Found { entry, feed } = self.rely_on(found, moment)?;
        entry.admit(connection, moment)?;
        let generation = feed.map(|_| self.fed.generation());
        Ok(KeyHolder { principal: entry.principal(), hash, generation })
    }

    /// Admits a key that was found before, or is the parent of a token.
    ///
    /// # Errors
    /// Refuses what [`Self::authenticate`] refuses.
    pub(in crate::identity) fn admit(
        &self,
        wanted: Wanted<'_>,
        connection: &Connection,
        moment: &Moment,
    ) -> Result<(), Denial> {
        self.rely_on(self.find(wanted), moment)?.entry.admit(connection, moment)
    }

    /// The holder of the key of this id, wherever the holder is.
    ///
    /// # Errors
    /// Refuses what [`Self::authenticate`] refuses, but for the place.
    pub(in crate::identity) fn holder(&self, id: &str, moment: &Moment) -> Result<Principal, Denial> {
        let Found { entry, .. } = self.rely_on(self.find(Wanted::Id(id)), moment)?;
        entry.in_force(moment)?;
        Ok(entry.principal())
    }

    /// True where nobody has the key any more, or it was disabled.
    pub(in crate::identity) fn is_withdrawn(&self, wanted: Wanted<'_>) -> bool {
        self.find(wanted).is_none_or(|found| found.entry.is_disabled())
    }

    /// What the feeds say stands only as long as they are fresh.
    fn rely_on(&self, found: Option<Found<'a>>, moment: &Moment) -> Result<Found<'a>, Denial> {
        match &found {
            Some(Found { feed: None, .. }) => {}
            Some(Found { feed: Some(feed), .. }) => {
                self.feeds.require_fresh(self.fed, *feed, moment.unix_ms)?;
            }
            None => self.feeds.require_all_fresh(self.fed, moment.unix_ms)?,
        }
        found.ok_or_else(|| Reason::KeyUnknown.into())
    }

    fn find(&self, wanted: Wanted<'_>) -> Option<Found<'a>> {
        let in_feeds = || {
            let mut tables = self.fed.contents();
            tables.find_map(|(feed, table)| Some(Found { entry: wanted.within(table)?, feed: Some(feed) }))
        };
        let configured = wanted.within(self.configured).map(|entry| Found { entry, feed: None });
        configured.or_else(in_feeds)
    }
}

impl Wanted<'_> {
    fn within<'a>(&self, table: &'a KeyTable) -> Option<&'a Entry> {
        match self {
            Self::Hash(hash) => table.by_hash(hash),
            Self::Id(id) => table.by_id(id),
        }
    }
}

fn is_mistyped(text: &str) -> bool {
    ApiKey::has_prefix(text) && !ApiKey::is_well_formed(text)
}
