//! The schemes of `authorization` by which a credential may come.

/// How a credential is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// By `Bearer` (RFC 6750), or in a header that has no scheme.
    Bearer,
    /// By `DPoP`, together with a proof (RFC 9449 section 7.1).
    Dpop,
}

impl Scheme {
    /// In any case (RFC 9110 section 11.1).
    pub(super) fn of(name: &[u8]) -> Option<Self> {
        let known = [(b"bearer".as_slice(), Self::Bearer), (b"dpop", Self::Dpop)];
        known.into_iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map(|(_, scheme)| scheme)
    }
}
