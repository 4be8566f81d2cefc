//! Requests made of bytes: a line with the method and the path, a line per header, an empty line, the body.

use claimgate::request::RequestHead;

/// A request as a fuzzer writes it.
pub struct Message<'a> {
    head: &'a [u8],
    pub body: &'a [u8],
}

impl<'a> Message<'a> {
    pub fn read(bytes: &'a [u8]) -> Self {
        match bytes.windows(2).position(|pair| pair == b"\n\n") {
            Some(end) => Self { head: &bytes[..end], body: &bytes[end + 2..] },
            None => Self { head: bytes, body: b"" },
        }
    }

    /// The head as Envoy shows it: names in lower case, values that are any bytes but line breaks.
    pub fn head(&self) -> RequestHead {
        RequestHead::new(self.headers())
    }

    pub fn headers(&self) -> Vec<(String, Vec<u8>)> {
        let mut lines = self.head.split(|byte| *byte == b'\n');
        let (method, path) = cut(lines.next().unwrap_or_default(), b" ");
        let mut headers = vec![(":method".to_owned(), method.to_vec()), (":path".to_owned(), path.to_vec())];
        headers.extend(lines.filter_map(|line| {
            let (name, value) = cut(line, b": ");
            Some((std::str::from_utf8(name).ok()?.to_ascii_lowercase(), value.to_vec()))
        }));
        headers
    }
}

/// What stands before and behind the first `separator`; everything stands before one that is missing.
pub fn cut<'a>(bytes: &'a [u8], separator: &[u8]) -> (&'a [u8], &'a [u8]) {
    match bytes.windows(separator.len()).position(|window| window == separator) {
        Some(end) => (&bytes[..end], &bytes[end + separator.len()..]),
        None => (bytes, b""),
    }
}
