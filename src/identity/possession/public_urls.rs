//! The URLs by which callers know the gateway, and whether a proof is for one of them (RFC 9449 section 4.3).
//!
//! Two URLs are compared as RFC 3986 sections 6.2.2 and 6.2.3 normalise them. What the request says of its own host is
//! not asked: whoever sends a stolen proof writes that too.

use crate::config::ConfigError;

/// The URLs of one configuration.
#[derive(Debug)]
pub struct PublicUrls(Vec<String>);

impl PublicUrls {
    /// # Errors
    /// No URL, or one that is none.
    pub fn compile(urls: &[String], at: &str) -> Result<Self, ConfigError> {
        if urls.is_empty() {
            let why = "an empty list, so that no proof would be for this gateway; write the URL that callers use, such as `https://ai-gateway.example`";
            return Err(ConfigError::new(at, why));
        }
        let compiled = urls.iter().enumerate().map(|(index, url)| {
            let has_more = url.contains(['?', '#']);
            let normal = normalised(url).filter(|_| !has_more).ok_or_else(|| {
                let why = format!(
                    "`{}` is not a URL of `https` or `http` with a host and neither query nor fragment; write one such as `https://ai-gateway.example`",
                    url.escape_debug()
                );
                ConfigError::new(format!("{at}[{index}]"), why)
            })?;
            Ok(normal.trim_end_matches('/').to_owned())
        });
        Ok(Self(compiled.collect::<Result<_, _>>()?))
    }

    /// The URL by which whoever sends `authority` knows the gateway, else the first. What is sent only chooses among them.
    pub fn nearest(&self, authority: &str) -> Option<&str> {
        let of = |url: &str| {
            url.split("://").nth(1).map(|rest| rest.split('/').next().unwrap_or_default().to_owned())
        };
        let sent = ["https", "http"].map(|scheme| normalised(&format!("{scheme}://{authority}")));
        let is_sent = |url: &&String| sent.iter().flatten().any(|sent| of(sent) == of(url));
        self.0.iter().find(is_sent).or_else(|| self.0.first()).map(String::as_str)
    }

    /// True where `claimed` is the URL of this path, given without a query.
    pub(super) fn name(&self, claimed: &str, path: &str) -> bool {
        let (Some(claimed), Some(path)) = (normalised(claimed), normal_path(path)) else { return false };
        self.0.iter().any(|url| claimed.strip_prefix(url.as_str()) == Some(path.as_str()))
    }
}

/// Scheme, authority and path; query and fragment are left out. `None` where it is no URL of the web.
fn normalised(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let (scheme, default_port) = match scheme.to_ascii_lowercase().as_str() {
        "https" => ("https", 443),
        "http" => ("http", 80),
        _ => return None,
    };
    let rest = rest.split(['?', '#']).next()?;
    let (authority, path) = rest.split_at_checked(rest.find('/').unwrap_or(rest.len()))?;
    // The colons of an IPv6 address stand in brackets.
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (authority, ""),
    };
    let is_host = |letter: u8| letter.is_ascii_alphanumeric() || b"-._[]:".contains(&letter);
    if host.is_empty() || !host.bytes().all(is_host) {
        return None;
    }
    let port = match port {
        "" => default_port,
        port if port.bytes().all(|digit| digit.is_ascii_digit()) => port.parse::<u16>().ok()?,
        _ => return None,
    };
    let port = if port == default_port { String::new() } else { format!(":{port}") };
    Some(format!("{scheme}://{}{port}{}", host.to_ascii_lowercase(), normal_path(path)?))
}

/// Percent-encoded where it must be, in capitals, and without dot segments; `None` for what is no path.
fn normal_path(path: &str) -> Option<String> {
    if path.is_empty() {
        return Some("/".to_owned());
    }
    let mut segments: Vec<String> = Vec::new();
    let mut raw = path.strip_prefix('/')?.split('/').peekable();
    while let Some(segment) = raw.next() {
        let segment = normal_segment(segment)?;
        let is_last = raw.peek().is_none();
        match segment.as_str() {
            "." | ".." => {
                if segment == ".." {
                    segments.pop();
                }
                if is_last {
                    segments.push(String::new());
                }
            }
            _ => segments.push(segment),
        }
    }
    Some(format!("/{}", segments.join("/")))
}

fn normal_segment(segment: &str) -> Option<String> {
    let mut normal = String::with_capacity(segment.len());
    let mut letters = segment.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '%' => {
                let (high, low) = (letters.next()?.to_digit(16)?, letters.next()?.to_digit(16)?);
                let byte = u8::try_from((high << 4) | low).ok()?;
                match is_unreserved(byte) {
                    true => normal.push(char::from(byte)),
                    false => normal.push_str(&format!("%{byte:02X}")),
                }
            }
            letter if letter.is_ascii_graphic() => normal.push(letter),
            _ => return None,
        }
    }
    Some(normal)
}

/// RFC 3986 section 2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::proptest;

    use super::PublicUrls;

    fn urls(urls: &[&str]) -> Result<PublicUrls, String> {
        let urls: Vec<String> = urls.iter().map(|url| (*url).to_owned()).collect();
        PublicUrls::compile(&urls, "dpop.public_origins").map_err(|error| error.to_string())
    }

    #[test]
    fn a_claimed_url_is_that_of_the_path_or_not() {
        let own = urls(&["https://gw.example.com", "https://OTHER.example:8443/ai/"]).unwrap();
        for (claimed, path, is_named, note) in [
            ("https://gw.example.com/v1/chat", "/v1/chat", true, "the very same"),
            (
                "HTTPS://GW.Example.com:443/v1/chat",
                "/v1/chat",
                true,
                "scheme and host in capitals, the usual port",
            ),
            ("https://gw.example.com/v1/chat?a=b#c", "/v1/chat", true, "query and fragment do not count"),
            ("https://gw.example.com/v1/%63hat", "/v1/chat", true, "what need not be encoded"),
            ("https://gw.example.com/a%2fb", "/a%2Fb", true, "the case of an encoding"),
            ("https://gw.example.com/x/../v1/chat", "/v1/chat", true, "dot segments"),
            ("https://gw.example.com", "/", true, "no path"),
            ("https://gw.example.com:/v1", "/v1", true, "a port without a number"),
            ("https://other.example:8443/ai/v1/chat", "/v1/chat", true, "a path that a proxy takes off"),
            ("https://other.example:8443/v1/chat", "/v1/chat", false, "without it"),
            ("https://other.example:8443/aiv1/chat", "/v1/chat", false, "glued to it"),
            ("http://gw.example.com/v1/chat", "/v1/chat", false, "another scheme"),
            ("https://gw.example.com:8443/v1/chat", "/v1/chat", false, "another port"),
            ("https://gw.example.com.evil/v1/chat", "/v1/chat", false, "a longer host"),
            ("https://evil@gw.example.com/v1/chat", "/v1/chat", false, "somebody before the host"),
            ("https://gw.example.com@evil/v1/chat", "/v1/chat", false, "the host before another"),
            ("https://gw.example.com/v1/chat/", "/v1/chat", false, "a slash at the end"),
            ("https://gw.example.com/V1/chat", "/v1/chat", false, "a path in capitals"),
            ("https://gw.example.com/v1", "/v1/chat", false, "a shorter path"),
            ("https://gw.example.com/a/b", "/a%2Fb", false, "an encoded slash is no slash"),
            ("https://gw.example.com/v1/chat", "/v1/chat%3f", false, "an encoded question mark"),
            ("/v1/chat", "/v1/chat", false, "a path alone"),
            ("https:///v1/chat", "/v1/chat", false, "no host"),
            ("ftp://gw.example.com/v1/chat", "/v1/chat", false, "another protocol"),
            ("https://gw.example.com/v1/ch\u{e4}t", "/v1/ch\u{e4}t", false, "letters that no URL has"),
            ("https://gw.example.com/%zz", "/%zz", false, "an encoding that is none"),
            ("https://gw.example.com/*", "*", false, "no path was asked for"),
        ] {
            assert_eq!(own.name(claimed, path), is_named, "{note}: {claimed}");
        }
    }

    #[test]
    fn an_address_may_be_one_of_ip_version_6() {
        let own = urls(&["http://[2001:DB8::1]", "http://[::1]:8080"]).unwrap();
        assert!(own.name("http://[2001:db8::1]:80/a", "/a") && own.name("http://[::1]:8080/a", "/a"));
        assert!(!own.name("http://[::1]/a", "/a"));
    }

    #[test]
    fn the_url_that_the_caller_knows_is_the_nearest() {
        let own =
            urls(&["https://gw.example.com", "https://OTHER.example:8443/ai/", "http://127.0.0.1:10000"])
                .unwrap();
        for (authority, want) in [
            ("gw.example.com", "https://gw.example.com"),
            ("GW.example.com:443", "https://gw.example.com"),
            ("other.example:8443", "https://other.example:8443/ai"),
            ("127.0.0.1:10000", "http://127.0.0.1:10000"),
            ("elsewhere.example", "https://gw.example.com"),
            ("", "https://gw.example.com"),
            ("a b", "https://gw.example.com"),
        ] {
            assert_eq!(own.nearest(authority), Some(want), "{authority}");
        }
    }

    #[test]
    fn what_is_no_public_url_is_refused() {
        assert!(urls(&[]).unwrap_err().starts_with("dpop.public_origins: an empty list"));
        for wrong in
            ["gw.example.com", "https://", "https://a/?b", "https://a/#b", "ws://a", "https://a b", ""]
        {
            let error = urls(&["https://fine.example", wrong]).unwrap_err();
            assert!(error.starts_with("dpop.public_origins[1]: "), "{wrong}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(claimed in ".{0,80}", path in ".{0,80}") {
            let _ = urls(&["https://a"]).unwrap().name(&claimed, &path);
        }

        #[test]
        fn every_path_is_its_own(path in "/[a-z0-9%/._~-]{0,40}") {
            let own = urls(&["https://a"]).unwrap();
            let is_path = super::normal_path(&path).is_some();
            assert_eq!(own.name(&format!("https://a{path}"), &path), is_path);
        }
    }
}
