//! A list of API keys, found by hash: those of the configuration, or of a feed.
//!
//! It is built to hold 100,000 keys in a wasm VM: it shares them with the configuration, and a principal is put
//! together only when its key is used. A key of another system may be listed too: only its hash counts.

use std::borrow::Borrow;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use hashbrown::HashSet;

use super::networks::Networks;
use crate::config::{ClientAddress, ConfigError, Key, KeyHash, Timestamp};
use crate::denial::{Denial, Reason};
use crate::identity::principal::{Binding, KeyFacts, Kind, Principal};
use crate::request::{Connection, Moment};

/// Every key of one list.
#[derive(Debug)]
pub struct KeyTable {
    entries: HashSet<Entry>,
    /// For tokens, which name the key that they were got with by its id.
    ids: HashSet<ById>,
    asks_for_networks: bool,
}

/// One key, known by its hash.
#[derive(Debug)]
pub(in crate::identity) struct Entry {
    key: Arc<Key>,
    networks: Option<Box<Networks>>,
}

/// One key, known by its id.
#[derive(Debug)]
struct ById(Arc<Key>);

impl Borrow<str> for ById {
    fn borrow(&self) -> &str {
        &self.0.id
    }
}

impl Hash for ById {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id.hash(state);
    }
}

impl PartialEq for ById {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for ById {}

impl KeyTable {
    /// # Errors
    /// The path of the first field that is wrong, such as `keys[3].hash`.
    pub fn compile(keys: &[Arc<Key>], client_address: Option<ClientAddress>) -> Result<Self, ConfigError> {
        let mut entries = HashSet::with_capacity(keys.len());
        let mut ids: HashSet<ById> = HashSet::with_capacity(keys.len());
        for (index, key) in keys.iter().enumerate() {
            let at = |field: &str| format!("keys[{index}].{field}");
            if !ids.insert(ById(Arc::clone(key))) {
                return Err(ConfigError::new(at("id"), format!("`{}` is the id of two keys", key.id)));
            }
            if !entries.insert(Entry::compile(key, client_address, &at)?) {
                return Err(ConfigError::new(
                    at("hash"),
                    "the hash of another key in this list; mint a new key",
                ));
            }
        }
        let asks_for_networks = entries.iter().any(|entry: &Entry| entry.networks.is_some());
        Ok(Self { entries, ids, asks_for_networks })
    }

    /// True where a key is bound to networks.
    pub(in crate::identity) fn asks_for_networks(&self) -> bool {
        self.asks_for_networks
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn by_hash(&self, hash: &KeyHash) -> Option<&Entry> {
        self.entries.get(hash)
    }

    pub(in crate::identity) fn by_id(&self, id: &str) -> Option<&Entry> {
        self.ids.get(id).and_then(|key| self.by_hash(&key.0.hash))
    }

    /// The field by which the key cannot be told from one of these.
    pub(super) fn field_in_common(&self, key: &Key) -> Option<&'static str> {
        match (self.ids.contains::<str>(&key.id), self.entries.contains(&key.hash)) {
            (true, _) => Some("id"),
            (false, true) => Some("hash"),
            (false, false) => None,
        }
    }
}

impl Entry {
    fn compile(
        key: &Arc<Key>,
        client_address: Option<ClientAddress>,
        at: &dyn Fn(&str) -> String,
    ) -> Result<Self, ConfigError> {
        for (field, text) in
            [("id", &*key.id), ("project", &*key.project), ("service_account", &*key.service_account)]
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
        let networks = Networks::compile(&key.cidrs, client_address, at)?.map(Box::new);
        Ok(Self { key: Arc::clone(key), networks })
    }

    /// # Errors
    /// Refuses a key that is disabled, not yet valid, expired, or used from elsewhere.
    pub(super) fn admit(&self, connection: &Connection, moment: &Moment) -> Result<(), Denial> {
        self.in_force(moment)?;
        match &self.networks {
            Some(networks) => networks.admit(connection),
            None => Ok(()),
        }
    }

    /// # Errors
    /// Refuses a key that is disabled, not yet valid or expired, wherever its holder is.
    pub(super) fn in_force(&self, moment: &Moment) -> Result<(), Denial> {
        let now = moment.unix_seconds();
        if self.key.disabled {
            return Err(Reason::CredentialRevoked.into());
        }
        if self.key.not_before.is_some_and(|time| time.is_after(now)) {
            return Err(Reason::KeyNotYetValid.into());
        }
        if self.key.expires_at.is_some_and(|time| !time.is_after(now)) {
            return Err(Reason::KeyExpired.into());
        }
        Ok(())
    }

    fn binding(&self) -> Binding {
        Binding::of_key(self.key.bound_to.as_deref())
    }

    /// What rules may know of the key.
    fn facts(&self) -> KeyFacts {
        let key = &self.key;
        KeyFacts {
            id: key.id.to_string(),
            labels: key.labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            created_at: key.created_at.map(Timestamp::unix_seconds),
        }
    }

    pub(super) fn is_disabled(&self) -> bool {
        self.key.disabled
    }

    pub(super) fn principal(&self) -> Principal {
        let key = &self.key;
        Principal {
            kind: Kind::ApiKey,
            subject: key.service_account.to_string(),
            tenant: key.tenant.as_deref().map(str::to_owned),
            project: Some(key.project.to_string()),
            service_account: Some(key.service_account.to_string()),
            client: None,
            scopes: key.scopes.iter().map(|scope| scope.to_string()).collect(),
            roles: Vec::new(),
            claims: serde_json::Map::new(),
            key: Some(self.facts()),
            issuer: None,
            credential_id: key.id.to_string(),
            actor: None,
            actors: Vec::new(),
            expires_at: key.expires_at.and_then(|time| u64::try_from(time.unix_seconds()).ok()),
            issued_at: key.created_at.and_then(|time| u64::try_from(time.unix_seconds()).ok()),
            binding: self.binding(),
            minted: None,
        }
    }
}

impl Borrow<KeyHash> for Entry {
    fn borrow(&self) -> &KeyHash {
        &self.key.hash
    }
}

impl Hash for Entry {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash.hash(state);
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key.hash == other.key.hash
    }
}

impl Eq for Entry {}

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
