//! One list, read and indexed: a lookup for each credential of a caller, whatever the length of the list.

use hashbrown::{Equivalent, HashMap};
use serde::Deserialize;

use super::chain::{self, Holder, Link, Name};
use crate::config::{Revoked, Timestamp, read_document};
use crate::expression::forbids_model;
use crate::identity::Principal;

/// How many entries may have no name of a credential or a caller: each is looked at for each request.
const MOST_GENERAL: usize = 1000;

/// A longer document is refused.
pub const MAX_DOCUMENT_BYTES: usize = 4 * 1024 * 1024;

/// What is revoked.
#[derive(Debug, Default)]
pub struct List {
    entries: Vec<Revoked>,
    /// By the most telling field that an entry has and its value, the entries' places.
    named: HashMap<(Name, Box<str>), Vec<u32>>,
    /// The entries that name nobody: issuers, models, times.
    general: Vec<u32>,
    names_models: bool,
}

/// A name that is looked for, without a copy of it.
#[derive(Hash)]
struct Wanted<'a>(Name, &'a str);

impl Equivalent<(Name, Box<str>)> for Wanted<'_> {
    fn equivalent(&self, key: &(Name, Box<str>)) -> bool {
        self.0 == key.0 && *self.1 == *key.1
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    revoked: Vec<Revoked>,
}

impl List {
    /// Reads the document that `claimgate revoke` writes: `{"revoked": […]}`.
    ///
    /// # Errors
    /// One line with the place of what is wrong.
    pub fn read(document: &[u8]) -> Result<Self, String> {
        if document.len() > MAX_DOCUMENT_BYTES {
            return Err(format!("the document has more than {} bytes", MAX_DOCUMENT_BYTES));
        }
        let read: Document = read_document(document)?;
        Self::compile(&read.revoked).map_err(|(entry, why)| format!("revoked[{entry}]: {why}"))
    }

    /// # Errors
    /// The place of an entry that says nothing, and why.
    pub fn compile(entries: &[Revoked]) -> Result<Self, (usize, String)> {
        let mut list = Self { entries: entries.to_vec(), ..Self::default() };
        for (index, (entry, place)) in entries.iter().zip(0_u32..).enumerate() {
            list.names_models |= entry.model.is_some();
            let values = [
                (Name::Key, &entry.key),
                (Name::Jti, &entry.jti),
                (Name::Subject, &entry.subject),
                (Name::ServiceAccount, &entry.service_account),
                (Name::Client, &entry.client),
                (Name::Actor, &entry.actor),
                (Name::Tenant, &entry.tenant),
            ];
            let texts = values.iter().map(|(_, value)| *value).chain([&entry.issuer, &entry.model]);
            if texts.flatten().any(|text| text.is_empty()) {
                return Err((index, "a field is empty; leave it out, or write what is revoked".to_owned()));
            }
            if entry.key.is_some() && entry.jti.is_some() {
                return Err((
                    index,
                    "no credential has both a `key` and a `jti`; write two entries".to_owned(),
                ));
            }
            match values.iter().find_map(|(name, value)| Some((*name, value.as_deref()?))) {
                Some((name, value)) => list.named.entry((name, value.into())).or_default().push(place),
                None if entry.issuer.is_none() && entry.model.is_none() && entry.issued_before.is_none() => {
                    let why = "the entry names nothing, and would revoke everybody; write `key`, `jti`, `subject` or another field";
                    return Err((index, why.to_owned()));
                }
                None => list.general.push(place),
            }
        }
        match list.general.get(MOST_GENERAL) {
            Some(place) => Err((
                usize::try_from(*place).unwrap_or_default(),
                format!("more than {MOST_GENERAL} entries name no credential and no caller"),
            )),
            None => Ok(list),
        }
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// True where an entry could switch a model off for this caller.
    pub fn names_models(&self, principal: &Principal, now_seconds: u64) -> bool {
        self.names_models && self.fitting(principal, now_seconds).any(|entry| entry.model.is_some())
    }

    /// What the entry that revokes the caller names; `None` where no entry does.
    pub fn revokes(&self, principal: &Principal, now_seconds: u64) -> Option<String> {
        self.fitting(principal, now_seconds).find(|entry| entry.model.is_none()).map(described)
    }

    /// True where an entry switches the model off, for everybody or for this caller.
    pub fn revokes_model(&self, principal: &Principal, model: &str, now_seconds: u64) -> bool {
        let names =
            |entry: &Revoked| entry.model.as_ref().is_some_and(|pattern| forbids_model(pattern, model));
        self.names_models && self.fitting(principal, now_seconds).any(names)
    }

    /// The entries that fit the caller, whatever their model.
    fn fitting<'a>(
        &'a self,
        principal: &'a Principal,
        now_seconds: u64,
    ) -> impl Iterator<Item = &'a Revoked> {
        let named = chain::names(principal)
            .filter(|_| !self.named.is_empty())
            .filter_map(|(name, value)| self.named.get(&Wanted(name, value)));
        let places = named.flatten().chain(&self.general);
        places.filter_map(move |place| {
            let entry = self.entries.get(usize::try_from(*place).ok()?)?;
            let is_void = entry.until.is_some_and(|until| !until.is_after(now_seconds));
            (!is_void && fits(entry, principal)).then_some(entry)
        })
    }
}

/// True where every field of the entry fits, those of a credential all on the same one; the model is left out.
fn fits(entry: &Revoked, principal: &Principal) -> bool {
    let acts = |wanted: &Option<String>| wanted.as_ref().is_some_and(|name| principal.actors.contains(name));
    let by_actor = acts(&entry.subject) || acts(&entry.service_account);
    (is(&entry.subject, Some(&principal.subject)) || acts(&entry.subject))
        && (is(&entry.service_account, principal.service_account.as_deref()) || acts(&entry.service_account))
        && is(&entry.client, principal.client.as_deref())
        && is(&entry.tenant, principal.tenant.as_deref())
        && entry.actor.as_ref().is_none_or(|actor| principal.actors.contains(actor))
        && chain::links(principal).any(|link| {
            // What is said of a subject is not meant of the credential of the agent that acts for it.
            (link.holder == Holder::Subject || by_actor || !names_subject(entry))
                && is(&entry.key, link.key())
                && is(&entry.jti, link.jti())
                && is(&entry.issuer, link.issuer)
                && entry.issued_before.is_none_or(|time| was_issued_before(&link, time))
        })
}

fn names_subject(entry: &Revoked) -> bool {
    let of_subject = [&entry.subject, &entry.service_account, &entry.client, &entry.tenant];
    let of_credential = [&entry.key, &entry.jti, &entry.actor];
    of_subject.iter().any(|field| field.is_some()) && of_credential.iter().all(|field| field.is_none())
}

fn is(wanted: &Option<String>, value: Option<&str>) -> bool {
    wanted.as_deref().is_none_or(|wanted| value == Some(wanted))
}

/// A credential that does not say when it was issued counts as issued before.
fn was_issued_before(link: &Link<'_>, time: Timestamp) -> bool {
    link.issued_at.is_none_or(|issued| time.is_after(issued))
}

/// The fields of the entry, for the operator.
fn described(entry: &Revoked) -> String {
    let entry = Revoked { note: None, ..entry.clone() };
    serde_json::to_string(&entry).unwrap_or_default()
}
