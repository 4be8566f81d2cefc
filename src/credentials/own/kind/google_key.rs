//! Tokens that the key of a Google service account signs (<https://google.aip.dev/auth/4111>).

use serde_json::{Map, Value, json};

use crate::config::{self, AssertionAlgorithm, ConfigError, require_text};
use crate::credentials::request::Made;
use crate::identity::AssertionKey;
use crate::request::Moment;
use crate::secret::{Environment, Secret};
use crate::unique_json;

/// The longest life that Google takes, in seconds.
const LIFE_S: u64 = 3600;

/// One key, compiled.
#[derive(Debug)]
pub(in crate::credentials) struct GoogleKey {
    audience: String,
    /// `None` where the environment has none.
    account: Option<Box<Account>>,
    material: Option<Secret>,
    client_email: String,
}

#[derive(Debug)]
struct Account {
    key: AssertionKey,
    key_id: String,
}

impl GoogleKey {
    pub(super) fn compile(
        google: &config::GoogleKey,
        at: &str,
        environment: Environment<'_>,
    ) -> Result<Self, ConfigError> {
        require_text(&google.audience, &format!("{at}.audience"))?;
        let key_at = format!("{at}.key");
        let material = google.key.read(&key_at, environment)?;
        let wrong = |why: &str| ConfigError::new(&key_at, format!("the variable's value {why}"));
        let (account, client_email) = match &material {
            Some(secret) => {
                let (account, email) = read(secret).map_err(wrong)?;
                (Some(Box::new(account)), email)
            }
            None => (None, String::new()),
        };
        Ok(Self { audience: google.audience.clone(), account, material, client_email })
    }

    pub(super) fn is_for_gemini(&self) -> bool {
        self.audience == config::GoogleKey::GEMINI
    }

    pub(super) fn account(&self) -> Vec<&str> {
        vec![&self.client_email, &self.audience]
    }

    pub(super) fn material(&self) -> Option<Vec<u8>> {
        self.material.as_ref().map(|material| material.expose().to_vec())
    }

    /// # Errors
    /// One line for the operator.
    pub(super) fn make(&self, moment: &Moment) -> Result<Made, String> {
        let account = self.account.as_ref().ok_or("the environment has no key")?;
        let now = moment.unix_seconds();
        let claims = json!({
            "iss": self.client_email, "sub": self.client_email, "aud": self.audience,
            "iat": now, "exp": now.saturating_add(LIFE_S),
        });
        let header = Map::from_iter([("kid".to_owned(), Value::from(account.key_id.as_str()))]);
        let token = account.key.sign(header, &claims).ok_or("the key does not sign")?;
        Ok(Made { token: Secret::new(token), life_s: LIFE_S })
    }
}

/// What of a key file is needed.
fn read(secret: &Secret) -> Result<(Account, String), &'static str> {
    let file = unique_json::object(secret.expose()).ok_or("is not the JSON of a key file")?;
    let text = |name| file.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    if text("type") != Some("service_account") {
        return Err("is not the key file of a service account (`type: service_account`)");
    }
    let (Some(email), Some(key_id), Some(pem)) =
        (text("client_email"), text("private_key_id"), text("private_key"))
    else {
        return Err("lacks `client_email`, `private_key_id` or `private_key`");
    };
    let key = AssertionKey::parse(&Secret::new(pem), AssertionAlgorithm::RS256)
        .map_err(|_| "has a `private_key` that is not an RSA key of 2048 bits or more in PEM")?;
    Ok((Account { key, key_id: key_id.to_owned() }, email.to_owned()))
}
