//! What a credential is bound to, beside that it is known: the claim `cnf` (RFC 7800), or the entry of an API key.

use serde_json::{Map, Value};

use crate::config::{BoundBy, BoundTo, Thumbprint};
use crate::denial::{Denial, Reason};
use crate::identity::claim::invalid;

/// RFC 7800 section 3.1, RFC 8705 section 3.1, RFC 9449 section 6.1.
pub(in crate::identity) const CONFIRMATION: &str = "cnf";
const CERTIFICATE: &str = "x5t#S256";
const KEY: &str = "jkt";

/// Who may use a credential: the holder of one of these, of each list that is not empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Binding {
    certificates: Box<[Thumbprint]>,
    keys: Box<[Thumbprint]>,
}

/// What a request has proven that its sender holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    pub certificate: Option<Thumbprint>,
    pub key: Option<Thumbprint>,
}

impl Binding {
    /// What the claims of a token bind it to.
    ///
    /// # Errors
    /// Refuses a confirmation that cannot be read or asks for what cannot be checked here.
    pub(in crate::identity) fn of_claims(claims: &Map<String, Value>) -> Result<Self, Denial> {
        let Some(confirmation) = claims.get(CONFIRMATION) else { return Ok(Self::default()) };
        let members = confirmation.as_object().ok_or_else(|| invalid(CONFIRMATION, "is not an object"))?;
        let mut binding = Self::default();
        for (name, value) in members {
            let list = match name.as_str() {
                CERTIFICATE => &mut binding.certificates,
                KEY => &mut binding.keys,
                name => {
                    let detail = format!("`{CONFIRMATION}.{name}` is none of `{CERTIFICATE}` and `{KEY}`");
                    return Err(Denial::new(Reason::ConfirmationUnsupported).with_detail(detail));
                }
            };
            let thumbprint = value.as_str().and_then(Thumbprint::of_base64url).ok_or_else(|| {
                invalid(&format!("{CONFIRMATION}.{name}"), "is not SHA-256 in base64url, of 43 letters")
            })?;
            *list = [thumbprint].into();
        }
        match binding.is_none() {
            true => Err(Denial::new(Reason::ConfirmationUnsupported)
                .with_detail(format!("`{CONFIRMATION}` is empty"))),
            false => Ok(binding),
        }
    }

    pub(in crate::identity) fn of_key(entry: Option<&BoundTo>) -> Self {
        let copied = |list: fn(&BoundTo) -> &[Thumbprint]| entry.map(list).unwrap_or_default().into();
        Self { certificates: copied(|entry| &entry.certificates), keys: copied(|entry| &entry.dpop_keys) }
    }

    /// To what this holder has proven.
    pub fn to(holder: &Holder) -> Self {
        let list = |thumbprint: Option<Thumbprint>| thumbprint.into_iter().collect();
        Self { certificates: list(holder.certificate), keys: list(holder.key) }
    }

    /// The claim `cnf` of a token with this binding; `None` where it has none. Of several thumbprints the first.
    pub fn confirmation(&self) -> Option<Value> {
        let members = [(CERTIFICATE, &self.certificates), (KEY, &self.keys)];
        let members = members.into_iter().filter_map(|(name, list)| Some((name, list.first()?)));
        let object: Map<String, Value> =
            members.map(|(name, thumbprint)| (name.to_owned(), thumbprint.to_string().into())).collect();
        (!object.is_empty()).then_some(object.into())
    }

    pub fn is_none(&self) -> bool {
        self.certificates.is_empty() && self.keys.is_empty()
    }

    pub fn names_certificates(&self) -> bool {
        !self.certificates.is_empty()
    }

    pub fn names_keys(&self) -> bool {
        !self.keys.is_empty()
    }

    /// The names in CEL, in the record and in answers.
    pub fn kinds(&self) -> impl Iterator<Item = &'static str> {
        let kinds = [("certificate", self.names_certificates()), ("dpop", self.names_keys())];
        kinds.into_iter().filter_map(|(name, is_named)| is_named.then_some(name))
    }

    pub(in crate::identity) fn satisfies(&self, bound_by: BoundBy) -> bool {
        match bound_by {
            BoundBy::Certificate => self.names_certificates(),
            BoundBy::Dpop => self.names_keys(),
            BoundBy::Either => !self.is_none(),
        }
    }

    /// True where whoever may use a credential with this binding might use one with `wider` too.
    pub(in crate::identity) fn is_within(&self, wider: &Self) -> bool {
        let within = |own: &[Thumbprint], wider: &[Thumbprint]| {
            wider.is_empty() || (!own.is_empty() && own.iter().all(|thumbprint| wider.contains(thumbprint)))
        };
        within(&self.certificates, &wider.certificates) && within(&self.keys, &wider.keys)
    }

    /// # Errors
    /// Refuses a holder that has not proven all of it.
    pub fn admit(&self, holder: &Holder) -> Result<(), Denial> {
        self.admit_certificate(holder.certificate.as_ref())?;
        match &holder.key {
            Some(key) => self.admit_key(key),
            None if self.names_keys() => Err(Reason::DpopProofMissing.into()),
            None => Ok(()),
        }
    }

    /// # Errors
    /// Refuses a holder of another certificate, or of none.
    pub(in crate::identity) fn admit_certificate(&self, shown: Option<&Thumbprint>) -> Result<(), Denial> {
        match shown {
            _ if self.certificates.is_empty() => Ok(()),
            Some(shown) if self.certificates.contains(shown) => Ok(()),
            Some(_) => Err(Reason::CertificateMismatch.into()),
            None => Err(Denial::new(Reason::CertificateRequired)
                .with_note("Envoy shows no client certificate; look for `require_client_certificate`, and for TLS that ends before Envoy")),
        }
    }

    /// # Errors
    /// Refuses the holder of another key.
    pub(in crate::identity) fn admit_key(&self, shown: &Thumbprint) -> Result<(), Denial> {
        match self.keys.is_empty() || self.keys.contains(shown) {
            true => Ok(()),
            false => Err(Reason::DpopKeyMismatch.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Binding, Holder};
    use crate::config::{BoundBy, BoundTo, Thumbprint};
    use crate::denial::Reason;

    fn thumbprint(byte: u8) -> Thumbprint {
        Thumbprint::of_digest([byte; 32])
    }

    fn of(confirmation: Value) -> Result<Binding, Reason> {
        let claims = json!({ "cnf": confirmation });
        Binding::of_claims(claims.as_object().unwrap()).map_err(|denial| denial.reason())
    }

    fn entry(certificates: &[u8], dpop_keys: &[u8]) -> Binding {
        let list = |bytes: &[u8]| bytes.iter().map(|byte| thumbprint(*byte)).collect();
        Binding::of_key(Some(&BoundTo { certificates: list(certificates), dpop_keys: list(dpop_keys) }))
    }

    #[test]
    fn a_confirmation_is_read_whole_or_refused() {
        let (certificate, key) = (thumbprint(1).to_string(), thumbprint(2).to_string());
        let hex = "01".repeat(32);
        let (unsupported, invalid) = (Err(Reason::ConfirmationUnsupported), Err(Reason::TokenClaimInvalid));
        for (confirmation, want, note) in [
            (json!({ "x5t#S256": certificate }), Ok(entry(&[1], &[])), "a certificate"),
            (json!({ "jkt": key }), Ok(entry(&[], &[2])), "a key"),
            (json!({ "jkt": key, "x5t#S256": certificate }), Ok(entry(&[1], &[2])), "both"),
            (json!({ "jkt": key, "kid": "k" }), unsupported.clone(), "one more that cannot be checked"),
            (json!({ "jwk": {} }), unsupported.clone(), "one that cannot be checked"),
            (json!({ "JKT": key }), unsupported.clone(), "another spelling"),
            (json!({}), unsupported, "nothing"),
            (json!({ "x5t#S256": hex }), invalid.clone(), "hex digits, as some write them"),
            (json!({ "jkt": format!("{key}=") }), invalid.clone(), "padding"),
            (json!({ "jkt": [key] }), invalid.clone(), "a list"),
            (json!(null), invalid.clone(), "null"),
            (json!(key), invalid, "a text"),
        ] {
            assert_eq!(of(confirmation), want, "{note}");
        }
        assert_eq!(Binding::of_claims(&serde_json::Map::new()).unwrap(), Binding::default(), "no `cnf`");
    }

    #[test]
    fn a_confirmation_is_written_as_it_is_read() {
        let (certificate, key) = (Some(thumbprint(1)), Some(thumbprint(2)));
        for (holder, kinds) in [
            (Holder { certificate, key: None }, &["certificate"][..]),
            (Holder { certificate: None, key }, &["dpop"]),
            (Holder { certificate, key }, &["certificate", "dpop"]),
        ] {
            let binding = Binding::to(&holder);
            assert_eq!(of(binding.confirmation().unwrap()), Ok(binding.clone()));
            assert_eq!(binding.kinds().collect::<Vec<_>>(), kinds);
        }
        assert_eq!(Binding::default().confirmation(), None);
    }

    #[test]
    fn one_of_each_list_must_be_shown() {
        let several = entry(&[1, 2], &[3, 4]);
        let certificate = |shown: Option<u8>| {
            several.admit_certificate(shown.map(thumbprint).as_ref()).err().map(|denial| denial.reason())
        };
        assert_eq!((certificate(Some(1)), certificate(Some(2))), (None, None));
        assert_eq!(certificate(Some(3)), Some(Reason::CertificateMismatch), "one of the other list");
        assert_eq!(certificate(None), Some(Reason::CertificateRequired));
        assert!(several.admit_key(&thumbprint(4)).is_ok());
        assert_eq!(several.admit_key(&thumbprint(1)).unwrap_err().reason(), Reason::DpopKeyMismatch);
        assert!(Binding::default().admit_certificate(None).is_ok());
    }

    #[test]
    fn a_token_is_within_what_its_parent_is_bound_to_or_narrower() {
        for (own, wider, within, note) in [
            (entry(&[1], &[]), entry(&[], &[]), true, "bound, where the parent is not"),
            (entry(&[1], &[2]), entry(&[1], &[]), true, "bound to more"),
            (entry(&[1], &[]), entry(&[1, 3], &[]), true, "to one of several"),
            (entry(&[], &[]), entry(&[1], &[]), false, "not bound"),
            (entry(&[3], &[]), entry(&[1], &[]), false, "to another"),
            (entry(&[], &[1]), entry(&[1], &[]), false, "to another kind"),
            (entry(&[1, 3], &[]), entry(&[1], &[]), false, "to more than one of them"),
        ] {
            assert_eq!(own.is_within(&wider), within, "{note}");
        }
    }

    #[test]
    fn an_issuer_may_ask_for_either() {
        for (binding, certificate, dpop, either) in [
            (entry(&[], &[]), false, false, false),
            (entry(&[1], &[]), true, false, true),
            (entry(&[], &[1]), false, true, true),
            (entry(&[1], &[1]), true, true, true),
        ] {
            let asked = [BoundBy::Certificate, BoundBy::Dpop, BoundBy::Either];
            assert_eq!(asked.map(|bound_by| binding.satisfies(bound_by)), [certificate, dpop, either]);
        }
    }
}
