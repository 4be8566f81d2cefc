//! Under which names callers are remembered.
//!
//! A [`CredentialName`] stands for the credential alone. Only what is asked again before it is believed is remembered under
//! it: a proof, whose evidence must still stand, and an issuer's refusal. A [`CallerName`] stands for the credential *and*
//! for all that it was proven by, so that whatever is found out about a caller ends with the evidence: an issuer's answer, a
//! key set, a feed. Nobody outside can make either, so nothing can be remembered of a caller under less.

use super::evidence::Evidence;
use crate::cache::{Cache, Fingerprint};
use crate::identity::credential::CredentialName;

/// Which credential it is, and what proved its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallerName(Fingerprint);

impl CallerName {
    pub(super) fn of<T: Clone>(
        names: &Cache<T, CredentialName>,
        credential: CredentialName,
        by: &Evidence,
    ) -> Self {
        let credential = credential.bytes();
        let name = |kind: &[u8], evidence: &[u8]| Self(names.name(&[&credential, kind, evidence]));
        let generation = |fed: &Option<u64>| fed.map(u64::to_le_bytes);
        // Every field must be named here, or said why not.
        match by {
            // The hash is that of the credential.
            Evidence::Key { hash: _, fed } => name(b"key", generation(fed).as_ref().map_or(&[], |fed| fed)),
            // When it is good changes neither the principal nor what is found out about it.
            Evidence::Minted { fed, proven_ms: _, refused_from_ms: _ } => {
                name(b"minted", generation(fed).as_ref().map_or(&[], |fed| fed))
            }
            // `iss` is in the credential, and so is all else that the principal is made of.
            Evidence::Token { issuer: _, generation: keys, proven_ms: _, refused_from_ms: _ } => {
                name(b"token", generation(keys).as_ref().map_or(&[], |keys| keys))
            }
            Evidence::Introspection { answer, asked_ms: _, until_ms: _ } => name(b"introspection", answer),
        }
    }

    pub fn bytes(self) -> [u8; 16] {
        self.0.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::{CallerName, CredentialName};
    use crate::cache::Cache;
    use crate::identity::proven::evidence::Evidence;
    use crate::identity::{ApiKey, Proof};
    use crate::secret::Secret;

    #[test]
    fn a_name_changes_with_the_evidence_and_with_nothing_else() {
        let names: Cache<Proof, CredentialName> = Cache::new(1, &[7; 16]);
        let key = |fed| Evidence::Key { hash: ApiKey::hash(&Secret::new("k")), fed };
        let minted = |fed, at| Evidence::Minted { proven_ms: at, refused_from_ms: at + 9, fed };
        let token = |generation, at| Evidence::Token {
            issuer: 1,
            generation,
            proven_ms: at,
            refused_from_ms: at + 9,
        };
        let introspected =
            |answer, at| Evidence::Introspection { answer: [answer; 32], asked_ms: at, until_ms: at + 9 };
        let named = |credential: &str, by: &Evidence| {
            CallerName::of(&names, CredentialName::of(&names, credential.as_bytes()), by)
        };
        for (one, other, is_same, note) in [
            (key(None), key(None), true, "a key of the configuration"),
            (key(Some(1)), key(Some(2)), false, "a feed that changed"),
            (key(None), key(Some(0)), false, "a key of a feed, of which none has come"),
            (minted(Some(1), 0), minted(Some(2), 0), false, "a feed that a token's parent is in"),
            (minted(Some(1), 0), minted(Some(1), 5), true, "a token that was proven again"),
            (token(Some(1), 0), token(Some(2), 0), false, "another key set"),
            (token(Some(1), 0), token(Some(1), 5), true, "a JWT that was verified again"),
            (introspected(1, 0), introspected(2, 0), false, "another answer of the issuer's"),
            (introspected(1, 0), introspected(1, 5), true, "the same answer, later"),
            (key(None), minted(None, 0), false, "evidence of another kind"),
        ] {
            assert_eq!(named("a", &one) == named("a", &other), is_same, "{note}");
            assert_ne!(named("a", &one), named("b", &one), "{note}: of another credential");
        }
    }
}
