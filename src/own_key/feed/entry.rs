//! One entry of a feed, as it stands in the document.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::cache::{Cache, Fingerprint};
use crate::config::Timestamp;
use crate::own_key::jwe::Parts;
use crate::own_key::terms::Terms;

/// A longer JWE is refused; what is sealed is a few hundred bytes.
pub(super) const LONGEST_JWE: usize = 8 * 1024;
/// The longest of the other texts.
const LONGEST_TEXT: usize = 256;

/// One provider's key of a tenant, or of one user of it.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FeedEntry {
    /// Names the key in records and revocation lists; unique.
    pub id: String,
    pub tenant: String,
    /// Absent: for every caller of the tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The issuer of the subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The clusters that it is for.
    pub upstreams: Vec<String>,
    /// Patterns of models. Absent: for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models: Option<Vec<String>>,
    /// The key, sealed.
    pub jwe: String,
    /// The entry is not there yet before this time. Of several, the newest counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// It is over from this time on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Refuses whom it is for without forgetting it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
}

impl FeedEntry {
    /// # Errors
    /// The field that is wrong, and why; no value is quoted, since a key could stand there by mistake.
    pub(super) fn require_right(&self) -> Result<(), (&'static str, &'static str)> {
        const TEXT: &str = "is empty, longer than 256 bytes, or has a control character";
        let is_text =
            |text: &String| (1..=LONGEST_TEXT).contains(&text.len()) && !text.chars().any(char::is_control);
        let are_texts = |texts: &[String]| !texts.is_empty() && texts.iter().all(is_text);
        let texts = [
            ("id", Some(&self.id)),
            ("tenant", Some(&self.tenant)),
            ("subject", self.subject.as_ref()),
            ("issuer", self.issuer.as_ref()),
        ];
        if let Some((field, _)) = texts.into_iter().find(|(_, text)| !text.is_none_or(is_text)) {
            return Err((field, TEXT));
        }
        match (&self.subject, &self.issuer) {
            (Some(_), None) => {
                return Err(("subject", "has no `issuer` beside it, and a subject is one of an issuer's"));
            }
            (None, Some(_)) => {
                return Err(("issuer", "has no `subject` beside it; leave it out, or name the subject"));
            }
            _ => {}
        }
        let lists = [("upstreams", Some(&self.upstreams)), ("models", self.models.as_ref())];
        if let Some((field, _)) = lists.into_iter().find(|(_, list)| !list.is_none_or(|list| are_texts(list)))
        {
            return Err((
                field,
                "has no item, or one that is empty, longer than 256 bytes, or with a control character",
            ));
        }
        if self.jwe.len() > LONGEST_JWE || Parts::read(&self.jwe).is_none() {
            return Err(("jwe", "is not a JWE of five parts; seal the key with `claimgate key seal`"));
        }
        match (self.not_before, self.expires_at) {
            (Some(begin), Some(end)) if end <= begin => Err(("expires_at", "is not later than `not_before`")),
            _ => Ok(()),
        }
    }

    pub(super) fn is_for(&self, upstream: &str) -> bool {
        self.upstreams.iter().any(|name| name == upstream)
    }

    pub(super) fn has_begun(&self, now_seconds: u64) -> bool {
        self.not_before.is_none_or(|time| !time.is_after(now_seconds))
    }

    /// Why it is not of use any more; `None` where it is.
    pub(super) fn end(&self, now_seconds: u64) -> Option<&'static str> {
        match self.expires_at {
            _ if self.disabled => Some("is disabled"),
            Some(time) if !time.is_after(now_seconds) => Some("has expired"),
            _ => None,
        }
    }

    pub(super) fn terms(&self) -> Terms<'_> {
        Terms {
            id: &self.id,
            tenant: &self.tenant,
            subject: self.subject.as_deref(),
            issuer: self.issuer.as_deref(),
            upstreams: &self.upstreams,
            models: self.models.as_deref(),
        }
    }

    /// Under which it is remembered what this entry has come to: it stands for all that the entry says, so that one that was
    /// changed is opened anew.
    pub fn name<T: Clone>(&self, names: &Cache<T>) -> Fingerprint {
        let time = |time: Option<Timestamp>| time.map_or(i64::MIN, Timestamp::unix_seconds).to_le_bytes();
        let (begin, end) = (time(self.not_before), time(self.expires_at));
        let mut parts: Vec<&[u8]> = vec![
            self.id.as_bytes(),
            self.tenant.as_bytes(),
            // None of these is empty where it is there.
            self.subject.as_deref().unwrap_or_default().as_bytes(),
            self.issuer.as_deref().unwrap_or_default().as_bytes(),
            self.jwe.as_bytes(),
            &begin,
            &end,
        ];
        parts.extend(self.upstreams.iter().map(String::as_bytes));
        parts.push(b"");
        parts.extend(self.models.iter().flatten().map(String::as_bytes));
        names.name(&parts)
    }
}

impl fmt::Debug for FeedEntry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "FeedEntry({})", self.id)
    }
}
