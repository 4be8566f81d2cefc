//! All credentials of one configuration that are got, and what a worker knows of them.

use std::sync::Arc;

use super::credential::Credential;
use super::slot::Slot;
use crate::config::{self, AwsKeys, ClientProof, ConfigError, ServedFile, require_reachable, require_text};
use crate::secret::Environment;

/// The credentials of one configuration, in its order.
#[derive(Debug, Default)]
pub struct Credentials(Vec<Credential>);

/// One of them; only a configuration that has it makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CredentialIndex(usize);

/// The choice of one, which is remembered in place of its token.
#[derive(Clone, Debug)]
pub struct Chosen {
    pub index: CredentialIndex,
    pub id: Arc<str>,
    /// The name of its kind.
    pub kind: &'static str,
    /// The same for two credentials that get tokens of one account.
    pub account: [u8; 32],
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
        let mut compiled: Vec<Credential> = Vec::with_capacity(credentials.len());
        for (index, credential) in credentials.iter().enumerate() {
            let at = format!("credentials[{index}]");
            if compiled.iter().any(|other| other.id() == credential.id) {
                let why = format!("the id `{}` occurs twice", credential.id.escape_debug());
                return Err(ConfigError::new(format!("{at}.id"), why));
            }
            let one = Credential::compile(credential, &at, (files, environment))?;
            if let Some(other) = compiled.iter().find(|other| other.account() == one.account()) {
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
        let found = self.iter().find(|(_, credential)| credential.id() == id);
        let chosen = found.map(|(index, credential)| Chosen {
            index,
            id: id.into(),
            kind: credential.kind(),
            account: credential.account(),
        });
        chosen.ok_or_else(|| {
            let known: Vec<String> =
                self.0.iter().map(|credential| format!("`{}`", credential.id())).collect();
            let known = match known.is_empty() {
                true => "there are none".to_owned(),
                false => format!("there are {}", known.join(", ")),
            };
            ConfigError::new(at, format!("`{}` is no id of `credentials`; {known}", id.escape_debug()))
        })
    }

    pub fn get(&self, CredentialIndex(index): CredentialIndex) -> Option<&Credential> {
        self.0.get(index)
    }

    pub fn iter(&self) -> impl Iterator<Item = (CredentialIndex, &Credential)> {
        self.0.iter().enumerate().map(|(index, credential)| (CredentialIndex(index), credential))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Empty ones, for each.
    pub fn slots(&self) -> Slots {
        Slots(vec![Slot::default(); self.0.len()])
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
        let proof = credential.oauth.as_ref().map(|client| &client.client_authentication);
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
