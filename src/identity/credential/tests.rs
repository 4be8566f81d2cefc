use proptest::prelude::{any, prop, proptest};

use super::{CARRIERS, Carrier, MAX_CREDENTIAL_BYTES, PresentedKind, find, protocols_without_credentials};
use crate::denial::Reason;
use crate::request::RequestHead;

fn request(path: &str, headers: &[(&str, &[u8])]) -> RequestHead {
    let pseudo = [(":method", b"POST".as_slice()), (":path", path.as_bytes())];
    let all = pseudo.iter().chain(headers);
    RequestHead::new(all.map(|(name, value)| ((*name).to_owned(), value.to_vec())).collect())
}

fn found(headers: &[(&str, &str)]) -> Result<(Carrier, PresentedKind, String), Reason> {
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    find(&request("/v1/chat/completions", &headers))
        .map(|presented| (presented.carrier, presented.kind, presented.text().to_owned()))
        .map_err(|denial| denial.reason())
}

#[test]
fn one_credential_is_found_wherever_an_sdk_puts_it() {
    for (headers, carrier, note) in [
        (vec![("authorization", "Bearer k-1")], Carrier::Authorization, "OpenAI"),
        (vec![("authorization", "bearer k-1")], Carrier::Authorization, "the scheme in another case"),
        (vec![("authorization", "BEARER   k-1")], Carrier::Authorization, "several spaces"),
        (vec![("x-api-key", "k-1")], Carrier::XApiKey, "Anthropic"),
        (vec![("api-key", "k-1")], Carrier::ApiKey, "Azure OpenAI"),
        (vec![("x-goog-api-key", "k-1")], Carrier::XGoogApiKey, "Gemini"),
        (
            vec![("x-api-key", "k-1"), ("authorization", "Bearer k-1")],
            Carrier::Authorization,
            "the same one twice, as Anthropic's SDK sends it when both variables are set",
        ),
        (
            vec![
                ("upgrade", "websocket"),
                ("sec-websocket-protocol", "realtime, openai-insecure-api-key.k-1, openai-beta.realtime-v1"),
            ],
            Carrier::WebSocketProtocol,
            "a browser's WebSocket",
        ),
        (
            vec![("x-api-key", "k-1"), ("x_api_key", "k-2")],
            Carrier::XApiKey,
            "an underscore form is not read",
        ),
        (
            vec![("api-key", "k-1"), ("proxy-authorization", "Bearer k-2")],
            Carrier::ApiKey,
            "nor is the proxy's",
        ),
    ] {
        assert_eq!(found(&headers), Ok((carrier, PresentedKind::ApiKey, "k-1".to_owned())), "{note}");
    }
}

#[test]
fn a_header_without_a_value_holds_no_credential() {
    for (empty, note) in [
        (("api-key", ""), "as sent for a key that is not set"),
        (("x-api-key", ""), "Anthropic's SDKs with an empty variable"),
        (("x-goog-api-key", ""), "Gemini's"),
        (("x-api-key", "  \t"), "blanks"),
        (("authorization", ""), "no scheme"),
        (("authorization", "Bearer"), "the scheme alone"),
        (("authorization", "Bearer "), "the scheme and a space"),
        (("authorization", "bearer \t "), "the scheme and blanks"),
        (("authorization", "DPoP"), "the other scheme"),
    ] {
        let (name, carrier) = match empty.0 {
            "authorization" => ("x-api-key", Carrier::XApiKey),
            _ => ("authorization", Carrier::Authorization),
        };
        let value = if name == "authorization" { "Bearer k-1" } else { "k-1" };
        let want = Ok((carrier, PresentedKind::ApiKey, "k-1".to_owned()));
        assert_eq!(found(&[(name, value), empty]), want, "{note}");
        assert_eq!(found(&[empty]), Err(Reason::CredentialMissing), "{note}, and nothing else");
    }
    let twice = [("x-api-key", ""), ("x-api-key", "k-1")];
    assert_eq!(found(&twice).unwrap().2, "k-1", "an empty line beside the real one");
    let protocols = [
        ("authorization", "Bearer k-1"),
        ("upgrade", "websocket"),
        ("sec-websocket-protocol", "realtime, openai-insecure-api-key."),
    ];
    assert_eq!(found(&protocols).unwrap().0, Carrier::Authorization, "an empty subprotocol key");
}

#[test]
fn a_parameter_without_a_value_holds_no_credential() {
    let headers: [(&str, &[u8]); 1] = [("x-goog-api-key", b"k-1")];
    for (query, is_found, note) in [
        ("key=", true, "no value"),
        ("key", true, "not even a sign of one"),
        ("alt=sse&key=&a=b", true, "among others"),
        ("a=b;key=", true, "the last of a list in another style"),
        ("key=;a=b", false, "a value to those who do not split there"),
        ("key;k-2", false, "the same without a sign"),
        ("key=%20", false, "a blank"),
        ("key==", false, "a sign as value"),
        ("key=&key=k-2", false, "an empty one before another"),
        ("x-amz-signature=", true, "an empty signature"),
    ] {
        let found = find(&request(&format!("/v1beta/models?{query}"), &headers));
        assert_eq!(found.is_ok(), is_found, "{note}");
        if let Err(denial) = found {
            assert_eq!(denial.reason(), Reason::CredentialInQuery, "{note}");
        }
    }
}

#[test]
fn who_signs_as_aws_wants_it_is_told_of_the_bearer_key() {
    for (path, headers, note) in [
        (
            "/model/m/converse",
            vec![("authorization", b"AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature=ab".as_slice())],
            "a signed request",
        ),
        ("/model/m/converse", vec![("authorization", b"AWS4-ECDSA-P256-SHA256 Credential=AKIA/20260101/bedrock/aws4_request".as_slice())], "for all regions"),
        ("/model/m/converse?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=ab", vec![], "a signed URL"),
        ("/model/m/converse?X-Amz-Credential=AKIA%2F20260101", vec![], "one whose credential comes first"),
    ] {
        let denial = find(&request(path, &headers)).unwrap_err();
        assert!(denial.message().contains("`AWS_BEARER_TOKEN_BEDROCK`"), "{note}: {}", denial.message());
        assert_eq!(denial.status(), 401, "{note}");
    }
    let denial = find(&request("/v1beta/models?key=k", &[])).unwrap_err();
    assert!(!denial.message().contains("AWS"), "{}", denial.message());
}

#[test]
fn what_is_absent_double_or_unreadable_is_refused() {
    let long = "k".repeat(MAX_CREDENTIAL_BYTES + 1);
    let long_jwt = format!("Bearer eyJ{long}");
    let protocols = "openai-insecure-api-key.k-1";
    for (headers, reason, note) in [
        (vec![], Reason::CredentialMissing, "nothing"),
        (vec![("x_api_key", "k")], Reason::CredentialMissing, "only an underscore form"),
        (vec![("cookie", "authorization=k")], Reason::CredentialMissing, "a cookie"),
        (
            vec![("sec-websocket-protocol", protocols)],
            Reason::CredentialMissing,
            "a subprotocol without an upgrade",
        ),
        (
            vec![("authorization", "Bearer a, Bearer b")],
            Reason::AmbiguousCredential,
            "two, joined by a proxy",
        ),
        (vec![("authorization", "Bearer a,Basic b")], Reason::AmbiguousCredential, "two schemes"),
        (
            vec![("authorization", "Bearer a"), ("authorization", "Bearer a")],
            Reason::AmbiguousCredential,
            "one header twice",
        ),
        (vec![("x-api-key", "a"), ("x-api-key", "a")], Reason::AmbiguousCredential, "the same for a key"),
        (vec![("x-api-key", "a,b")], Reason::AmbiguousCredential, "two keys in one header"),
        (vec![("x-api-key", "a"), ("api-key", "b")], Reason::AmbiguousCredential, "two keys in two headers"),
        (
            vec![("x-api-key", "a"), ("authorization", "Bearer b")],
            Reason::AmbiguousCredential,
            "a key and a bearer",
        ),
        (
            vec![("x-goog-api-key", "a"), ("authorization", "Basic b")],
            Reason::CredentialMalformed,
            "a key and another scheme",
        ),
        (vec![("authorization", "")], Reason::CredentialMissing, "an empty header"),
        (vec![("authorization", "Bearer")], Reason::CredentialMissing, "the scheme alone"),
        (vec![("authorization", "Bearer  ")], Reason::CredentialMissing, "the scheme and spaces"),
        (vec![("authorization", "dpop")], Reason::CredentialMissing, "the other scheme alone"),
        (vec![("authorization", "Basic")], Reason::CredentialMalformed, "an unknown scheme alone"),
        (
            vec![("authorization", " "), ("x-api-key", ""), ("api-key", "\t"), ("x-goog-api-key", "")],
            Reason::CredentialMissing,
            "nothing in any of them",
        ),
        (
            vec![("authorization", "Bearer a"), ("x-api-key", "?"), ("api-key", "")],
            Reason::AmbiguousCredential,
            "two, and an empty one",
        ),
        (
            vec![("authorization", "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=c")],
            Reason::CredentialMalformed,
            "a signature of AWS",
        ),
        (vec![("authorization", "Basic dTpw")], Reason::CredentialMalformed, "another scheme"),
        (vec![("authorization", "k-1")], Reason::CredentialMalformed, "no scheme"),
        (vec![("authorization", "Bearer\tk-1")], Reason::CredentialMalformed, "a tab behind the scheme"),
        (vec![("authorization", " Bearer k-1")], Reason::CredentialMalformed, "a space before the scheme"),
        (vec![("authorization", "Bearer a b")], Reason::CredentialMalformed, "a space inside"),
        (vec![("x-api-key", "Bearer k-1")], Reason::CredentialMalformed, "a scheme where none belongs"),
        (vec![("x-api-key", "ключ")], Reason::CredentialMalformed, "not ASCII"),
        (vec![("x-api-key", "a\u{7f}")], Reason::CredentialMalformed, "a control character"),
        (vec![("x-api-key", &long)], Reason::CredentialMalformed, "too long"),
        (vec![("authorization", &long_jwt)], Reason::TokenTooLarge, "a token that is too long"),
        (
            vec![("upgrade", "websocket"), ("sec-websocket-protocol", "openai-insecure-api-key.")],
            Reason::CredentialMissing,
            "an empty subprotocol key",
        ),
        (
            vec![
                ("upgrade", "websocket"),
                ("sec-websocket-protocol", protocols),
                ("sec-websocket-protocol", protocols),
            ],
            Reason::AmbiguousCredential,
            "two subprotocol keys",
        ),
        (
            vec![
                ("upgrade", "websocket"),
                ("sec-websocket-protocol", protocols),
                ("authorization", "Bearer b"),
            ],
            Reason::AmbiguousCredential,
            "a subprotocol key and another bearer",
        ),
    ] {
        assert_eq!(found(&headers), Err(reason), "{note}");
    }
    let bytes = find(&request("/", &[("x-api-key", b"\xff\xfe")])).unwrap_err();
    assert_eq!(bytes.reason(), Reason::CredentialMalformed, "bytes that are no text");
}

#[test]
fn an_aws_signature_is_refused_with_the_remedy() {
    let value = "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature=00";
    let denial = find(&request("/", &[("authorization", value.as_bytes())])).unwrap_err();
    assert_eq!(denial.reason(), Reason::CredentialMalformed);
    assert!(format!("{denial:?}").contains("AWS_BEARER_TOKEN_BEDROCK"));
}

#[test]
fn a_credential_in_the_query_is_refused_beside_a_good_one() {
    for (query, refused, note) in [
        ("key=AIza", true, "Gemini's own"),
        ("alt=sse&key=AIza", true, "not the first"),
        ("alt=sse;key=AIza", true, "behind a semicolon"),
        ("API-Key=a", true, "another case and a hyphen"),
        ("api%5Fkey=a", true, "percent-encoded"),
        ("%6bey=a", true, "percent-encoded, the first letter"),
        ("access_token=a", true, "RFC 6750 section 2.3"),
        ("x-goog-api-key=a", true, "a header's name"),
        ("X-Amz-Signature=a", true, "a presigned address"),
        ("key", false, "without a value, which is none"),
        ("key[]=a", true, "a list of one"),
        ("key%5B0%5D=a", true, "a list of one, percent-encoded"),
        ("key%00x=a", true, "cut at NUL by some"),
        ("jwt=a", true, "a token by its kind"),
        ("alt=sse", false, "nothing of the kind"),
        ("pageToken=a&api-version=2024-10-21", false, "names that only contain one"),
        ("alt=key", false, "a value that is a name"),
        ("", false, "an empty query"),
        ("%ff%zz&=&&", false, "rubbish"),
    ] {
        let outcome = find(&request(&format!("/v1/models?{query}"), &[("authorization", b"Bearer k-1")]));
        let reason = outcome.err().map(|denial| denial.reason());
        assert_eq!(reason, refused.then_some(Reason::CredentialInQuery), "{note}: {query}");
    }
}

#[test]
fn a_jwt_is_told_from_a_key_by_its_first_bytes() {
    for (text, kind, note) in [
        ("eyJhbGciOiJFUzI1NiJ9.e30.AAAA", PresentedKind::Jwt, "a JWT"),
        ("eyJhbGciOiJFUzI1NiJ9", PresentedKind::Jwt, "a JWT cut off in its header"),
        ("ewogICJhbGciOiAiRVMyNTYifQ.e30.AAAA", PresentedKind::Jwt, "a header with a line break"),
        ("e30.e30.AAAA", PresentedKind::Jwt, "an empty header"),
        ("a.b.c.d.e", PresentedKind::ApiKey, "dots alone"),
        ("SG.abc.def", PresentedKind::ApiKey, "another system's key with two dots"),
        ("eyes-only-key", PresentedKind::ApiKey, "a key that begins alike"),
        ("cgk_abc", PresentedKind::ApiKey, "a key of this gateway"),
        ("sk-ant-api03-abc", PresentedKind::ApiKey, "a provider's key"),
    ] {
        assert_eq!(found(&[("x-api-key", text)]).map(|(_, kind, _)| kind), Ok(kind), "{note}");
    }
}

#[test]
fn every_carrier_is_stripped() {
    for carrier in Carrier::HEADERS {
        assert!(CARRIERS.contains(&carrier.name()), "{carrier:?}");
    }
    for (value, kept, note) in [
        ("realtime, openai-insecure-api-key.k, openai-beta.v1", "realtime, openai-beta.v1", "the key goes"),
        ("openai-organization.org-1,realtime,openai-project.p", "realtime", "the account goes too"),
        ("OpenAI-Insecure-API-Key.k-1, OpenAI-Project.p, realtime", "realtime", "in another case"),
        ("openai-insecure-api-key.k", "", "nothing is left"),
        ("realtime", "realtime", "nothing to remove"),
    ] {
        assert_eq!(protocols_without_credentials(value), kept, "{note}");
    }
}

proptest! {
    #[test]
    fn no_bytes_panic_and_what_is_found_is_clean(
        path in any::<String>(),
        name in prop::sample::select(vec!["authorization", "x-api-key", "api-key", "sec-websocket-protocol"]),
        value in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let prefixed = [b"Bearer ".as_slice(), &value].concat();
        for value in [&value, &prefixed] {
            if let Ok(presented) = find(&request(&path, &[("upgrade", b"websocket"), (name, value)])) {
                assert!(!presented.text().is_empty());
                assert!(presented.text().bytes().all(|byte| byte.is_ascii_graphic() && byte != b','));
            }
        }
    }
}
