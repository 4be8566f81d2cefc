//! One document through a cluster of the host: how it is asked for, named and taken.
//!
//! It does not know when a document is due, nor what stands in it.

use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::config::Span;
use crate::ledger::compose;
use crate::lifecycle::host::{Fetch, House, Level};

/// Where a document is.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) cluster: &'a str,
    pub(super) host: &'a str,
    pub(super) path: &'a str,
}

/// A request that can be sent to a place.
#[derive(Clone, Copy)]
pub(super) struct Request<'a> {
    /// What is asked for, for the operator.
    pub(super) what: &'a str,
    pub(super) timeout: Span,
    pub(super) headers: &'a [(&'a str, &'a str)],
    /// Sent by `POST` where there is one.
    pub(super) form: Option<&'a [u8]>,
}

impl Place<'_> {
    /// The same for two configurations with the same source, and never for two with different ones.
    pub(super) fn name(&self) -> String {
        let parts = compose(&[self.cluster.as_bytes(), self.host.as_bytes(), self.path.as_bytes()]);
        let digest = Sha256::digest(&parts);
        digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Sends the request; `None` where the host does not even take it, which the operator is told.
    pub(super) fn send(&self, house: &dyn House, request: Request<'_>) -> Option<u32> {
        let told = |why: &String| {
            house.log(
                Level::Warning,
                &format!(
                    "cannot fetch {} through the cluster `{}`: {why}; is there such a cluster?",
                    request.what, self.cluster
                ),
            );
        };
        self.try_send(house, request).inspect_err(told).ok()
    }

    /// Sends the request.
    ///
    /// # Errors
    /// Why the host does not even take it.
    pub(super) fn try_send(&self, house: &dyn House, request: Request<'_>) -> Result<u32, String> {
        let method = if request.form.is_some() { "POST" } else { "GET" };
        let mut headers =
            vec![(":method", method), (":scheme", "https"), (":path", self.path), (":authority", self.host)];
        headers.extend_from_slice(request.headers);
        let fetch = Fetch {
            cluster: self.cluster,
            headers: &headers,
            body: request.form,
            timeout: Duration::from_millis(request.timeout.milliseconds()),
        };
        house.fetch(&fetch)
    }
}

/// How much of an answer the host delivers. Where it broke off there is not even a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub headers: usize,
    pub body_size: usize,
}

/// What came of a fetch.
pub(super) enum Fetched {
    Document(Vec<u8>),
    /// The one whose `ETag` was sent is still the current one.
    Unchanged,
}

/// An answer of any status.
pub(super) struct Response {
    pub(super) status: u32,
    pub(super) retry_after: Option<String>,
    pub(super) body: Vec<u8>,
}

impl Response {
    /// The body of a success.
    ///
    /// # Errors
    /// One line for the operator.
    pub(super) fn content(self) -> Result<Vec<u8>, String> {
        match self.status {
            200 => Ok(self.body),
            status => Err(format!("status {status}")),
        }
    }
}

/// The answer to a fetch, whatever it says, of at most `limit` bytes.
///
/// # Errors
/// One line for the operator.
pub(super) fn response(house: &dyn House, delivery: Delivery, limit: usize) -> Result<Response, String> {
    let Delivery { headers, body_size } = delivery;
    if headers == 0 {
        return Err("the answer broke off".to_owned());
    }
    let text = |name| house.fetched_header(name).and_then(|value| String::from_utf8(value).ok());
    let status = text(":status").and_then(|status| status.parse().ok()).ok_or("no status")?;
    let retry_after = text("retry-after");
    match body_size > limit {
        true => Err(format!("the answer has more than {limit} bytes")),
        false => {
            Ok(Response { status, retry_after, body: house.fetched_body(body_size).unwrap_or_default() })
        }
    }
}

/// The document that a fetch has got, of at most `limit` bytes.
///
/// # Errors
/// One line for the operator.
pub(super) fn answer(house: &dyn House, delivery: Delivery, limit: usize) -> Result<Fetched, String> {
    let Delivery { headers, body_size } = delivery;
    if headers == 0 {
        return Err("the answer broke off".to_owned());
    }
    match house.fetched_header(":status").as_deref() {
        Some(b"200") if body_size > limit => Err(format!("the document has more than {limit} bytes")),
        Some(b"200") => Ok(Fetched::Document(house.fetched_body(body_size).unwrap_or_default())),
        Some(b"304") => Ok(Fetched::Unchanged),
        Some(other) => Err(format!("status {}", String::from_utf8_lossy(other))),
        None => Err("no status".to_owned()),
    }
}
