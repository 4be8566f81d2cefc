//! Short-term keys of Bedrock: a signed URL by which Bedrock itself would ask who calls
//! (<https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html>; signature version 4 in the query,
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>).

use chrono::DateTime;
use ct_codecs::{Base64, Encoder};
use hmac_sha256::HMAC;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::config::{self, AwsKeys, ConfigError, ServedFile, Span, StaticKeys, require_reachable};
use crate::credentials::request::{Made, Step, TokenRequest};
use crate::credentials::word::read_word;
use crate::request::Moment;
use crate::secret::{Environment, Secret};
use crate::unique_json;

const HOST: &str = "bedrock.amazonaws.com";
const PREFIX: &str = "bedrock-api-key-";
const LONGEST: Span = Span::from_seconds(43_200);
/// RFC 3986 section 2.3.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One key, compiled.
#[derive(Debug)]
pub(in crate::credentials) struct BedrockKey {
    region: String,
    lifetime: Span,
    aws: Aws,
}

#[derive(Debug)]
enum Aws {
    /// `None` where the environment lacks one of them.
    Static(Option<Keys>),
    Container {
        cluster: String,
        path: String,
        timeout: Span,
        file: Option<ServedFile>,
    },
}

/// Keys of AWS.
#[derive(Debug)]
struct Keys {
    id: String,
    secret: Secret,
    session: Option<Secret>,
}

impl BedrockKey {
    pub(super) fn compile(
        bedrock: &config::BedrockKey,
        at: &str,
        (files, environment): (&[ServedFile], Environment<'_>),
    ) -> Result<Self, ConfigError> {
        let region = &bedrock.region;
        if region.is_empty() || !region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            let why = format!("`{}` is no region; write one such as `eu-central-1`", region.escape_debug());
            return Err(ConfigError::new(format!("{at}.region"), why));
        }
        if !(Span::from_seconds(60)..=LONGEST).contains(&bedrock.lifetime) {
            let why = format!("a key lives `1m` to `12h`, and not {}", bedrock.lifetime);
            return Err(ConfigError::new(format!("{at}.lifetime"), why));
        }
        let aws = match &bedrock.aws {
            AwsKeys::Keys(keys) => Aws::compile(keys, &format!("{at}.aws.keys"), environment)?,
            AwsKeys::Container(container) => {
                let at = format!("{at}.aws.container");
                require_reachable(&container.cluster, "container", &container.path, &at)?;
                let file = container.authorization_file.as_ref().map(|id| {
                    let file = files.iter().find(|file| file.id == *id).cloned();
                    let why = || format!("`{}` is no id of `files`", id.escape_debug());
                    file.ok_or_else(|| ConfigError::new(format!("{at}.authorization_file"), why()))
                });
                Aws::Container {
                    cluster: container.cluster.clone(),
                    path: container.path.clone(),
                    timeout: container.timeout,
                    file: file.transpose()?,
                }
            }
        };
        Ok(Self { region: region.clone(), lifetime: bedrock.lifetime, aws })
    }

    /// With keys from the environment it is their id that tells the account.
    pub(super) fn account(&self) -> Vec<&str> {
        match &self.aws {
            Aws::Static(keys) => {
                vec![&self.region, "keys", keys.as_ref().map_or("", |keys| keys.id.as_str())]
            }
            // On EKS it is the file that tells one pod from another.
            Aws::Container { cluster, path, file, .. } => {
                let mut texts = vec![self.region.as_str(), "container", cluster, path];
                texts.extend(
                    file.iter().flat_map(|file| [&file.cluster, &file.host, &file.path]).map(String::as_str),
                );
                texts
            }
        }
    }

    /// Another lifetime makes another key due, too.
    pub(super) fn material(&self) -> Option<Vec<u8>> {
        let how = self.lifetime.to_string().into_bytes();
        match &self.aws {
            Aws::Static(keys) => keys.as_ref().map(|Keys { id, secret, session }| {
                let session = session.as_ref().map_or(b"".as_slice(), Secret::expose);
                [how.as_slice(), id.as_bytes(), secret.expose(), session].concat()
            }),
            Aws::Container { .. } => Some(how),
        }
    }

    pub(super) fn timeout(&self) -> Span {
        match &self.aws {
            Aws::Static(_) => Span::from_seconds(2),
            Aws::Container { timeout, file, .. } => {
                let file_ms = file.as_ref().map_or(0, |file| file.timeout.milliseconds());
                Span::from_milliseconds(timeout.milliseconds().saturating_add(file_ms))
            }
        }
    }

    /// # Errors
    /// One line for the operator.
    pub(super) fn begin(&self, moment: &Moment) -> Result<Step<'_>, String> {
        match &self.aws {
            Aws::Static(keys) => {
                let keys = keys.as_ref().ok_or("the environment lacks keys of AWS")?;
                self.make(keys, self.lifetime.seconds(), moment).map(Step::Made)
            }
            Aws::Container { file: Some(file), .. } => Ok(Step::Read(TokenRequest::of_file(file))),
            Aws::Container { .. } => self.request(None).map(Step::Ask),
        }
    }

    /// # Errors
    /// One line for the operator.
    pub(super) fn request(&self, file: Option<&[u8]>) -> Result<TokenRequest<'_>, String> {
        let Aws::Container { cluster, path, timeout, .. } = &self.aws else {
            return Err("its keys are not asked for".to_owned());
        };
        let mut request = TokenRequest::get(cluster, "container", path, *timeout);
        if let Some(content) = file {
            let text = std::str::from_utf8(content).map(str::trim).ok();
            let is_value = |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
            let value =
                text.filter(is_value).ok_or("the file that proves the pod does not hold one token")?;
            request.headers.push(("authorization", value.to_owned()));
        }
        Ok(request)
    }

    /// A key by what the container's endpoint has answered.
    ///
    /// # Errors
    /// One line for the operator.
    pub(super) fn read(&self, body: &[u8], moment: &Moment) -> Result<Made, String> {
        let object = unique_json::object(body).ok_or("it is not one JSON object")?;
        let text = |name: &str| object.get(name).and_then(Value::as_str).filter(|text| is_header_text(text));
        let (Some(id), Some(secret)) = (text("AccessKeyId"), text("SecretAccessKey")) else {
            return Err("it lacks `AccessKeyId` or `SecretAccessKey`".to_owned());
        };
        let expires = text("Expiration").and_then(|time| DateTime::parse_from_rfc3339(time).ok());
        let expires = expires.ok_or("its `Expiration` is no time")?.timestamp();
        let left_s = u64::try_from(expires).unwrap_or_default().saturating_sub(moment.unix_seconds());
        if left_s == 0 {
            return Err("its keys have expired already".to_owned());
        }
        let keys =
            Keys { id: id.to_owned(), secret: Secret::new(secret), session: text("Token").map(Secret::new) };
        self.make(&keys, self.lifetime.seconds().min(left_s), moment)
    }

    fn make(&self, keys: &Keys, life_s: u64, moment: &Moment) -> Result<Made, String> {
        let seconds = i64::try_from(moment.unix_seconds()).unwrap_or(i64::MAX);
        let time = DateTime::from_timestamp(seconds, 0).ok_or("the clock says no time")?;
        let (date, stamp) = (time.format("%Y%m%d").to_string(), time.format("%Y%m%dT%H%M%SZ").to_string());
        let scope = format!("{date}/{}/bedrock/aws4_request", self.region);
        let mut query = vec![
            ("Action", "CallWithBearerToken".to_owned()),
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256".to_owned()),
            ("X-Amz-Credential", format!("{}/{scope}", keys.id)),
            ("X-Amz-Date", stamp.clone()),
            ("X-Amz-Expires", life_s.to_string()),
        ];
        // In the order of their bytes, as the signature wants them.
        query.extend(keys.session.iter().map(|session| ("X-Amz-Security-Token", text(session))));
        query.push(("X-Amz-SignedHeaders", "host".to_owned()));
        let query: Vec<String> = query
            .iter()
            .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, UNRESERVED)))
            .collect();
        let query = query.join("&");
        let request = format!("POST\n/\n{query}\nhost:{HOST}\n\nhost\n{}", hex(&Sha256::digest(b"")));
        let signed =
            format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}", hex(&Sha256::digest(request.as_bytes())));
        let first = [b"AWS4".as_slice(), keys.secret.expose()].concat();
        let key = [date.as_str(), &self.region, "bedrock", "aws4_request"]
            .iter()
            .fold(first, |key, part| HMAC::mac(part.as_bytes(), &key).to_vec());
        let signature = hex(&HMAC::mac(signed.as_bytes(), &key));
        let url = format!("{HOST}/?{query}&X-Amz-Signature={signature}&Version=1");
        let encoded = Base64::encode_to_string(url).map_err(|_| "the key could not be encoded")?;
        Ok(Made { token: Secret::new(format!("{PREFIX}{encoded}")), life_s })
    }
}

impl Aws {
    fn compile(keys: &StaticKeys, at: &str, environment: Environment<'_>) -> Result<Self, ConfigError> {
        let StaticKeys { access_key_id, secret_access_key, session_token } = keys;
        let id = read_word(access_key_id, &format!("{at}.access_key_id"), environment)?;
        let secret = read_word(secret_access_key, &format!("{at}.secret_access_key"), environment)?;
        let session_at = format!("{at}.session_token");
        let session =
            session_token.as_ref().map(|source| read_word(source, &session_at, environment)).transpose()?;
        // Where a session's token is named, nothing is proven without it.
        let (Some(id), Some(secret), None | Some(Some(_))) = (id, secret, &session) else {
            return Ok(Self::Static(None));
        };
        Ok(Self::Static(Some(Keys { id: text(&id), secret, session: session.flatten() })))
    }
}

fn text(secret: &Secret) -> String {
    String::from_utf8_lossy(secret.expose()).into_owned()
}

fn is_header_text(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
