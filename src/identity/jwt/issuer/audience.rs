//! For whom a token is: the claim `aud`, or the one that stands for it where an issuer writes none.
//!
//! `aud` goes before: a token that has one is judged by it alone, as AWS's own authorizer does, so that a token for somebody
//! else does not get in by the client that asked for it.

use serde_json::{Map, Value};

use super::name::has_placeholder;
use crate::config::{self, ConfigError, require_text};
use crate::denial::{Denial, Reason};
use crate::identity::claim::{all_named, invalid, missing};

/// What an issuer's tokens must say, one of several.
#[derive(Debug)]
pub(super) struct Audiences {
    accepted: Vec<String>,
    /// The claim for tokens without `aud`.
    instead: Option<String>,
}

impl Audiences {
    pub(super) fn compile(issuer: &config::Issuer, at: &str) -> Result<Self, ConfigError> {
        all_named(&issuer.audiences, &format!("{at}.audiences"))?;
        if let Some((index, audience)) =
            issuer.audiences.iter().enumerate().find(|(_, audience)| has_placeholder(audience))
        {
            let why = format!("`{audience}` holds a placeholder, which no token has; write the exact value");
            return Err(ConfigError::new(format!("{at}.audiences[{index}]"), why));
        }
        if let Some(claim) = &issuer.audience_claim {
            let at = format!("{at}.audience_claim");
            require_text(claim, &at)?;
            if issuer.is_trust_domain() {
                let why = "every JWT-SVID has `aud`; leave this out";
                return Err(ConfigError::new(at, why));
            }
            if claim == "aud" {
                let why =
                    "`aud` goes before in any case; name the claim for tokens without it, or leave this out";
                return Err(ConfigError::new(at, why));
            }
        }
        Ok(Self { accepted: issuer.audiences.clone(), instead: issuer.audience_claim.clone() })
    }

    pub(super) fn admit(&self, claims: &Map<String, Value>) -> Result<(), Denial> {
        match self.found(claims) {
            Some((name, value)) => self.judge(name, value),
            None => Err(match &self.instead {
                Some(claim) => Denial::new(Reason::TokenClaimMissing)
                    .with_detail(format!("neither `aud` nor `{claim}` is there")),
                None => missing("aud"),
            }),
        }
    }

    /// Judges what there is, which may be nothing.
    pub(super) fn admit_if_present(&self, claims: &Map<String, Value>) -> Result<(), Denial> {
        self.found(claims).map_or(Ok(()), |(name, value)| self.judge(name, value))
    }

    /// A null counts as absent.
    fn found<'a>(&'a self, claims: &'a Map<String, Value>) -> Option<(&'a str, &'a Value)> {
        let mut names = std::iter::once("aud").chain(self.instead.as_deref());
        names.find_map(|name| Some((name, claims.get(name).filter(|value| !value.is_null())?)))
    }

    fn judge(&self, name: &str, value: &Value) -> Result<(), Denial> {
        let accepted = |audience: &str| self.accepted.iter().any(|own| own == audience);
        let matches = match value {
            Value::String(audience) => accepted(audience),
            Value::Array(audiences) if audiences.iter().all(Value::is_string) => {
                audiences.iter().filter_map(Value::as_str).any(accepted)
            }
            _ => return Err(invalid(name, "is neither a text nor a list of texts")),
        };
        match (matches, name) {
            (true, _) => Ok(()),
            (false, "aud") => Err(Reason::TokenAudienceMismatch.into()),
            (false, _) => Err(Denial::new(Reason::TokenAudienceMismatch)
                .with_detail(format!("it has no `aud`, and `{name}` names another client"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Audiences;
    use crate::config::Issuer;
    use crate::denial::Reason;

    fn audiences(change: Value) -> Result<Audiences, String> {
        let mut issuer = json!({ "issuer": "https://idp.example", "audiences": ["gateway", "console"] });
        issuer.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let issuer: Issuer = serde_json::from_value(issuer).unwrap();
        Audiences::compile(&issuer, "issuers[0]").map_err(|error| error.at)
    }

    #[test]
    fn a_token_without_aud_is_held_to_the_claim_in_its_place() {
        let missing = Err(Reason::TokenClaimMissing);
        let mismatch = Err(Reason::TokenAudienceMismatch);
        let invalid = Err(Reason::TokenClaimInvalid);
        for (claims, want, note) in [
            (json!({ "client_id": "gateway" }), Ok(()), "the client instead"),
            (json!({ "client_id": "other" }), mismatch, "another client"),
            (json!({ "client_id": ["other", "console"] }), Ok(()), "one of a list"),
            (json!({ "client_id": [] }), mismatch, "an empty list"),
            (json!({ "client_id": 7 }), invalid, "a number"),
            (json!({ "client_id": { "gateway": 1 } }), invalid, "an object"),
            (json!({ "client_id": null }), missing, "a null"),
            (json!({ "azp": "gateway" }), missing, "a claim that nobody named"),
            (json!({}), missing, "neither"),
            (json!({ "aud": null, "client_id": "gateway" }), Ok(()), "a null `aud` is none"),
            (json!({ "aud": "gateway", "client_id": "other" }), Ok(()), "`aud` goes before"),
            (json!({ "aud": "other", "client_id": "gateway" }), mismatch, "also where it says no"),
            (json!({ "aud": [], "client_id": "gateway" }), mismatch, "and where it names nobody"),
            (json!({ "aud": "", "client_id": "gateway" }), mismatch, "and where it is empty"),
        ] {
            let all = audiences(json!({ "audience_claim": "client_id" })).unwrap();
            let judged = all.admit(claims.as_object().unwrap());
            assert_eq!(judged.map_err(|denial| denial.reason()), want, "{note}");
        }
        let plain = audiences(json!({})).unwrap();
        let judged = plain.admit(json!({ "client_id": "gateway" }).as_object().unwrap());
        assert_eq!(judged.unwrap_err().reason(), Reason::TokenClaimMissing, "nobody named a claim");
    }

    #[test]
    fn what_may_be_absent_is_judged_where_it_is_there() {
        let all = audiences(json!({ "audience_claim": "azp" })).unwrap();
        for (claims, admitted) in [
            (json!({}), true),
            (json!({ "azp": "gateway" }), true),
            (json!({ "azp": "other" }), false),
            (json!({ "aud": "other", "azp": "gateway" }), false),
        ] {
            assert_eq!(all.admit_if_present(claims.as_object().unwrap()).is_ok(), admitted, "{claims}");
        }
    }

    #[test]
    fn audiences_that_no_token_has_are_refused() {
        for (change, at) in [
            (json!({ "audiences": [] }), "issuers[0].audiences"),
            (json!({ "audiences": ["gateway", "api://<client-id>"] }), "issuers[0].audiences[1]"),
            (json!({ "audiences": ["{client_id}"] }), "issuers[0].audiences[0]"),
            (json!({ "audience_claim": "" }), "issuers[0].audience_claim"),
            (json!({ "audience_claim": "aud" }), "issuers[0].audience_claim"),
            (json!({ "issuer": "spiffe://a", "audience_claim": "azp" }), "issuers[0].audience_claim"),
        ] {
            assert_eq!(audiences(change).unwrap_err(), at);
        }
    }
}
