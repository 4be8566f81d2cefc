//! Where a test may have the module panic. Without the feature `failpoints` there is no such place.

/// Panics where these headers name this place in `x-failpoint`.
#[cfg(feature = "failpoints")]
#[expect(clippy::panic, reason = "what the tests of panics are about")]
pub(super) fn failpoint<'a>(place: &str, mut headers: impl Iterator<Item = (&'a [u8], &'a [u8])>) {
    if headers.any(|(name, value)| name == b"x-failpoint" && value == place.as_bytes()) {
        panic!("planted: {place}");
    }
}

#[cfg(not(feature = "failpoints"))]
pub(super) fn failpoint<'a>(_place: &str, _headers: impl Iterator<Item = (&'a [u8], &'a [u8])>) {}
