//! One credential that is got, whatever its kind.

use sha2::{Digest, Sha256};

use super::answer::{self, TokenAnswer};
use super::failure::Setback;
use super::oauth::{Client, TokenRequest};
use super::slot::Slot;
use super::token::{Times, Token};
use crate::config::{self, ConfigError, Span, require_text};
use crate::ledger::compose;
use crate::secret::{Environment, Secret};

/// A credential that is got.
#[derive(Debug)]
pub struct Credential {
    id: String,
    kind: Kind,
    account: [u8; 32],
    /// Tells the secret that a token was got with from another: a changed one makes it due, so that a bad one shows while the
    /// old token serves.
    proof: String,
}

#[derive(Debug)]
enum Kind {
    Oauth(Client),
}

impl Credential {
    pub(super) fn compile(
        credential: &config::Credential,
        at: &str,
        environment: Environment<'_>,
    ) -> Result<Self, ConfigError> {
        let id_at = format!("{at}.id");
        require_text(&credential.id, &id_at)?;
        if !credential.id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)) {
            let why = format!(
                "`{}` cannot be part of a metric's name; write letters, digits, `_` and `-`",
                credential.id.escape_debug()
            );
            return Err(ConfigError::new(id_at, why));
        }
        let Some(client) = &credential.oauth else {
            return Err(ConfigError::new(at, "nothing says how it is got; write one of `oauth`"));
        };
        let kind = Kind::Oauth(Client::compile(client, &format!("{at}.oauth"), environment)?);
        let proof = proof(kind.secret());
        Ok(Self { id: credential.id.clone(), account: account(&kind), kind, proof })
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// The name of its kind, as in the configuration.
    pub fn kind(&self) -> &'static str {
        match &self.kind {
            Kind::Oauth(_) => "oauth",
        }
    }

    /// The same for two credentials that get tokens of one account.
    pub fn account(&self) -> [u8; 32] {
        self.account
    }

    /// Where its slot lies. Another scope, client or endpoint has another, so that it never meets the old token.
    pub fn slot_key(&self) -> String {
        let name: String = self.account.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("claimgate.token.{name}")
    }

    /// True where what it is got with is not there.
    pub fn lacks_secret(&self) -> bool {
        self.kind.secret().is_none()
    }

    /// How long a request waits for a token where there is none.
    pub fn timeout(&self) -> Span {
        match &self.kind {
            Kind::Oauth(client) => client.timeout(),
        }
    }

    /// What is to be sent; `None` where there is nothing to prove the gateway with.
    pub fn request(&self) -> Option<TokenRequest<'_>> {
        match &self.kind {
            Kind::Oauth(client) => client.request(),
        }
    }

    /// True where a newer token is to be asked for now.
    pub fn is_due(&self, slot: &Slot, now_ms: u64) -> bool {
        !self.lacks_secret() && slot.is_due(&self.proof, now_ms)
    }

    /// The slot after an answer to a question of `asked_ms`; `chance` spreads what many gateways do.
    pub fn answered(
        &self,
        slot: Slot,
        answer: Result<TokenAnswer<'_>, Setback>,
        (asked_ms, now_ms): (u64, u64),
        chance: u8,
    ) -> Slot {
        let got = answer.and_then(answer::read).and_then(|(value, life)| {
            let over =
                || Setback::unavailable("the endpoint's answer is of no use: the token has expired already");
            Ok(Token::new(value, Times::of(life, asked_ms, chance).ok_or_else(over)?))
        });
        let slot = slot.proven_by(self.proof.clone());
        match got {
            Ok(token) => slot.got(token, now_ms),
            Err(setback) => slot.failed(setback, now_ms, chance),
        }
    }
}

impl Kind {
    fn secret(&self) -> Option<&Secret> {
        match self {
            Self::Oauth(client) => client.secret(),
        }
    }
}

fn proof(secret: Option<&Secret>) -> String {
    let secret = secret.map(Secret::expose).unwrap_or_default();
    let digest = Sha256::new().chain_update(b"claimgate proof").chain_update(secret).finalize();
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn account(kind: &Kind) -> [u8; 32] {
    let (name, texts) = match kind {
        Kind::Oauth(client) => ("oauth", client.account()),
    };
    let parts: Vec<&[u8]> = [name.as_bytes()].into_iter().chain(texts.iter().map(Vec::as_slice)).collect();
    Sha256::digest(compose(&parts)).into()
}
