//! What a request is before anybody has judged it: header bytes, the moment, the cluster.
//!
//! It does not interpret credentials or paths; the rooms below do.

mod dialect;

use std::fmt;
use std::time::Duration;

pub use dialect::{Cloud, Dialect, Wire};

/// When the walk happens, and the randomness it may use; the only clock and dice the core knows.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Milliseconds since the Unix epoch.
    pub unix_ms: u64,
    pub entropy: [u8; 16],
}

/// Whole milliseconds.
pub fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Moment {
    /// Whole seconds since the Unix epoch.
    pub fn unix_seconds(&self) -> u64 {
        self.unix_ms / 1000
    }
}

/// Whether a request says beforehand that it has a body; over HTTP/2 it need not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnnouncedBody {
    None,
    /// Its length is known, and not 0.
    Sized,
    Chunked,
}

/// Headers in order, several of one name included; names in lower case. All of them lie in two buffers, because each
/// request has a dozen.
#[derive(Clone, Default)]
pub struct Headers {
    names: String,
    values: Vec<u8>,
    entries: Vec<Entry>,
    /// The marks of all names, one bit each: most names that are looked for are not there, and their mark is not either.
    marks: u64,
}

/// Where the name and the value of one header end; they begin where those of the header before end.
#[derive(Clone, Copy)]
struct Entry {
    name_end: usize,
    value_end: usize,
    mark: u8,
}

impl Headers {
    /// An empty list with room for so many headers, of so many bytes together.
    pub fn with_capacity(count: usize, bytes: usize) -> Self {
        Self {
            names: String::with_capacity(bytes),
            values: Vec::with_capacity(bytes),
            entries: Vec::with_capacity(count),
            marks: 0,
        }
    }

    pub fn push(&mut self, name: &str, value: &[u8]) {
        self.names.push_str(name);
        self.values.extend_from_slice(value);
        let mark = mark(name);
        self.entries.push(Entry { name_end: self.names.len(), value_end: self.values.len(), mark });
        self.marks |= 1 << mark;
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        (0..self.entries.len()).filter_map(|place| self.at(place))
    }

    /// Every value of the header `name`, in order.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.marked(name).filter_map(move |(candidate, value)| (candidate == name).then_some(value))
    }

    /// The first value of the header `name` where it is UTF-8.
    pub fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.marked(name).find(|(candidate, _)| *candidate == name)?;
        std::str::from_utf8(value).ok()
    }

    /// The name of the first header that [`is_header`] takes for `known`.
    pub fn like(&self, known: &str) -> Option<&str> {
        self.marked(known).map(|(name, _)| name).find(|name| is_header(name, known))
    }

    /// The headers whose names have the mark of this one.
    fn marked(&self, name: &str) -> impl Iterator<Item = (&str, &[u8])> {
        let mark = mark(name);
        let count = if self.marks & (1 << mark) == 0 { 0 } else { self.entries.len() };
        let has_mark = move |(_, entry): &(usize, &Entry)| entry.mark == mark;
        self.entries.iter().take(count).enumerate().filter(has_mark).filter_map(|(place, _)| self.at(place))
    }

    fn at(&self, place: usize) -> Option<(&str, &[u8])> {
        let before = place.checked_sub(1).and_then(|before| self.entries.get(before));
        let (name, value) = before.map_or((0, 0), |before| (before.name_end, before.value_end));
        let Entry { name_end, value_end, .. } = self.entries.get(place)?;
        Some((self.names.get(name..*name_end)?, self.values.get(value..*value_end)?))
    }
}

/// A number below 64, the same for all names that [`is_header`] takes for one.
fn mark(name: &str) -> u8 {
    let plain = |byte: Option<&u8>| byte.map_or(0, |byte| if *byte == b'_' { b'-' } else { *byte });
    let (first, last) = (plain(name.as_bytes().first()), plain(name.as_bytes().last()));
    let length = u8::try_from(name.len()).unwrap_or(u8::MAX);
    (length.wrapping_mul(5) ^ first.wrapping_mul(3) ^ last) % 64
}

impl<N: AsRef<str>, V: AsRef<[u8]>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut headers = Self::default();
        pairs.into_iter().for_each(|(name, value)| headers.push(name.as_ref(), value.as_ref()));
        headers
    }
}

/// The headers of one request as Envoy shows them, pseudo-headers included.
#[derive(Clone, Default)]
pub struct RequestHead {
    headers: Headers,
}

impl RequestHead {
    pub fn new(headers: Vec<(String, Vec<u8>)>) -> Self {
        headers.into_iter().collect::<Headers>().into()
    }

    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.headers.iter()
    }

    /// Every value of the header `name`, in order.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.headers.values(name)
    }

    /// The first value of the header `name` where it is UTF-8.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.headers.text(name)
    }

    /// The name of the first header that [`is_header`] takes for `known`.
    pub fn like(&self, known: &str) -> Option<&str> {
        self.headers.like(known)
    }

    pub fn method(&self) -> &str {
        self.text(":method").unwrap_or_default()
    }

    /// How much memory the headers take, in bytes.
    pub fn bytes(&self) -> u64 {
        let Headers { names, values, .. } = &self.headers;
        u64::try_from(names.capacity().saturating_add(values.capacity())).unwrap_or(u64::MAX)
    }

    /// The raw path with its query; empty where it is absent or not UTF-8, which no operation matches.
    pub fn path(&self) -> &str {
        self.text(":path").unwrap_or_default()
    }

    /// The path before `?`.
    pub fn path_only(&self) -> &str {
        self.path().split('?').next().unwrap_or_default()
    }

    /// What follows the first `?`, raw.
    pub fn query(&self) -> Option<&str> {
        self.path().split_once('?').map(|(_, query)| query)
    }

    pub fn host(&self) -> &str {
        self.text(":authority").unwrap_or_default()
    }

    /// What the headers say of a body (RFC 9112 section 6).
    pub fn announced_body(&self) -> AnnouncedBody {
        if self.values("content-length").any(|length| length != b"0") {
            return AnnouncedBody::Sized;
        }
        match self.values("transfer-encoding").next() {
            Some(_) => AnnouncedBody::Chunked,
            None => AnnouncedBody::None,
        }
    }

    /// True for a WebSocket or other HTTP/1.1 upgrade, and for HTTP/2 extended CONNECT (RFC 8441).
    pub fn is_upgrade(&self) -> bool {
        self.values("upgrade").next().is_some() || self.method() == "CONNECT"
    }
}

/// True where a header's name is `known`, or what some servers take for it: with `_` for `-`.
pub fn is_header(name: &str, known: &str) -> bool {
    name.len() == known.len()
        && name.bytes().zip(known.bytes()).all(|(byte, known)| byte == known || (byte, known) == (b'_', b'-'))
}

impl From<Headers> for RequestHead {
    fn from(headers: Headers) -> Self {
        Self { headers }
    }
}

/// Names only: a value may be the caller's credential.
impl fmt::Debug for RequestHead {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.headers().map(|(name, _)| name)).finish()
    }
}

/// What the host knows of a request beside its headers.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    /// The address Envoy reports as the client's, without the port.
    pub source_address: Option<String>,
    /// Port 0 marks an address that came from a header rather than from the socket.
    pub source_port: Option<u64>,
    /// True when the client presented a certificate that Envoy verified.
    pub mtls: bool,
    /// The cluster Envoy selected; `None` where the route has none.
    pub cluster: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::Headers;

    #[test]
    fn a_header_is_found_by_its_name_alone() {
        let headers: Headers =
            [("accept", "a"), ("x_http_method", "b"), ("", "c"), ("accept", "d"), ("\u{e9}", "e")]
                .into_iter()
                .collect();
        for (name, want) in [
            ("accept", Some("a")),
            ("", Some("c")),
            ("\u{e9}", Some("e")),
            ("accepp", None),
            ("tpecca", None),
        ] {
            assert_eq!(headers.text(name), want, "{name}");
        }
        assert_eq!(headers.values("accept").collect::<Vec<_>>(), [b"a", b"d"], "in order");
        assert_eq!(headers.text("x-http-method"), None, "another name");
        assert_eq!(
            headers.like("x-http-method"),
            Some("x_http_method"),
            "but some servers take it for this one"
        );
        assert_eq!(headers.like("x-http-methods"), None);
        assert_eq!(Headers::default().like(""), None);
    }

    #[test]
    fn names_that_are_alike_have_one_mark() {
        for (name, known) in [("_a_", "-a-"), ("x_b", "x-b"), ("_", "-")] {
            let headers: Headers = [(name, "")].into_iter().collect();
            assert_eq!(headers.like(known), Some(name), "{known}");
        }
    }
}
