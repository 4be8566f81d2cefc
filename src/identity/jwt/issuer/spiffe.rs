//! SPIFFE IDs: `spiffe://`, a trust domain, and the path of a workload.

/// Longer ones need not be supported (SPIFFE-ID section 2.3).
const LONGEST: usize = 2048;
const SCHEME: &str = "spiffe://";

/// The trust domain with its scheme, and the path behind it, of an id in its only form (SPIFFE-ID section 2).
pub(in crate::identity::jwt) fn trust_domain(id: &str) -> Option<(&str, &str)> {
    let rest = id.strip_prefix(SCHEME).filter(|_| id.len() <= LONGEST)?;
    let length = rest.find('/').unwrap_or(rest.len());
    let (domain, path) = rest.split_at_checked(length)?;
    let of_domain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
    let of_path = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    let is_segment = |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(of_path);
    let is_path = path.is_empty() || path.split('/').skip(1).all(is_segment);
    let is_id = !domain.is_empty() && domain.bytes().all(of_domain) && is_path;
    let named = id.get(..id.len().checked_sub(path.len())?)?;
    is_id.then_some((named, path))
}

/// True for the id of a workload in the trust domain, which is named with its scheme.
pub(in crate::identity::jwt) fn is_workload_of(domain: &str, id: &str) -> bool {
    trust_domain(id).is_some_and(|(of, path)| of == domain && !path.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{is_workload_of, trust_domain};

    #[test]
    fn an_id_has_one_form() {
        for (id, want, note) in [
            ("spiffe://example.org/ns/a/sa/b", Some(("spiffe://example.org", "/ns/a/sa/b")), "a workload"),
            ("spiffe://example.org", Some(("spiffe://example.org", "")), "a trust domain"),
            ("spiffe://a_b-1.x/Y.z", Some(("spiffe://a_b-1.x", "/Y.z")), "every kind of character"),
            ("SPIFFE://example.org/a", None, "a scheme in capitals"),
            ("spiffe://Example.org/a", None, "a trust domain in capitals"),
            ("spiffe://example.org:443/a", None, "a port"),
            ("spiffe://u@example.org/a", None, "a user"),
            ("spiffe:///a", None, "no trust domain"),
            ("spiffe://example.org/", None, "an empty path"),
            ("spiffe://example.org/a/", None, "an empty segment at the end"),
            ("spiffe://example.org//a", None, "an empty segment"),
            ("spiffe://example.org/a/../b", None, "a dot segment"),
            ("spiffe://example.org/%61", None, "an escape"),
            ("spiffe://example.org/a?b", None, "a query"),
            ("spiffe://example.org/a#b", None, "a fragment"),
            ("https://example.org/a", None, "another scheme"),
            ("", None, "nothing"),
        ] {
            assert_eq!(trust_domain(id), want, "{note}");
        }
        assert_eq!(trust_domain(&format!("spiffe://a/{}", "b".repeat(2048))), None, "too long");
    }

    #[test]
    fn a_workload_is_in_one_trust_domain() {
        for (id, is_in, note) in [
            ("spiffe://example.org/a", true, "in it"),
            ("spiffe://example.org", false, "the domain itself"),
            ("spiffe://example.org.evil/a", false, "one that begins like it"),
            ("spiffe://evil/example.org/a", false, "one in whose path it stands"),
            ("alice", false, "no id"),
        ] {
            assert_eq!(is_workload_of("spiffe://example.org", id), is_in, "{note}");
        }
    }
}
