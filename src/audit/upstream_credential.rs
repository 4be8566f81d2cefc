//! The part of a record that says with which credential a request went to the provider, and whose account that is.

use super::line::Line;

/// What of the credential may be told.
#[derive(Clone, Copy, Debug)]
pub struct UpstreamCredential<'a> {
    /// The entry of the section `credentials`.
    pub id: Option<&'a str>,
    /// How it is got; `own` where the caller has brought it, `feed` where it is kept for it.
    pub kind: Option<&'a str>,
    /// Tells one token from another, and nothing of either.
    pub token_id: Option<&'a str>,
    /// Which of several keys it was: the name of its environment variable.
    pub member: Option<&'a str>,
    /// Whose account it is: `gateway`, `tenant` or `caller`.
    pub owner: Option<&'a str>,
    /// The `jti` of the key that the caller has brought, or the id of its entry in the feed.
    pub key_id: Option<&'a str>,
}

impl UpstreamCredential<'_> {
    pub fn write(&self, line: &mut Line) {
        line.put([
            ("claimgate.upstream.credential.id", self.id.into()),
            ("claimgate.upstream.credential.kind", self.kind.into()),
            ("claimgate.upstream.credential.token_id", self.token_id.into()),
            ("claimgate.upstream.credential.member", self.member.into()),
            ("claimgate.upstream.credential.owner", self.owner.into()),
            ("claimgate.upstream.credential.key_id", self.key_id.into()),
        ]);
    }
}
