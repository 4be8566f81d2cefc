//! Addresses in Gemini's `fileUri`: of a file that is kept under the account, or of something that everybody can read,
//! such as a video on YouTube (<https://ai.google.dev/gemini-api/docs/file-input-methods>).
//!
//! It does not resolve names: what the provider fetches there, it fetches as a stranger. An address that two readers
//! could take apart differently is not public.

/// Google's own hosts answer to the account's credential: files by their name, buckets, drives. On the others
/// nobody knows it.
const OF_THE_ACCOUNT: [&str; 2] = ["googleapis.com", "google.com"];

/// True for `http` and `https` at a host that knows nothing of the provider's account. `files/…`, `gs://…` and the
/// address of a stored file are not public.
pub(super) fn is_public(address: &str) -> bool {
    let Some(behind) = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://")) else {
        return false;
    };
    let (authority, path) = match behind.find(['/', '?', '#']) {
        Some(end) => behind.split_at_checked(end).unwrap_or_default(),
        None => (behind, ""),
    };
    let (host, port) = authority.split_once(':').unwrap_or((authority, "443"));
    let is_port = !port.is_empty() && port.len() <= 5 && port.bytes().all(|digit| digit.is_ascii_digit());
    let is_plain = !path.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\');
    is_port && is_plain && is_public_name(host) && !is_file_of_the_api(path)
}

/// True for an object in a bucket, which its store gives to whose account it is.
pub(super) fn is_in_a_bucket(address: &str) -> bool {
    let scheme = address.trim_start().split_once(':').map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| ["gs", "s3"].iter().any(|store| scheme.eq_ignore_ascii_case(store)))
}

/// A name of the public DNS in ASCII, without a final dot.
fn is_public_name(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let belongs_to = |domain: &&str| {
        host.strip_suffix(domain).is_some_and(|before| before.is_empty() || before.ends_with('.'))
    };
    // An address of numbers has no letter in its last label.
    let has_domain =
        host.rsplit_once('.').is_some_and(|(_, top)| top.bytes().any(|byte| byte.is_ascii_alphabetic()));
    host.split('.').all(is_label) && has_domain && !OF_THE_ACCOUNT.iter().any(belongs_to)
}

/// A stored file as the Files API names it, whatever stands in front of the provider.
fn is_file_of_the_api(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    ["/v1/files/", "/v1beta/files/", "/v1alpha/files/"].iter().any(|files| path.contains(files))
}

#[cfg(test)]
mod tests {
    use super::{is_in_a_bucket, is_public};

    #[test]
    fn an_object_in_a_bucket_is_its_owners() {
        for (address, want) in [
            ("gs://acme/secret.png", true),
            (" GS://acme/secret.png", true),
            ("s3://acme/secret.png", true),
            ("https://acme.example/gs://x", false),
            ("data:image/png;base64,Z3M6Ly8=", false),
            ("gs", false),
            ("gsx://acme", false),
            ("", false),
        ] {
            assert_eq!(is_in_a_bucket(address), want, "{address}");
        }
    }

    #[test]
    fn what_everybody_can_read_is_public() {
        for address in [
            "https://www.youtube.com/watch?v=9hE5-98ZeCg",
            "https://youtu.be/9hE5-98ZeCg?t=10",
            "http://youtube.com/shorts/9hE5",
            "https://example.com/files/report.pdf",
            "https://bucket.s3.eu-west-1.amazonaws.com/a.png?X-Amz-Signature=ab%2Bc",
            "https://store.blob.core.windows.net:443/c/a.mp4?sig=x",
            "https://EXAMPLE.com",
            "https://example.jp/日本.pdf#page=2",
            "https://notgoogleapis.com/v1beta/file/x",
        ] {
            assert!(is_public(address), "{address}");
        }
    }

    #[test]
    fn what_the_account_reaches_is_not_public() {
        for address in [
            "files/abc",
            "abc",
            "gs://bucket/a.mp4",
            "https://generativelanguage.googleapis.com/v1beta/files/abc",
            "https://GenerativeLanguage.GoogleAPIs.com/v1beta/files/abc",
            "https://generativelanguage.googleapis.com:443/v1beta/files/abc",
            "https://generativelanguage.googleapis.com./v1beta/files/abc",
            "https://storage.googleapis.com/bucket/a.mp4",
            "https://storage.cloud.google.com/bucket/a.mp4",
            "https://drive.google.com/file/d/1",
            "https://gateway.example.com/gemini/v1beta/files/abc",
            "https://www.youtube.com@generativelanguage.googleapis.com/v1beta/files/abc",
            "https://generativelanguage.googleapis.com\\@example.com/",
            "https://example.com\\@generativelanguage.googleapis.com/",
            "https://generativelanguage%2egoogleapis.com/v1beta/file/abc",
            "https://generativelanguage.googleapis\u{3002}com/",
            "https:/generativelanguage.googleapis.com/v1beta/files/abc",
            "https:generativelanguage.googleapis.com",
            "HTTPS://example.com",
            " https://example.com",
            "https://example.com/a b",
            "https://example.com/\u{0}",
            "https://",
            "https:///files/abc",
            "https://localhost/a",
            "https://169.254.169.254/latest",
            "https://[::1]/a",
            "https://example.com:/a",
            "https://example.com:x/a",
            "https://user:pass@example.com/a",
            "https://.com",
            "https://example..com",
            "data:video/mp4;base64,AA==",
            "ftp://example.com/a",
            "",
        ] {
            assert!(!is_public(address), "{address:?}");
        }
    }
}
