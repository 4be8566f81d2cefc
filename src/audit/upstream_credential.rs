//! The part of a record that says with which credential a request went to the provider, where that is one that was got.

use super::line::Line;

/// A credential of the section `credentials`, and its token.
#[derive(Clone, Copy, Debug)]
pub struct UpstreamCredential<'a> {
    pub id: &'a str,
    pub kind: &'a str,
    /// Tells one token from another, and nothing of either.
    pub token_id: &'a str,
}

impl UpstreamCredential<'_> {
    pub fn write(&self, line: &mut Line) {
        line.put([
            ("claimgate.upstream.credential.id", self.id.into()),
            ("claimgate.upstream.credential.kind", self.kind.into()),
            ("claimgate.upstream.credential.token_id", self.token_id.into()),
        ]);
    }
}
