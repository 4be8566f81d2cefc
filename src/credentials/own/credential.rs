//! One credential that is got, whatever its kind.

use sha2::{Digest, Sha256};

use super::kind::Kind;
use super::slot::Slot;
use crate::config::{self, ConfigError, ServedFile, Span};
use crate::credentials::answer::{self, TokenAnswer};
use crate::credentials::failure::Setback;
use crate::credentials::request::{Made, Step, TokenRequest};
use crate::credentials::token::{Life, Times, Token};
use crate::ledger::compose;
use crate::request::{Dialect, Moment};
use crate::secret::{Environment, Secret};

/// A credential that is got.
#[derive(Debug)]
pub struct Credential {
    id: String,
    kind: Kind,
    account: [u8; 32],
    /// Tells what a token was got with from another: a changed one makes it due, so that a bad one shows while the old token
    /// serves. `None` where it is not there.
    proof: Option<String>,
}

impl Credential {
    pub(in crate::credentials) fn compile(
        credential: &config::Credential,
        at: &str,
        from: (&[ServedFile], Environment<'_>),
    ) -> Result<Self, ConfigError> {
        let kind = Kind::compile(credential, at, from)?;
        let proof = kind.material().map(|material| proof(&material));
        Ok(Self { id: credential.id.clone(), account: account(&kind), kind, proof })
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// The name of its kind, as in the configuration.
    pub fn kind(&self) -> &'static str {
        self.kind.name()
    }

    /// Why no provider of this dialect takes its tokens; `None` where one may.
    pub fn objection(&self, dialect: Dialect) -> Option<String> {
        self.kind.objection(dialect)
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
        self.proof.is_none()
    }

    /// How long a request waits for a token where there is none.
    pub fn timeout(&self) -> Span {
        self.kind.timeout()
    }

    /// What is to be done first.
    ///
    /// # Errors
    /// There is nothing to prove the gateway with.
    pub fn begin(&self, moment: &Moment) -> Result<Step<'_>, Setback> {
        self.kind.begin(moment).map_err(Setback::refused)
    }

    /// What is to be asked once the file has been read that [`Self::begin`] has named.
    ///
    /// # Errors
    /// The file could not be read, or does not hold what it should.
    pub fn with_file(
        &self,
        content: Result<&[u8], String>,
        moment: &Moment,
    ) -> Result<TokenRequest<'_>, Setback> {
        content.and_then(|content| self.kind.with_file(content, moment)).map_err(Setback::unavailable)
    }

    /// True where a newer token is to be asked for now.
    pub fn is_due(&self, slot: &Slot, now_ms: u64) -> bool {
        self.proof.as_deref().is_some_and(|proof| slot.is_due(proof, now_ms))
    }

    /// The slot after an answer to a question of `asked_ms`.
    pub fn answered(&self, slot: Slot, answer: TokenAnswer<'_>, asked_ms: u64, moment: &Moment) -> Slot {
        self.settled(slot, self.kind.read(answer, moment), asked_ms, moment)
    }

    /// The slot with a token that the gateway has made itself.
    pub fn made(&self, slot: Slot, made: Made, moment: &Moment) -> Slot {
        self.settled(slot, Ok(made.with_life()), moment.unix_ms, moment)
    }

    /// The slot where no answer has come to a question of `asked_ms`.
    pub fn failed(&self, slot: Slot, setback: Setback, asked_ms: u64, moment: &Moment) -> Slot {
        self.settled(slot, Err(setback), asked_ms, moment)
    }

    fn settled(
        &self,
        slot: Slot,
        got: Result<(Secret, Life), Setback>,
        asked_ms: u64,
        moment: &Moment,
    ) -> Slot {
        // Another question was sent later, and has ended before.
        if got.is_err() && slot.token().is_some_and(|token| token.asked_ms() > asked_ms) {
            return slot;
        }
        // It spreads what many gateways do.
        let chance = moment.entropy.first().copied().unwrap_or_default();
        let now_ms = moment.unix_ms;
        let got = got.and_then(|(value, life)| {
            let over = || answer::unusable("the token has expired already");
            Ok(Token::new(value, Times::of(life, asked_ms, chance).ok_or_else(over)?))
        });
        let slot = slot.proven_by(self.proof.as_deref().unwrap_or_default());
        match got {
            Ok(token) => slot.got(token, now_ms),
            Err(setback) => slot.failed(setback, now_ms, chance),
        }
    }
}

fn proof(material: &[u8]) -> String {
    let digest = Sha256::new().chain_update(b"claimgate proof").chain_update(material).finalize();
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn account(kind: &Kind) -> [u8; 32] {
    let parts: Vec<&[u8]> = [kind.name()].into_iter().chain(kind.account()).map(str::as_bytes).collect();
    Sha256::digest(compose(&parts)).into()
}
