//! Addresses that nobody outside of the machine answers.

/// True for a name or an address of this machine.
///
/// `localhost` too: whoever can change what that is has the machine.
pub(in crate::cli) fn is_loopback(host: &str) -> bool {
    let by_number = |address: std::net::IpAddr| address.to_canonical().is_loopback();
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(by_number)
}
