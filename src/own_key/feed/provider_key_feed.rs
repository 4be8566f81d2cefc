//! The section `own_keys.feed`, compiled: whose key an entry is, and how it is opened.

use super::content::FeedContent;
use super::entry::FeedEntry;
use super::feed_keys::FeedKeys;
use super::table::{FeedTable, WantedOwner};
use crate::config::{self, ConfigError, PolledDocument, WhenStale};
use crate::denial::{Denial, Reason};
use crate::identity::Principal;
use crate::last_known_good::{self, LastKnownGood};
use crate::own_key::opened::{OwnKey, Times};
use crate::own_key::owner::Owner;
use crate::own_key::sealing_keys::Unopened;
use crate::secret::Environment;

/// The feed's document as one worker has it.
pub type FedProviderKeys = LastKnownGood<FeedTable>;

/// The section `own_keys.feed`, compiled.
#[derive(Debug)]
pub struct ProviderKeyFeed {
    remote: PolledDocument,
    when_stale: WhenStale,
    keys: FeedKeys,
}

impl ProviderKeyFeed {
    /// The feed's name in stats and logs.
    pub const NAME: &str = "feed";
    /// The place of its only document among those that have come.
    pub const DOCUMENT: usize = 0;

    /// # Errors
    /// A document that cannot be polled, or a key that cannot be used; `taken` are the names that other keys have.
    pub(in crate::own_key) fn compile(
        section: &config::ProviderKeyFeed,
        taken: &[&str],
        environment: Environment<'_>,
    ) -> Result<Self, ConfigError> {
        last_known_good::require_pollable(&section.remote, &|field| format!("own_keys.feed.{field}"))?;
        let keys = FeedKeys::compile(section, taken, environment)?;
        Ok(Self { remote: section.remote.clone(), when_stale: section.when_stale, keys })
    }

    pub fn remote(&self) -> &PolledDocument {
        &self.remote
    }

    /// The entry for this caller at this upstream, its own before its tenant's; `None` where there is none.
    ///
    /// # Errors
    /// A document that is too old to say; an entry that is over or disabled, in whose place nobody else's account is used.
    pub fn find<'a>(
        &self,
        fed: &'a FedProviderKeys,
        principal: &Principal,
        (upstream, now_ms): (&str, u64),
    ) -> Result<Option<&'a FeedEntry>, Denial> {
        let Some(tenant) = principal.tenant.as_deref().filter(|tenant| !tenant.is_empty()) else {
            return Ok(None);
        };
        let table = self.fresh(fed, now_ms)?;
        let now_seconds = now_ms / 1000;
        let owner = Owner::of(principal);
        let user = owner.as_ref().map(|owner| Some((owner.subject.as_str(), owner.issuer.as_str())));
        let owners = user.into_iter().chain([None]).map(|user| WantedOwner { tenant, user });
        let Some(entry) = owners.into_iter().find_map(|owner| table.newest(owner, upstream, now_seconds))
        else {
            return Ok(None);
        };
        match entry.end(now_seconds) {
            None => Ok(Some(entry)),
            Some(end) => Err(Denial::new(Reason::ProviderKeyMissing)
                .with_detail(format!("the one that is kept for you {end}"))
                .with_note(format!("the entry `{}` of the feed {end}", entry.id))),
        }
    }

    /// The key of an entry.
    ///
    /// # Errors
    /// One that is not sealed for this gateway, or whose entry says something else than what is sealed. That is the operator's to
    /// mend, and the note names the entry.
    pub fn open(&self, entry: &FeedEntry) -> Result<OwnKey, Denial> {
        let unavailable = |why: &str| unavailable(format!("the entry `{}` of the feed {why}", entry.id));
        let (content, sealed_by) = self.content(&entry.jwe).map_err(unavailable)?;
        match content.terms() == entry.terms() {
            true => {
                let times = Times::of(entry.not_before, entry.expires_at);
                Ok(OwnKey::of_feed(content.terms(), (&content.key, &entry.jwe), times, sealed_by))
            }
            false => Err(unavailable("says something else than what is sealed in it; seal the key anew")),
        }
    }

    /// The key of an entry that was judged before, as it travels beside a request.
    pub(in crate::own_key) fn open_carried(&self, jwe: &str) -> Result<OwnKey, Denial> {
        let (content, sealed_by) =
            self.content(jwe).map_err(|why| unavailable(format!("a key of the feed {why}")))?;
        Ok(OwnKey::of_feed(content.terms(), (&content.key, jwe), Times::of(None, None), sealed_by))
    }

    /// The names of the keys by which it is opened.
    pub(in crate::own_key) fn kids(&self) -> impl Iterator<Item = &str> {
        self.keys.ids()
    }

    fn content(&self, jwe: &str) -> Result<(FeedContent, &str), &'static str> {
        let (text, sealed_by) = self.keys.open(jwe).map_err(|why| match why {
            Unopened::Invalid => "is not sealed for a key of this gateway",
            Unopened::NoKey => "cannot be opened: the environment of Envoy has no key for it",
        })?;
        let content = FeedContent::read(&text).ok_or("holds something else than a key and whose it is")?;
        Ok((content, sealed_by))
    }

    fn fresh<'a>(&self, fed: &'a FedProviderKeys, now_ms: u64) -> Result<&'a FeedTable, Denial> {
        let unavailable = |why| {
            let denial = Denial::new(Reason::CredentialFeedUnavailable).with_note(why);
            Err(denial.retry_after(self.remote.poll.seconds().max(1)))
        };
        let is_stale = last_known_good::is_stale(&self.remote, fed.checked_ms(Self::DOCUMENT), now_ms);
        match fed.table() {
            None => unavailable("the feed of provider keys has not come yet"),
            Some(_) if is_stale && self.when_stale == WhenStale::Deny => {
                unavailable("the feed of provider keys is older than its `max_age`")
            }
            Some(table) => Ok(table),
        }
    }
}

impl LastKnownGood<FeedTable> {
    /// Takes a newer document.
    ///
    /// # Errors
    /// One line for the operator; the one in use stays in use.
    pub fn accept(&mut self, document: &[u8], checked_ms: u64) -> Result<(), String> {
        self.replace(ProviderKeyFeed::DOCUMENT, FeedTable::read(document)?, checked_ms);
        Ok(())
    }

    /// What has come.
    pub fn table(&self) -> Option<&FeedTable> {
        self.content(ProviderKeyFeed::DOCUMENT)
    }
}

fn unavailable(note: String) -> Denial {
    Denial::new(Reason::ProviderKeysUnavailable).with_note(note)
}
