//! The provider's own URLs in an answer, turned into the gateway's: who follows one sends the credential that is for
//! the gateway.
//!
//! What leads past becomes a path behind the gateway, whether it is known there or not: the gateway judges it when it is
//! followed. URLs that name a file to the provider (`uri`, `fileUri`) are left as they are, because callers send them
//! back to it.

use std::borrow::Cow;

use crate::request::Headers;

use super::HeaderPatch;

/// The headers that hold one URL, or several.
const HEADERS: [&str; 7] = [
    "location",
    "content-location",
    "operation-location",
    "azure-asyncoperation",
    "x-goog-upload-url",
    "x-goog-upload-control-url",
    "link",
];

/// Where an upstream is found from outside.
#[derive(Clone, Debug)]
pub struct PublicAddress {
    /// Scheme and authority, with the path that a proxy before Envoy takes off; `None` where nobody has said it.
    pub origin: Option<String>,
    /// What the route takes off before the provider sees it.
    pub prefix: String,
}

impl PublicAddress {
    /// True where a header may hold a URL.
    pub fn concerns(headers: &Headers) -> bool {
        HEADERS.iter().any(|name| headers.values(name).next().is_some())
    }

    /// Edits of an answer's headers that hold URLs.
    pub fn patch(&self, headers: &Headers) -> HeaderPatch {
        let mut patch = HeaderPatch::default();
        for name in HEADERS {
            let values: Vec<_> = headers.values(name).collect();
            if values.is_empty() {
                continue;
            }
            let texts = values.iter().map(|value| std::str::from_utf8(value).ok());
            let own = texts
                .map(|text| text.map(|text| if name == "link" { self.links(text) } else { self.url(text) }));
            match own.collect::<Option<Vec<_>>>() {
                Some(own) => patch.set(name, own.join(", ").as_bytes()),
                // Somebody could still find a URL in it.
                None => patch.remove(name),
            }
        }
        patch
    }

    /// The gateway's URL in the place of this one: absolute where the gateway's origin is known, else its path.
    pub fn url(&self, url: &str) -> String {
        match path_of(url) {
            Some(path) => format!("{}{}{path}", self.origin.as_deref().unwrap_or_default(), self.prefix),
            None => match url.strip_prefix('/') {
                Some(rest) => format!("{}/{rest}", self.prefix),
                None => url.to_owned(),
            },
        }
    }

    /// As [`Self::url`], for clients that put a path behind their own base URL, as the providers' SDKs do.
    pub fn url_behind_base(&self, url: &str) -> Option<String> {
        let path = path_of(url)?;
        Some(match &self.origin {
            Some(origin) => format!("{origin}{}{path}", self.prefix),
            None => path.into_owned(),
        })
    }

    /// RFC 8288: each URL stands in `<…>`.
    fn links(&self, links: &str) -> String {
        let mut own = String::with_capacity(links.len());
        let mut rest = links;
        while let Some((before, (url, behind))) =
            rest.split_once('<').and_then(|(before, url)| Some((before, url.split_once('>')?)))
        {
            own.extend([before, "<", &self.url(url), ">"]);
            rest = behind;
        }
        own + rest
    }
}

/// Path and query of an absolute URL, or of one that lacks only its scheme; `None` where it is neither.
fn path_of(url: &str) -> Option<Cow<'_, str>> {
    let trimmed = url.trim_start_matches(|letter: char| letter.is_ascii_whitespace() || letter.is_control());
    // Readers of the web take `\` for `/` here.
    let is_slash = |letter: char| matches!(letter, '/' | '\\');
    let rest = match trimmed.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) => rest,
        _ => trimmed,
    };
    let behind = rest.strip_prefix(is_slash).and_then(|rest| rest.strip_prefix(is_slash));
    let behind = match (behind, rest.len() < trimmed.len()) {
        (Some(behind), _) => behind,
        // `https:api.example` and `https:/api.example` are read as absolute, too.
        (None, true) => rest.trim_start_matches(is_slash),
        (None, false) => return None,
    };
    let path = behind
        .find(|letter: char| is_slash(letter) || matches!(letter, '?' | '#'))
        .map_or("", |at| behind.get(at..).unwrap_or_default());
    Some(match path.starts_with('/') {
        true => Cow::Borrowed(path),
        false => Cow::Owned(format!("/{}", path.trim_start_matches(is_slash))),
    })
}

/// RFC 3986 section 3.1, of the web alone.
fn is_scheme(scheme: &str) -> bool {
    ["http", "https", "ws", "wss"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::PublicAddress;
    use crate::request::Headers;

    fn address(origin: Option<&str>) -> PublicAddress {
        PublicAddress { origin: origin.map(str::to_owned), prefix: "/gemini".to_owned() }
    }

    #[test]
    fn a_url_of_the_providers_becomes_one_of_the_gateways() {
        for (url, known, unknown, note) in [
            (
                "https://generativelanguage.googleapis.com/upload/v1beta/files?upload_id=u&upload_protocol=resumable",
                "https://gw.example/gemini/upload/v1beta/files?upload_id=u&upload_protocol=resumable",
                "/gemini/upload/v1beta/files?upload_id=u&upload_protocol=resumable",
                "an upload's URL",
            ),
            (
                "HTTPS://api.example:443/v1/x#f",
                "https://gw.example/gemini/v1/x#f",
                "/gemini/v1/x#f",
                "in capitals, with a port",
            ),
            ("//api.example/v1/x", "https://gw.example/gemini/v1/x", "/gemini/v1/x", "without a scheme"),
            ("\\\\api.example\\v1", "https://gw.example/gemini/v1", "/gemini/v1", "with backslashes"),
            ("https:/api.example/v1", "https://gw.example/gemini/v1", "/gemini/v1", "with one slash"),
            (" https://api.example/v1", "https://gw.example/gemini/v1", "/gemini/v1", "behind a blank"),
            ("https://user@api.example", "https://gw.example/gemini/", "/gemini/", "without a path"),
            ("https://api.example?a=b", "https://gw.example/gemini/?a=b", "/gemini/?a=b", "a query alone"),
            ("wss://api.example/live", "https://gw.example/gemini/live", "/gemini/live", "a WebSocket"),
            ("/v1/realtime/calls/c", "/gemini/v1/realtime/calls/c", "/gemini/v1/realtime/calls/c", "a path"),
            ("calls/c", "calls/c", "calls/c", "a path from here on"),
        ] {
            assert_eq!(address(Some("https://gw.example")).url(url), known, "{note}");
            assert_eq!(address(None).url(url), unknown, "{note}");
        }
    }

    #[test]
    fn every_header_that_holds_urls_is_edited() {
        let headers: Headers = [
            ("location", "https://api.example/v1/a"),
            ("operation-location", "https://r.openai.azure.com/openai/operations/o?api-version=1"),
            ("link", "<https://api.example/v1/a?page=2>; rel=\"next\", </v1/b>; rel=prev"),
            ("content-type", "text/plain"),
        ]
        .into_iter()
        .collect();
        let patch = address(Some("https://gw.example")).patch(&headers);
        let set: Vec<_> =
            patch.settings().map(|(name, value)| (name, std::str::from_utf8(value).unwrap())).collect();
        assert_eq!(
            set,
            [
                ("location", "https://gw.example/gemini/v1/a"),
                ("operation-location", "https://gw.example/gemini/openai/operations/o?api-version=1"),
                ("link", "<https://gw.example/gemini/v1/a?page=2>; rel=\"next\", </gemini/v1/b>; rel=prev"),
            ]
        );
        let odd: Headers = [("location", b"https://\xff".as_slice())].into_iter().collect();
        assert_eq!(address(None).patch(&odd).removals().collect::<Vec<_>>(), ["location"]);
    }
}
