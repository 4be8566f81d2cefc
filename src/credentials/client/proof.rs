//! How a client proves to a token endpoint that it is the client.

use ct_codecs::{Base64, Base64UrlSafeNoPadding, Decoder, Encoder};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::config::{ClientAuthentication, ClientProof, ConfigError, PrivateKeyJwt, ServedFile};
use crate::identity::AssertionKey;
use crate::oauth_client::{Form, prove_by_secret};
use crate::request::Moment;
use crate::secret::{Environment, Secret};

/// RFC 7521 section 4.2.
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How long an assertion of the gateway's own is good, and how much earlier it says to have been made, since clocks differ.
const LIFE_S: u64 = 300;
const EARLIER_S: u64 = 10;
/// The longest file that is an assertion.
const MAX_ASSERTION_BYTES: usize = 16 * 1024;

/// What proves a client, compiled.
#[derive(Debug)]
pub(super) enum Proof {
    /// The secret is `None` where the environment has none.
    Secret(ClientAuthentication, Option<Secret>),
    /// An assertion of somebody else's, which lies in this file.
    Assertion(ServedFile),
    /// `None` where the environment lacks the key or the certificate.
    Signed(Option<Box<Signed>>),
}

/// What signs the gateway's own assertions.
#[derive(Debug)]
pub(super) struct Signed {
    key: AssertionKey,
    /// What the header has beside the algorithm.
    header: Map<String, Value>,
    /// `None` where it is the token endpoint.
    audience: Option<String>,
    /// All of it.
    material: Secret,
}

impl Proof {
    pub(super) fn compile(
        proof: &ClientProof,
        at: &str,
        (files, environment): (&[ServedFile], Environment<'_>),
    ) -> Result<Self, ConfigError> {
        let at = format!("{at}.client_authentication");
        Ok(match proof {
            ClientProof::ClientSecretBasic(source) => {
                Self::Secret(ClientAuthentication::ClientSecretBasic, source.read(&at, environment)?)
            }
            ClientProof::ClientSecretPost(source) => {
                Self::Secret(ClientAuthentication::ClientSecretPost, source.read(&at, environment)?)
            }
            ClientProof::ClientAssertion(source) => {
                let file = files.iter().find(|file| file.id == source.file).ok_or_else(|| {
                    let why = format!("`{}` is no id of `files`", source.file.escape_debug());
                    ConfigError::new(format!("{at}.client_assertion.file"), why)
                })?;
                Self::Assertion(file.clone())
            }
            ClientProof::PrivateKeyJwt(entry) => {
                let at = format!("{at}.private_key_jwt");
                Self::Signed(Signed::compile(entry, &at, environment)?.map(Box::new))
            }
        })
    }

    /// All that it is now; `None` where a secret should be there and is not.
    pub(super) fn material(&self) -> Option<Vec<u8>> {
        match self {
            Self::Secret(authentication, secret) => {
                let how = format!("{authentication:?} ").into_bytes();
                secret.as_ref().map(|secret| [how.as_slice(), secret.expose()].concat())
            }
            Self::Assertion(ServedFile { cluster, host, path, .. }) => {
                Some([cluster.as_str(), host, path].join(" ").into_bytes())
            }
            Self::Signed(signed) => signed.as_ref().map(|signed| signed.material.expose().to_vec()),
        }
    }

    /// The file to be read first.
    pub(super) fn file(&self) -> Option<&ServedFile> {
        match self {
            Self::Assertion(file) => Some(file),
            Self::Secret(..) | Self::Signed(_) => None,
        }
    }

    /// The form with the proof, or with a value for `Authorization` beside it.
    ///
    /// # Errors
    /// One line for the operator.
    pub(super) fn put(
        &self,
        form: Form,
        (client_id, url): (&str, &str),
        file: Option<&[u8]>,
        moment: &Moment,
    ) -> Result<(Form, Option<String>), String> {
        match self {
            Self::Secret(authentication, secret) => {
                let secret = secret.as_ref().ok_or("the environment has no secret")?;
                Ok(prove_by_secret(form, *authentication, (client_id, secret)))
            }
            Self::Assertion(source) => {
                let assertion = file
                    .and_then(assertion)
                    .ok_or_else(|| format!("the file `{}` does not hold one JWT", source.id))?;
                Ok((with_assertion(form, client_id, assertion), None))
            }
            Self::Signed(signed) => {
                let signed = signed.as_ref().ok_or("the environment has no key")?;
                let assertion = signed.assertion((client_id, url), moment).ok_or("the key does not sign")?;
                Ok((with_assertion(form, client_id, &assertion), None))
            }
        }
    }
}

impl Signed {
    fn compile(
        entry: &PrivateKeyJwt,
        at: &str,
        environment: Environment<'_>,
    ) -> Result<Option<Self>, ConfigError> {
        let PrivateKeyJwt { key, certificate, algorithm, key_id, audience } = entry;
        let (key_at, certificate_at) = (format!("{at}.key"), format!("{at}.certificate"));
        let pem = key.read(&key_at, environment)?;
        let certificate =
            certificate.as_ref().map(|source| source.read(&certificate_at, environment)).transpose()?;
        let (Some(pem), None | Some(Some(_))) = (pem, &certificate) else { return Ok(None) };
        let key = AssertionKey::parse(&pem, *algorithm)
            .map_err(|why| ConfigError::new(key_at, format!("the variable's value {why}")))?;
        let mut header = Map::new();
        if let Some(certificate) = certificate.flatten() {
            let thumbprint = thumbprint(&certificate).ok_or_else(|| {
                ConfigError::new(certificate_at, "the variable's value is not one certificate in PEM")
            })?;
            header.insert("x5t#S256".to_owned(), thumbprint.into());
        }
        header.extend(key_id.iter().map(|kid| ("kid".to_owned(), kid.as_str().into())));
        let how = format!("{} {audience:?} {}", algorithm.name(), Value::Object(header.clone()));
        let material = Secret::new([how.as_bytes(), pem.expose()].concat());
        Ok(Some(Self { key, header, audience: audience.clone(), material }))
    }

    /// RFC 7523 section 3.
    fn assertion(&self, (client_id, url): (&str, &str), moment: &Moment) -> Option<String> {
        let now = moment.unix_seconds();
        let jti: String = moment.entropy.iter().map(|byte| format!("{byte:02x}")).collect();
        let claims = json!({
            "iss": client_id, "sub": client_id, "aud": self.audience.as_deref().unwrap_or(url), "jti": jti,
            "iat": now.saturating_sub(EARLIER_S), "nbf": now.saturating_sub(EARLIER_S), "exp": now.saturating_add(LIFE_S),
        });
        self.key.sign(self.header.clone(), &claims)
    }
}

/// RFC 7515 section 4.1.8.
fn thumbprint(certificate: &Secret) -> Option<String> {
    let text = std::str::from_utf8(certificate.expose()).ok()?.replace("\\n", "\n");
    let (_, rest) = text.split_once("-----BEGIN CERTIFICATE-----")?;
    let (content, _) = rest.split_once("-----END CERTIFICATE-----")?;
    let content: String = content.split_ascii_whitespace().collect();
    let der = Base64::decode_to_vec(content, None).ok()?;
    Base64UrlSafeNoPadding::encode_to_string(Sha256::digest(der)).ok()
}

/// Entra wants the id beside an assertion, too.
fn with_assertion(form: Form, client_id: &str, assertion: &str) -> Form {
    form.with("client_id", client_id)
        .with("client_assertion_type", JWT_BEARER)
        .with("client_assertion", assertion)
}

/// The compact form of a JWT, but for blanks around it.
fn assertion(content: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(content).ok()?.trim();
    let is_jwt = text.len() <= MAX_ASSERTION_BYTES
        && text.split('.').count() == 3
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    is_jwt.then_some(text)
}
