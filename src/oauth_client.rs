//! What the gateway sends where it is an OAuth client itself: forms, and the proof that it is that client (RFC 6749).

use ct_codecs::{Base64, Encoder};
use form_urlencoded::{Serializer, byte_serialize};

use crate::config::ClientAuthentication;
use crate::secret::Secret;

/// The `content-type` of a [`Form`].
pub const FORM_TYPE: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// A body of `application/x-www-form-urlencoded`. It may hold secrets, so it has no `Debug`.
pub struct Form(Serializer<'static, String>);

impl Form {
    /// The form of a grant (RFC 6749 section 4).
    pub fn of_grant(grant: &str) -> Self {
        Self::default().with("grant_type", grant)
    }

    /// The form with one more field.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.0.append_pair(name, value);
        self
    }

    pub fn into_text(mut self) -> String {
        self.0.finish()
    }
}

impl Default for Form {
    fn default() -> Self {
        Self(Serializer::new(String::new()))
    }
}

/// Proves by its secret who the client is (RFC 6749 section 2.3.1): by a value for `Authorization`, or in the form.
pub fn prove_by_secret(
    form: Form,
    authentication: ClientAuthentication,
    (id, secret): (&str, &Secret),
) -> (Form, Option<String>) {
    match authentication {
        ClientAuthentication::ClientSecretBasic => {
            // A blank is not `+` here: some servers read that as it stands.
            let escaped = |bytes| byte_serialize(bytes).collect::<String>().replace('+', "%20");
            let credentials = format!("{}:{}", escaped(id.as_bytes()), escaped(secret.expose()));
            let credentials = Base64::encode_to_string(credentials).unwrap_or_default();
            (form, Some(format!("Basic {credentials}")))
        }
        ClientAuthentication::ClientSecretPost => {
            let secret = String::from_utf8_lossy(secret.expose());
            (form.with("client_id", id).with("client_secret", &secret), None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Form, prove_by_secret};
    use crate::config::ClientAuthentication;
    use crate::secret::Secret;

    #[test]
    fn a_client_proves_itself_by_its_secret() {
        let secret = Secret::new("a+b~c%d e");
        for (authentication, form, authorization, note) in [
            (
                ClientAuthentication::ClientSecretPost,
                "grant_type=client_credentials&client_id=one&client_secret=a%2Bb%7Ec%25d+e",
                None,
                "in the form, every byte of it escaped that may be",
            ),
            (
                ClientAuthentication::ClientSecretBasic,
                "grant_type=client_credentials",
                // RFC 6749 section 2.3.1: both are escaped before they are joined.
                Some("Basic b25lOmElMkJiJTdFYyUyNWQlMjBl"),
                "in the header",
            ),
        ] {
            let empty = Form::of_grant("client_credentials");
            let (got, header) = prove_by_secret(empty, authentication, ("one", &secret));
            assert_eq!((got.into_text().as_str(), header.as_deref()), (form, authorization), "{note}");
        }
    }
}
