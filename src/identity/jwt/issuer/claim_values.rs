//! Claims whose value decides whether a token is one of those that are meant: an access token beside an id token of one
//! issuer, or one of a verified address.

use serde_json::{Map, Value};

use crate::config::{self, ConfigError, require_text};
use crate::denial::{Denial, Reason};
use crate::identity::claim::missing;

/// The claims and the values of which each must have one.
#[derive(Debug)]
pub(super) struct ClaimValues(Vec<(String, Vec<Value>)>);

impl ClaimValues {
    pub(super) fn compile(issuer: &config::Issuer, at: &str) -> Result<Self, ConfigError> {
        for (name, accepted) in &issuer.claim_values {
            let at = format!("{at}.claim_values.{name}");
            require_text(name, &at)?;
            if accepted.is_empty() {
                let why = "an empty list, which no token could satisfy; write at least one value";
                return Err(ConfigError::new(at, why));
            }
            let is_plain = |value: &Value| value.is_string() || value.is_boolean() || value.is_number();
            if let Some(index) = accepted.iter().position(|value| !is_plain(value)) {
                let why = "only texts, numbers and booleans are compared; write one of these";
                return Err(ConfigError::new(format!("{at}[{index}]"), why));
            }
        }
        Ok(Self(issuer.claim_values.clone().into_iter().collect()))
    }

    pub(super) fn admit(&self, claims: &Map<String, Value>) -> Result<(), Denial> {
        self.0.iter().try_for_each(|(name, accepted)| match claims.get(name) {
            None | Some(Value::Null) => Err(missing(name)),
            Some(Value::Array(list)) if list.iter().any(|item| accepted.contains(item)) => Ok(()),
            Some(value) if accepted.contains(value) => Ok(()),
            Some(_) => Err(mismatch(name)),
        })
    }
}

pub(super) fn mismatch(claim: &str) -> Denial {
    Denial::new(Reason::TokenClaimMismatch).with_detail(format!("`{claim}`"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::ClaimValues;
    use crate::config::Issuer;
    use crate::denial::Reason;

    fn compile(values: Value) -> Result<ClaimValues, String> {
        let issuer = json!({ "issuer": "i", "audiences": ["a"], "claim_values": values });
        let issuer: Issuer = serde_json::from_value(issuer).unwrap();
        ClaimValues::compile(&issuer, "issuers[0]").map_err(|error| error.at)
    }

    #[test]
    fn a_claim_has_one_of_its_values() {
        let values =
            compile(json!({ "token_use": ["access"], "email_verified": [true], "level": [1, 2] })).unwrap();
        let (missing, mismatch) = (Err(Reason::TokenClaimMissing), Err(Reason::TokenClaimMismatch));
        for (change, want, note) in [
            (json!({}), Ok(()), "all of them right"),
            (json!({ "token_use": "id" }), mismatch, "the other kind of token"),
            (json!({ "token_use": "Access" }), mismatch, "another case"),
            (json!({ "token_use": ["id", "access"] }), Ok(()), "a list that holds it"),
            (json!({ "token_use": [] }), mismatch, "a list without it"),
            (json!({ "token_use": null }), missing, "a null"),
            (json!({ "email_verified": "true" }), mismatch, "a text for a boolean"),
            (json!({ "email_verified": false }), mismatch, "the other boolean"),
            (json!({ "level": 2 }), Ok(()), "the second of two"),
            (json!({ "level": 3 }), mismatch, "another number"),
            (json!({ "level": { "1": 1 } }), mismatch, "an object"),
        ] {
            let mut claims = json!({ "token_use": "access", "email_verified": true, "level": 1 });
            claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            let judged = values.admit(claims.as_object().unwrap()).map_err(|denial| denial.reason());
            assert_eq!(judged, want, "{note}");
        }
        assert_eq!(values.admit(&serde_json::Map::new()).unwrap_err().reason(), Reason::TokenClaimMissing);
    }

    #[test]
    fn values_that_no_claim_is_compared_with_are_refused() {
        for (values, at) in [
            (json!({ "token_use": [] }), "issuers[0].claim_values.token_use"),
            (json!({ "token_use": ["access", null] }), "issuers[0].claim_values.token_use[1]"),
            (json!({ "token_use": [["access"]] }), "issuers[0].claim_values.token_use[0]"),
            (json!({ " ": ["a"] }), "issuers[0].claim_values. "),
        ] {
            assert_eq!(compile(values).unwrap_err(), at);
        }
    }
}
