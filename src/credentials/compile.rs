//! All credentials of one configuration that are got, and what a worker knows of them.

use super::choice::{Chosen, CredentialIndex, ExchangeIndex, PoolIndex, Supply};
use super::exchange::Exchange;
use super::own::{Credential, Slot, require_one};
use super::pool::Pool;
use crate::config::{self, AwsKeys, ClientProof, ConfigError, ServedFile, require_reachable, require_text};
use crate::request::Dialect;
use crate::secret::{Environment, Secret};

/// The credentials of one configuration, in its order.
#[derive(Debug, Default)]
pub struct Credentials(Vec<Entry>);

#[derive(Debug)]
enum Entry {
    /// Whose tokens are the gateway's own.
    Own(Box<Credential>),
    /// Whose tokens are the callers'.
    Exchange(Box<Exchange>),
    /// Which has several keys.
    Pool(Box<Pool>),
}

/// What one worker knows of each.
#[derive(Debug, Default)]
pub struct Slots(Vec<Slot>);

impl Credentials {
    /// # Errors
    /// An id that occurs twice, two that get the same tokens, a file that nobody reads, or a credential that is wrong.
    pub fn compile(
        credentials: &[config::Credential],
        files: &[ServedFile],
        environment: Environment<'_>,
    ) -> Result<Self, ConfigError> {
        require_files(files, credentials)?;
        let mut compiled: Vec<Entry> = Vec::with_capacity(credentials.len());
        for (index, credential) in credentials.iter().enumerate() {
            let at = format!("credentials[{index}]");
            if compiled.iter().any(|other| other.id() == credential.id) {
                let why = format!("the id `{}` occurs twice", credential.id.escape_debug());
                return Err(ConfigError::new(format!("{at}.id"), why));
            }
            let one = Entry::compile(credential, &at, (files, environment))?;
            if let Some(other) = compiled.iter().find(|other| one.gets_what(other)) {
                let why = format!("its tokens are those of `{}`; name that one instead", other.id());
                return Err(ConfigError::new(at, why));
            }
            compiled.push(one);
        }
        Ok(Self(compiled))
    }

    /// The credential that `from` names at `at`.
    ///
    /// # Errors
    /// There is none of this id.
    pub fn choose(&self, id: &str, at: &str) -> Result<Chosen, ConfigError> {
        let chosen = self.0.iter().enumerate().find(|(_, entry)| entry.id() == id);
        let chosen = chosen.map(|(index, entry)| Chosen {
            supply: entry.supply(index),
            id: id.into(),
            kind: entry.kind(),
            accounts: entry.accounts().into(),
            is_one_account: entry.is_one_account(),
        });
        chosen.ok_or_else(|| {
            let known: Vec<String> = self.0.iter().map(|entry| format!("`{}`", entry.id())).collect();
            let known = match known.is_empty() {
                true => "there are none".to_owned(),
                false => format!("there are {}", known.join(", ")),
            };
            ConfigError::new(at, format!("`{}` is no id of `credentials`; {known}", id.escape_debug()))
        })
    }

    /// Why no provider of this dialect takes what it gives; `None` where one may.
    pub fn objection(&self, supply: Supply, dialect: Dialect) -> Option<String> {
        match supply {
            Supply::Token(index) => self.get(index)?.objection(dialect),
            Supply::Key(_) if dialect == Dialect::Vertex => {
                Some("are keys, and Vertex AI takes none where models answer".to_owned())
            }
            // Whatever an authorization server gives for a user, and whatever keys there are.
            Supply::UserToken(_) | Supply::Key(_) => None,
        }
    }

    pub fn get(&self, CredentialIndex(index): CredentialIndex) -> Option<&Credential> {
        match self.0.get(index)? {
            Entry::Own(credential) => Some(credential),
            Entry::Exchange(_) | Entry::Pool(_) => None,
        }
    }

    pub fn exchange(&self, ExchangeIndex(index): ExchangeIndex) -> Option<&Exchange> {
        match self.0.get(index)? {
            Entry::Exchange(exchange) => Some(exchange),
            Entry::Own(_) | Entry::Pool(_) => None,
        }
    }

    pub fn pool(&self, PoolIndex(index): PoolIndex) -> Option<&Pool> {
        match self.0.get(index)? {
            Entry::Pool(pool) => Some(pool),
            Entry::Own(_) | Entry::Exchange(_) => None,
        }
    }

    /// Those with several keys.
    pub fn pools(&self) -> impl Iterator<Item = (PoolIndex, &Pool)> {
        self.0.iter().enumerate().filter_map(|(index, entry)| match entry {
            Entry::Pool(pool) => Some((PoolIndex(index), &**pool)),
            Entry::Own(_) | Entry::Exchange(_) => None,
        })
    }

    /// Those whose tokens are the gateway's own.
    pub fn iter(&self) -> impl Iterator<Item = (CredentialIndex, &Credential)> {
        self.0.iter().enumerate().filter_map(|(index, entry)| match entry {
            Entry::Own(credential) => Some((CredentialIndex(index), &**credential)),
            Entry::Exchange(_) | Entry::Pool(_) => None,
        })
    }

    /// Those whose tokens are the callers', with their places in the configuration.
    pub fn exchanges(&self) -> impl Iterator<Item = (usize, &Exchange)> {
        self.0.iter().enumerate().filter_map(|(index, entry)| match entry {
            Entry::Exchange(exchange) => Some((index, &**exchange)),
            Entry::Own(_) | Entry::Pool(_) => None,
        })
    }

    /// Each, and its id, in the configuration's order.
    pub fn supplies(&self) -> impl Iterator<Item = (Supply, &str)> {
        self.0.iter().enumerate().map(|(index, entry)| (entry.supply(index), entry.id()))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Empty ones, for each.
    pub fn slots(&self) -> Slots {
        Slots(vec![Slot::default(); self.0.len()])
    }
}

impl Entry {
    fn compile(
        credential: &config::Credential,
        at: &str,
        from: (&[ServedFile], Environment<'_>),
    ) -> Result<Self, ConfigError> {
        require_id(&credential.id, &format!("{at}.id"))?;
        require_one(credential, at)?;
        let id = &credential.id;
        match (&credential.exchange, &credential.pool) {
            (Some(exchange), _) => {
                let at = format!("{at}.{}", Exchange::KIND);
                let exchange = Exchange::compile(id, exchange, &at, from)?;
                Ok(Self::Exchange(Box::new(exchange)))
            }
            (None, Some(pool)) => {
                let at = format!("{at}.{}", Pool::KIND);
                Pool::compile(id, pool, &at, from.1).map(|pool| Self::Pool(Box::new(pool)))
            }
            (None, None) => Credential::compile(credential, at, from).map(|own| Self::Own(Box::new(own))),
        }
    }

    fn supply(&self, index: usize) -> Supply {
        match self {
            Self::Own(_) => Supply::Token(CredentialIndex(index)),
            Self::Exchange(_) => Supply::UserToken(ExchangeIndex(index)),
            Self::Pool(_) => Supply::Key(PoolIndex(index)),
        }
    }

    fn id(&self) -> &str {
        match self {
            Self::Own(credential) => credential.id(),
            Self::Exchange(exchange) => exchange.id(),
            Self::Pool(pool) => pool.id(),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Own(credential) => credential.kind(),
            Self::Exchange(_) => Exchange::KIND,
            Self::Pool(_) => Pool::KIND,
        }
    }

    /// The digest of what tokens are got with, or the keys themselves.
    fn accounts(&self) -> Vec<Secret> {
        match self {
            Self::Own(credential) => vec![Secret::new(credential.account())],
            Self::Exchange(exchange) => vec![Secret::new(exchange.account())],
            Self::Pool(pool) => pool.accounts().collect(),
        }
    }

    fn is_one_account(&self) -> bool {
        match self {
            Self::Own(_) | Self::Exchange(_) => true,
            Self::Pool(pool) => pool.is_one_account(),
        }
    }

    /// True where both get the same tokens; pools may choose differently among the same keys.
    fn gets_what(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Pool(_), _) | (_, Self::Pool(_)) => false,
            (one, other) => one.accounts() == other.accounts(),
        }
    }
}

/// It is part of metrics' names.
fn require_id(id: &str, at: &str) -> Result<(), ConfigError> {
    require_text(id, at)?;
    match id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)) {
        true => Ok(()),
        false => {
            let id = id.escape_debug();
            let why = format!("`{id}` cannot be part of a metric's name; write letters, digits, `_` and `-`");
            Err(ConfigError::new(at, why))
        }
    }
}

impl Slots {
    pub fn get(&self, CredentialIndex(index): CredentialIndex) -> Option<&Slot> {
        self.0.get(index)
    }

    pub fn put(&mut self, CredentialIndex(index): CredentialIndex, slot: Slot) {
        if let Some(place) = self.0.get_mut(index) {
            *place = slot;
        }
    }
}

/// Each can be asked for, has a name of its own, and is read by a credential.
fn require_files(files: &[ServedFile], credentials: &[config::Credential]) -> Result<(), ConfigError> {
    let reads = |credential: &config::Credential, id: &str| {
        let proof = credential.client().map(|client| &client.client_authentication);
        let keys = credential.bedrock_key.as_ref().map(|key| &key.aws);
        matches!(proof, Some(ClientProof::ClientAssertion(source)) if source.file == id)
            || matches!(keys, Some(AwsKeys::Container(keys)) if keys.authorization_file.as_deref() == Some(id))
    };
    let is_read = |id: &str| credentials.iter().any(|credential| reads(credential, id));
    for (index, file) in files.iter().enumerate() {
        let at = format!("files[{index}]");
        require_text(&file.id, &format!("{at}.id"))?;
        require_reachable(&file.cluster, &file.host, &file.path, &at)?;
        let id = file.id.escape_debug();
        let why = if files.iter().take(index).any(|other| other.id == file.id) {
            format!("the id `{id}` occurs twice")
        } else if !is_read(&file.id) {
            format!("no credential reads `{id}`; name it there, or leave the entry out")
        } else {
            continue;
        };
        return Err(ConfigError::new(format!("{at}.id"), why));
    }
    Ok(())
}
