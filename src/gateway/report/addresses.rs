//! URLs in answers: which are made the gateway's, and which requests are refused because theirs could not be.

use crate::denial::{Denial, Reason};
use crate::dialect::Operation;
use crate::gateway::call::AccessRequest;
use crate::gateway::{Call, Gateway};
use crate::request::{Dialect, Headers, RequestHead};
use crate::upstream::{HeaderPatch, PublicAddress, Upstream, UrlKey};

impl Gateway {
    /// Edits of the headers of a provider's answer that hold URLs of its own.
    pub fn readdress(&self, call: &Call, headers: &Headers) -> HeaderPatch {
        // Most answers have no URL.
        if !PublicAddress::concerns(headers) {
            return HeaderPatch::default();
        }
        match self.rooms.upstreams.select(call.cluster()) {
            Ok(upstream) => self.address_of(upstream, &call.arrival.head).patch(headers),
            Err(_) => HeaderPatch::default(),
        }
    }

    /// Makes a URL in a provider's answer the gateway's; `None` where there is none.
    ///
    /// # Errors
    /// Where the answer cannot be read.
    pub fn url_key(&self, call: &Call, headers: &Headers) -> Result<Option<UrlKey>, Reason> {
        let Some(key) = call.operation().and_then(Operation::url_key) else { return Ok(None) };
        let media_type =
            headers.text("content-type").unwrap_or_default().split(';').next().unwrap_or_default();
        if !media_type.trim().eq_ignore_ascii_case("application/json") {
            return Ok(None);
        }
        // It was asked for plain.
        let is_plain = |coding: &[u8]| coding.trim_ascii().eq_ignore_ascii_case(b"identity");
        if !headers.values("content-encoding").all(is_plain) {
            return Err(Reason::UrlLeadsPast);
        }
        let upstream = self.rooms.upstreams.select(call.cluster()).map_err(|denial| denial.reason())?;
        Ok(Some(UrlKey::new(key, self.address_of(upstream, &call.arrival.head))))
    }

    /// Google's SDKs send a file to the URL that the answer to this request names, and take no path for one.
    pub(in crate::gateway) fn require_own_address(&self, request: AccessRequest<'_>) -> Result<(), Denial> {
        let starts = || {
            let commands = request.head().values("x-goog-upload-command");
            commands
                .flat_map(|value| value.split(|byte| *byte == b','))
                .any(|command| command.trim_ascii().eq_ignore_ascii_case(b"start"))
        };
        match request.upstream.dialect() == Dialect::Gemini && self.published.urls.is_none() && starts() {
            true => Err(Denial::new(Reason::UrlLeadsPast)
                .with_detail("whoever runs this gateway can name its own URL in `public_origins`")),
            false => Ok(()),
        }
    }

    fn address_of(&self, upstream: &Upstream, head: &RequestHead) -> PublicAddress {
        let origin = self.published.urls.as_ref().and_then(|urls| urls.nearest(head.host()));
        PublicAddress {
            origin: origin.map(str::to_owned),
            prefix: upstream.path_prefix().unwrap_or_default().to_owned(),
        }
    }
}
