//! The API keys of the configuration, found by hash.
//!
//! It is built to hold 100,000 keys in a wasm VM: texts that keys share are stored once, and a principal is
//! put together only when its key is used. A key of another system may be listed too: only its hash counts.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::hash_map::Entry as Slot;
use hashbrown::{HashMap, HashSet};

use super::api_key::{ApiKey, KeyHash};
use super::credential::Presented;
use super::network::Networks;
use super::principal::{KeyFacts, Kind, Principal};
use crate::config::{ClientAddress, ConfigError, Key, Timestamp};
use crate::denial::{Denial, Reason};
use crate::request::{Connection, Moment};

/// Every key of one configuration.
#[derive(Debug)]
pub struct KeyTable {
    entries: HashMap<KeyHash, Entry>,
    asks_for_networks: bool,
}

#[derive(Debug)]
pub(super) struct Entry {
    id: Box<str>,
    project: Arc<str>,
    service_account: Arc<str>,
    tenant: Option<Arc<str>>,
    /// Space-separated, so that keys with the same scopes share one text.
    scopes: Arc<str>,
    labels: Box<[(Arc<str>, Arc<str>)]>,
    created_at: Option<Timestamp>,
    not_before: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    networks: Option<Box<Networks>>,
    standing: Standing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Live,
    Disabled,
}

impl KeyTable {
    /// # Errors
    /// The path of the first field that is wrong, such as `keys[3].hash`.
    pub fn compile(keys: &[Key], client_address: Option<ClientAddress>) -> Result<Self, ConfigError> {
        let mut entries = HashMap::with_capacity(keys.len());
        let mut ids = HashSet::with_capacity(keys.len());
        let mut texts = Texts::default();
        for (index, key) in keys.iter().enumerate() {
            let at = |field: &str| format!("keys[{index}].{field}");
            if !ids.insert(key.id.as_str()) {
                return Err(ConfigError::new(at("id"), format!("`{}` is the id of two keys", key.id)));
            }
            let hash: KeyHash = key.hash.parse().map_err(|why| ConfigError::new(at("hash"), why))?;
            let Slot::Vacant(slot) = entries.entry(hash) else {
                return Err(ConfigError::new(
                    at("hash"),
                    "the hash of another key in this list; mint a new key",
                ));
            };
            slot.insert(Entry::compile(key, client_address, &mut texts, &at)?);
        }
        let asks_for_networks = entries.values().any(|entry: &Entry| entry.networks.is_some());
        Ok(Self { entries, asks_for_networks })
    }

    /// True where a key is bound to networks.
    pub(super) fn asks_for_networks(&self) -> bool {
        self.asks_for_networks
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Proves the caller by the key it presented.
    ///
    /// # Errors
    /// Refuses a key that is unknown, mistyped, disabled, not yet valid, expired, or used from elsewhere.
    pub fn authenticate(
        &self,
        presented: &Presented,
        connection: &Connection,
        moment: &Moment,
    ) -> Result<(KeyHash, Principal), Denial> {
        let hash = ApiKey::hash(&presented.secret);
        let entry = self.entries.get(&hash).ok_or_else(|| unknown(presented.text()))?;
        entry.admit(connection, moment)?;
        Ok((hash, entry.principal()))
    }

    /// Admits the key of this id, as the parent of a token, and tells what it is.
    ///
    /// # Errors
    /// Refuses what [`Self::authenticate`] refuses.
    pub(super) fn admit_by_id(
        &self,
        id: &str,
        connection: &Connection,
        moment: &Moment,
    ) -> Result<&Entry, Denial> {
        let entry = self.by_id(id)?;
        entry.admit(connection, moment)?;
        Ok(entry)
    }

    /// The holder of the key of this id, wherever the holder is.
    ///
    /// # Errors
    /// Refuses a key that is unknown, disabled, not yet valid or expired.
    pub(super) fn holder(&self, id: &str, moment: &Moment) -> Result<Principal, Denial> {
        let entry = self.by_id(id)?;
        entry.in_force(moment)?;
        Ok(entry.principal())
    }

    fn by_id(&self, id: &str) -> Result<&Entry, Denial> {
        let entry = self.entries.values().find(|entry| &*entry.id == id);
        entry.ok_or_else(|| Reason::KeyUnknown.into())
    }

    /// Admits a key once more that was found before.
    ///
    /// # Errors
    /// Refuses what [`Self::authenticate`] refuses.
    pub(super) fn admit(
        &self,
        hash: &KeyHash,
        connection: &Connection,
        moment: &Moment,
    ) -> Result<(), Denial> {
        let entry = self.entries.get(hash).ok_or_else(|| Denial::from(Reason::KeyUnknown))?;
        entry.admit(connection, moment)
    }
}

impl Entry {
    fn compile(
        key: &Key,
        client_address: Option<ClientAddress>,
        texts: &mut Texts,
        at: &dyn Fn(&str) -> String,
    ) -> Result<Self, ConfigError> {
        for (field, text) in
            [("id", &key.id), ("project", &key.project), ("service_account", &key.service_account)]
        {
            name(text).map_err(|why| ConfigError::new(at(field), why))?;
        }
        if let Some(tenant) = &key.tenant {
            name(tenant).map_err(|why| ConfigError::new(at("tenant"), why))?;
        }
        for (index, scope) in key.scopes.iter().enumerate() {
            scope_token(scope).map_err(|why| ConfigError::new(at(&format!("scopes[{index}]")), why))?;
        }
        if let (Some(not_before), Some(expires_at)) = (key.not_before, key.expires_at)
            && not_before >= expires_at
        {
            let why = format!("`{expires_at}` is not after `not_before`, so the key would never be valid");
            return Err(ConfigError::new(at("expires_at"), why));
        }
        Ok(Self {
            id: key.id.as_str().into(),
            project: texts.share(&key.project),
            service_account: texts.share(&key.service_account),
            tenant: key.tenant.as_deref().map(|tenant| texts.share(tenant)),
            scopes: texts.share(&key.scopes.join(" ")),
            labels: key.labels.iter().map(|(name, value)| (texts.share(name), texts.share(value))).collect(),
            created_at: key.created_at,
            not_before: key.not_before,
            expires_at: key.expires_at,
            networks: Networks::compile(&key.cidrs, client_address, &at("cidrs"))?.map(Box::new),
            standing: if key.disabled { Standing::Disabled } else { Standing::Live },
        })
    }

    fn admit(&self, connection: &Connection, moment: &Moment) -> Result<(), Denial> {
        self.in_force(moment)?;
        match &self.networks {
            Some(networks) => networks.admit(connection),
            None => Ok(()),
        }
    }

    fn in_force(&self, moment: &Moment) -> Result<(), Denial> {
        let now = moment.unix_seconds();
        if self.standing == Standing::Disabled {
            return Err(Reason::CredentialRevoked.into());
        }
        if self.not_before.is_some_and(|time| time.is_after(now)) {
            return Err(Reason::KeyNotYetValid.into());
        }
        if self.expires_at.is_some_and(|time| !time.is_after(now)) {
            return Err(Reason::KeyExpired.into());
        }
        Ok(())
    }

    /// What rules may know of the key.
    pub(super) fn facts(&self) -> KeyFacts {
        let labels = self.labels.iter().map(|(name, value)| (String::from(&**name), String::from(&**value)));
        KeyFacts {
            id: self.id.to_string(),
            labels: labels.collect::<BTreeMap<_, _>>(),
            created_at: self.created_at.map(Timestamp::unix_seconds),
        }
    }

    fn principal(&self) -> Principal {
        Principal {
            kind: Kind::ApiKey,
            subject: self.service_account.to_string(),
            tenant: self.tenant.as_deref().map(str::to_owned),
            project: Some(self.project.to_string()),
            service_account: Some(self.service_account.to_string()),
            client: None,
            scopes: self.scopes.split_ascii_whitespace().map(str::to_owned).collect(),
            roles: Vec::new(),
            claims: serde_json::Map::new(),
            key: Some(self.facts()),
            issuer: None,
            credential_id: self.id.to_string(),
            actor: None,
            actors: Vec::new(),
            expires_at: self.expires_at.and_then(|time| u64::try_from(time.unix_seconds()).ok()),
            issued_at: self.created_at.and_then(|time| u64::try_from(time.unix_seconds()).ok()),
            minted: None,
        }
    }
}

/// Texts that many keys have in common, each stored once.
#[derive(Default)]
struct Texts(HashSet<Arc<str>>);

impl Texts {
    fn share(&mut self, text: &str) -> Arc<str> {
        self.0.get_or_insert_with(text, |text| Arc::from(text)).clone()
    }
}

fn unknown(text: &str) -> Denial {
    match ApiKey::has_prefix(text) && !ApiKey::is_well_formed(text) {
        true => Denial::new(Reason::CredentialMalformed)
            .with_detail("the key's checksum does not hold, so it was mistyped or cut off"),
        false => Reason::KeyUnknown.into(),
    }
}

fn name(text: &str) -> Result<(), String> {
    match text.trim() == text && !text.is_empty() && !text.contains(char::is_control) {
        true => Ok(()),
        false => {
            Err(format!("`{}` is not a name; write some text without space around it", text.escape_debug()))
        }
    }
}

/// RFC 6749 section 3.3, `scope-token`.
fn scope_token(text: &str) -> Result<(), String> {
    match !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
    {
        true => Ok(()),
        false => Err(format!(
            "`{}` is not a scope; write visible ASCII without space, quote and backslash, one scope per entry",
            text.escape_debug()
        )),
    }
}

#[cfg(test)]
mod tests;
