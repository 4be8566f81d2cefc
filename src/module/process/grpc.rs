//! One call of a method that takes and gives one message, framed for an HTTP/2 stream (gRPC over HTTP2, "Length-Prefixed-Message").

/// Ahead of each message: whether it is compressed, and its length.
const PREFIX: usize = 5;
const OK: u32 = 0;
const UNKNOWN: u32 = 2;
const INTERNAL: u32 = 13;
const UNAVAILABLE: u32 = 14;

/// A message as it goes on its way.
pub(in crate::module) fn frame(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    [&[0][..], &length.to_be_bytes(), message].concat()
}

/// The gRPC status that stands for an HTTP status where there is no other (gRPC, "HTTP to gRPC Status Code Mapping").
pub(in crate::module) fn status_of(http_status: u32) -> u32 {
    match http_status {
        400 => INTERNAL,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502..=504 => UNAVAILABLE,
        _ => UNKNOWN,
    }
}

/// What has come of an answer.
#[derive(Debug, Default)]
pub(in crate::module) struct Reply {
    http_status: Option<u32>,
    status: Option<u32>,
    body: Vec<u8>,
}

impl Reply {
    /// Headers or trailers have come.
    pub(in crate::module) fn headers(&mut self, headers: &[(String, Vec<u8>)]) {
        let number = |name: &str| {
            let (_, value) = headers.iter().find(|(other, _)| other == name)?;
            std::str::from_utf8(value).ok()?.parse().ok()
        };
        self.http_status = self.http_status.or_else(|| number(":status"));
        self.status = number("grpc-status").or(self.status);
    }

    pub(in crate::module) fn data(&mut self, data: &[u8]) {
        self.body.extend_from_slice(data);
    }

    /// The message.
    ///
    /// # Errors
    /// One line for the operator.
    pub(in crate::module) fn end(self) -> Result<Vec<u8>, String> {
        let by_http = || self.http_status.map_or(UNAVAILABLE, status_of);
        match self.status.unwrap_or_else(by_http) {
            OK => message(&self.body).map(<[u8]>::to_vec).ok_or_else(|| failed(INTERNAL)),
            status => Err(failed(status)),
        }
    }

    /// It broke off.
    pub(in crate::module) fn broken() -> String {
        failed(UNAVAILABLE)
    }
}

fn failed(status: u32) -> String {
    format!("gRPC status {status}")
}

/// The one message of a body, which must not be compressed: nobody has offered to read that.
fn message(body: &[u8]) -> Option<&[u8]> {
    let (prefix, message) = body.split_first_chunk::<PREFIX>()?;
    let [0, length @ ..] = *prefix else { return None };
    let length = usize::try_from(u32::from_be_bytes(length)).ok()?;
    (message.len() == length).then_some(message)
}

#[cfg(test)]
mod tests {
    use super::{Reply, frame};

    fn reply(headers: &[(&str, &str)], body: &[u8], trailers: &[(&str, &str)]) -> Result<Vec<u8>, String> {
        let owned = |headers: &[(&str, &str)]| -> Vec<_> {
            headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect()
        };
        let mut reply = Reply::default();
        reply.headers(&owned(headers));
        body.chunks(2).for_each(|piece| reply.data(piece));
        reply.headers(&owned(trailers));
        reply.end()
    }

    #[test]
    fn a_message_comes_out_as_it_went_in() {
        let framed = frame(b"hello");
        assert_eq!(framed, b"\0\0\0\0\x05hello");
        assert_eq!(reply(&[(":status", "200")], &framed, &[("grpc-status", "0")]), Ok(b"hello".to_vec()));
        assert_eq!(reply(&[(":status", "200")], &frame(b""), &[("grpc-status", "0")]), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_answer_has_a_status() {
        let framed = frame(b"hello");
        for (headers, body, trailers, want, note) in [
            (&[(":status", "200")][..], &framed[..], &[("grpc-status", "8")][..], "8", "an error"),
            (&[(":status", "200"), ("grpc-status", "12")], b"", &[], "12", "in the headers alone"),
            (&[(":status", "503")], b"no", &[], "14", "no gRPC at all"),
            (&[(":status", "404")], b"no", &[], "12", "another place"),
            (&[], b"", &[], "14", "nothing"),
            (&[(":status", "200")], &framed[..7], &[("grpc-status", "0")], "13", "a message cut short"),
            (&[(":status", "200")], b"\x01\0\0\0\x01x", &[("grpc-status", "0")], "13", "a compressed one"),
            (&[(":status", "200")], b"", &[("grpc-status", "0")], "13", "no message"),
        ] {
            assert_eq!(reply(headers, body, trailers), Err(format!("gRPC status {want}")), "{note}");
        }
    }
}
