//! The kinds of credentials that are got, each with how its tokens are asked for.

mod bedrock_key;
mod google_key;
mod machine;

use bedrock_key::BedrockKey;
use google_key::GoogleKey;
use machine::Machine;

use crate::config::{self, ConfigError, ServedFile, Span};
use crate::credentials::answer::{self, TokenAnswer};
use crate::credentials::client::Client;
use crate::credentials::failure::Setback;
use crate::credentials::request::{Made, Step, TokenRequest};
use crate::credentials::token::Life;
use crate::oauth_client::Form;
use crate::request::{Cloud, Dialect, Moment};
use crate::secret::{Environment, Secret};

/// A client that gets a token for itself (RFC 6749 section 4.4).
const CLIENT_CREDENTIALS: &str = "client_credentials";

#[derive(Debug)]
pub(in crate::credentials) enum Kind {
    Oauth(Client),
    Metadata(Machine),
    Google(GoogleKey),
    Bedrock(BedrockKey),
}

impl Kind {
    pub(in crate::credentials) fn compile(
        credential: &config::Credential,
        at: &str,
        from: (&[ServedFile], Environment<'_>),
    ) -> Result<Self, ConfigError> {
        let config::Credential { id: _, oauth, metadata, google_key, bedrock_key, exchange: _, pool: _ } =
            credential;
        match (oauth, metadata, google_key, bedrock_key) {
            (Some(client), ..) => Client::compile(client, &format!("{at}.oauth"), from).map(Self::Oauth),
            (_, Some(machine), ..) => {
                Machine::compile(machine, &format!("{at}.metadata"), from.1).map(Self::Metadata)
            }
            (_, _, Some(key), _) => {
                GoogleKey::compile(key, &format!("{at}.google_key"), from.1).map(Self::Google)
            }
            (.., Some(key)) => {
                BedrockKey::compile(key, &format!("{at}.bedrock_key"), from).map(Self::Bedrock)
            }
            (None, None, None, None) => Err(one_kind(at)),
        }
    }

    /// As in the configuration.
    pub(in crate::credentials) fn name(&self) -> &'static str {
        match self {
            Self::Oauth(_) => "oauth",
            Self::Metadata(_) => "metadata",
            Self::Google(_) => "google_key",
            Self::Bedrock(_) => "bedrock_key",
        }
    }

    /// Why no provider of this dialect takes its tokens: a cloud's own identity goes to that cloud's services.
    pub(in crate::credentials) fn objection(&self, dialect: Dialect) -> Option<String> {
        let own = match self {
            Self::Oauth(_) => return None,
            Self::Metadata(machine) => machine.cloud(),
            Self::Google(_) => Cloud::Google,
            Self::Bedrock(_) => Cloud::Aws,
        };
        match (self, dialect) {
            _ if dialect.cloud().is_some_and(|cloud| cloud != own) => {
                Some(format!("is of another cloud than serves `{dialect}`; name a credential of that cloud"))
            }
            (Self::Google(key), Dialect::Vertex) if key.is_for_gemini() => Some(
                "is for Gemini's API alone; give it `audience: https://aiplatform.googleapis.com/`"
                    .to_owned(),
            ),
            _ => None,
        }
    }

    /// What tells its tokens from others, but for the name of the kind.
    pub(in crate::credentials) fn account(&self) -> Vec<&str> {
        match self {
            Self::Oauth(client) => client.account(),
            Self::Metadata(machine) => machine.account(),
            Self::Google(key) => key.account(),
            Self::Bedrock(key) => key.account(),
        }
    }

    /// All that proves the gateway; `None` where it should be there and is not.
    pub(in crate::credentials) fn material(&self) -> Option<Vec<u8>> {
        match self {
            Self::Oauth(client) => client.material(),
            Self::Metadata(machine) => machine.material(),
            Self::Google(key) => key.material(),
            Self::Bedrock(key) => key.material(),
        }
    }

    pub(in crate::credentials) fn timeout(&self) -> Span {
        match self {
            Self::Oauth(client) => client.timeout(),
            Self::Metadata(machine) => machine.timeout(),
            Self::Google(_) => Span::from_seconds(2),
            Self::Bedrock(key) => key.timeout(),
        }
    }

    /// # Errors
    /// One line for the operator.
    pub(in crate::credentials) fn begin(&self, moment: &Moment) -> Result<Step<'_>, String> {
        match self {
            Self::Oauth(client) => client.begin(Form::of_grant(CLIENT_CREDENTIALS), moment),
            Self::Metadata(machine) => machine.request().map(Step::Ask),
            Self::Google(key) => key.make(moment).map(Step::Made),
            Self::Bedrock(key) => key.begin(moment),
        }
    }

    /// # Errors
    /// One line for the operator.
    pub(in crate::credentials) fn with_file(
        &self,
        content: &[u8],
        moment: &Moment,
    ) -> Result<TokenRequest<'_>, String> {
        match self {
            Self::Oauth(client) => client.request(Form::of_grant(CLIENT_CREDENTIALS), Some(content), moment),
            Self::Bedrock(key) => key.request(Some(content)),
            Self::Metadata(_) | Self::Google(_) => Err("it needs no file".to_owned()),
        }
    }

    /// The token and its life.
    pub(in crate::credentials) fn read(
        &self,
        answer: TokenAnswer<'_>,
        moment: &Moment,
    ) -> Result<(Secret, Life), Setback> {
        match self {
            Self::Bedrock(key) => answer::body(answer).and_then(|body| {
                key.read(body, moment).map(Made::with_life).map_err(|why| answer::unusable(&why))
            }),
            Self::Oauth(_) | Self::Metadata(_) | Self::Google(_) => answer::read(answer),
        }
    }
}

/// An entry has one kind.
pub(in crate::credentials) fn require_one(
    credential: &config::Credential,
    at: &str,
) -> Result<(), ConfigError> {
    let config::Credential { id: _, oauth, metadata, google_key, bedrock_key, exchange, pool } = credential;
    let kinds = [
        oauth.is_some(),
        metadata.is_some(),
        google_key.is_some(),
        bedrock_key.is_some(),
        exchange.is_some(),
        pool.is_some(),
    ];
    match kinds.into_iter().filter(|is_there| *is_there).count() {
        1 => Ok(()),
        _ => Err(one_kind(at)),
    }
}

fn one_kind(at: &str) -> ConfigError {
    let why = "it has one kind, which says how it is got; write one of `oauth`, `metadata`, `google_key`, `bedrock_key`, `exchange` and `pool`";
    ConfigError::new(at, why)
}
