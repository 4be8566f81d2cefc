//! One entry of `credentials`, whatever its kind, asked once.

use crate::credentials::{
    Chosen, Credential, Credentials, Exchange, Exchanged, Setback, Settled, Slot, Step, Supply, Token,
    TokenAnswer, TokenRequest,
};
use crate::request::Moment;
use crate::secret::Secret;

/// What is tried.
pub(super) enum Tried<'a> {
    Own(&'a Credential),
    /// With the token of a caller's.
    Exchange(&'a Exchange, Secret),
}

/// What is to be done first.
pub(super) enum First<'a> {
    Done(Token),
    Read(TokenRequest<'a>),
    Ask(TokenRequest<'a>),
}

impl<'a> Tried<'a> {
    /// # Errors
    /// What is missing.
    pub(super) fn of(
        all: &'a Credentials,
        chosen: &Chosen,
        caller: Option<Secret>,
    ) -> Result<Self, &'static str> {
        match (chosen.supply, caller) {
            (Supply::Token(index), None) => all.get(index).map(Self::Own).ok_or("there is none"),
            (Supply::Token(_), Some(_)) => Err("its tokens are the gateway's own; leave `--token` out"),
            (Supply::Key(_), _) => Err("it has keys, and no tokens"),
            (Supply::UserToken(index), Some(caller)) => {
                all.exchange(index).map(|exchange| Self::Exchange(exchange, caller)).ok_or("there is none")
            }
            (Supply::UserToken(_), None) => {
                Err("it exchanges a caller's token; write `--token FILE`, or `--token -` for the input")
            }
        }
    }

    pub(super) fn lacks_secret(&self) -> bool {
        match self {
            Self::Own(credential) => credential.lacks_secret(),
            Self::Exchange(exchange, _) => exchange.lacks_secret(),
        }
    }

    /// # Errors
    /// One line for the operator.
    pub(super) fn begin(&self, moment: &Moment) -> Result<First<'_>, String> {
        let step = match self {
            Self::Own(credential) => credential.begin(moment),
            Self::Exchange(exchange, caller) => exchange.begin(caller, moment),
        };
        match (step.map_err(why)?, self) {
            (Step::Made(made), Self::Own(credential)) => {
                token_in(&credential.made(Slot::default(), made, moment)).map(First::Done)
            }
            (Step::Made(_), Self::Exchange(..)) => Err(NOTHING.to_owned()),
            (Step::Read(request), _) => Ok(First::Read(request)),
            (Step::Ask(request), _) => Ok(First::Ask(request)),
        }
    }

    /// # Errors
    /// One line for the operator.
    pub(super) fn with_file(&self, content: &[u8], moment: &Moment) -> Result<TokenRequest<'_>, String> {
        let request = match self {
            Self::Own(credential) => credential.with_file(Ok(content), moment),
            Self::Exchange(exchange, caller) => exchange.with_file(caller, Ok(content), moment),
        };
        request.map_err(why)
    }

    /// # Errors
    /// One line for the operator.
    pub(super) fn answered(&self, answer: TokenAnswer<'_>, moment: &Moment) -> Result<Token, String> {
        match self {
            Self::Own(credential) => {
                token_in(&credential.answered(Slot::default(), answer, moment.unix_ms, moment))
            }
            Self::Exchange(exchange, _) => {
                let exchanged = match exchange.answered(answer, (moment.unix_ms, None), moment) {
                    Settled::Exchanged(exchanged) => exchanged,
                    Settled::Outage(setback) | Settled::Unanswered(setback) => return Err(why(setback)),
                };
                match exchanged {
                    Exchanged::Token(token) => Ok(Token::clone(&token)),
                    Exchanged::Refused { why, .. } => Err(why),
                    Exchanged::Failed { failure, .. } => Err(failure.to_string()),
                }
            }
        }
    }
}

const NOTHING: &str = "nothing came of it";

fn token_in(slot: &Slot) -> Result<Token, String> {
    match slot.failure() {
        Some(failure) => Err(failure.to_string()),
        None => slot.token().cloned().ok_or_else(|| NOTHING.to_owned()),
    }
}

fn why(setback: Setback) -> String {
    setback.to_string()
}
