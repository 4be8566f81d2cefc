//! Where providers give short-lived tokens of their own: they are good at the provider, past this gateway.
//!
//! It says which path asks for one, and in which shape. It gives none.

use super::path::Path;
use super::pattern::bind;
use crate::request::{Dialect, RequestHead};

/// The shape of such a token, as question and answer have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenShape {
    /// OpenAI's client secret of a realtime session (<https://platform.openai.com/docs/api-reference/realtime-sessions>).
    ClientSecret,
    /// A realtime session with its client secret in it, as OpenAI had it before.
    Session,
    /// The same, which only transcribes.
    TranscriptionSession,
    /// Gemini's ephemeral token (<https://ai.google.dev/gemini-api/docs/ephemeral-tokens>).
    AuthToken,
    /// For a page of the provider's, which would not come by here.
    Foreign,
}

const OPENAI: &[(&str, TokenShape)] = &[
    ("/realtime/client_secrets", TokenShape::ClientSecret),
    ("/realtime/translations/client_secrets", TokenShape::ClientSecret),
    ("/realtime/sessions", TokenShape::Session),
    ("/realtime/transcription_sessions", TokenShape::TranscriptionSession),
    ("/realtimeapi/sessions", TokenShape::Session),
    ("/chatkit/sessions", TokenShape::Foreign),
];

const GEMINI: &[(&str, TokenShape)] =
    &[("/{version}/auth_tokens", TokenShape::AuthToken), ("/{version}/authTokens", TokenShape::AuthToken)];

/// The shape of the token that is asked for; `None` where the request asks for none.
pub fn wanted_token(dialect: Dialect, request: &RequestHead, prefix: Option<&str>) -> Option<TokenShape> {
    // Most paths are told apart by how they end.
    let raw = request.path_only();
    let may_be = |paths: &[(&str, TokenShape)]| {
        paths.iter().any(|(path, _)| path.rsplit('/').next().is_some_and(|last| raw.ends_with(last)))
    };
    if request.method() != "POST" || !(raw.contains('%') || may_be(OPENAI) || may_be(GEMINI)) {
        return None;
    }
    shape(dialect, request.method(), &Path::parse(dialect, request).ok()?.without_prefix(prefix)?)
}

/// As [`wanted_token`], of a path without the upstream's prefix.
pub(super) fn shape(dialect: Dialect, method: &str, path: &Path<'_>) -> Option<TokenShape> {
    let (bases, paths): (&[&str], _) = match dialect {
        Dialect::Openai => (&["/v1", ""], OPENAI),
        Dialect::Azure => (&["/openai/v1", "/openai"], OPENAI),
        Dialect::Gemini => (&[""], GEMINI),
        Dialect::Anthropic | Dialect::Vertex | Dialect::Bedrock => return None,
    };
    if method != "POST" {
        return None;
    }
    bases.iter().find_map(|base| {
        let path = path.without_prefix(Some(base))?;
        paths.iter().find(|(pattern, _)| bind(pattern, path.segments()).is_some()).map(|(_, shape)| *shape)
    })
}

#[cfg(test)]
mod tests {
    use super::{TokenShape, wanted_token};
    use crate::denial::Reason;
    use crate::dialect::recognition::recognise;
    use crate::request::{Dialect, RequestHead};

    fn head(path: &str) -> RequestHead {
        RequestHead::new(vec![(":method".to_owned(), "POST".into()), (":path".to_owned(), path.into())])
    }

    #[test]
    fn what_asks_for_a_token_of_the_providers_is_never_passed_on() {
        use Dialect::{Azure, Gemini, Openai};
        for (dialect, path, want) in [
            (Openai, "/v1/realtime/client_secrets", TokenShape::ClientSecret),
            (Openai, "/v1/realtime/translations/client_secrets", TokenShape::ClientSecret),
            (Openai, "/v1/realtime/sessions", TokenShape::Session),
            (Openai, "/v1/realtime/transcription_sessions", TokenShape::TranscriptionSession),
            (Openai, "/realtime/client_secrets?x=y", TokenShape::ClientSecret),
            (Openai, "/v1/realtime/client%5Fsecrets", TokenShape::ClientSecret),
            (Openai, "/v1/chatkit/sessions", TokenShape::Foreign),
            (Azure, "/openai/v1/realtime/client_secrets", TokenShape::ClientSecret),
            (Azure, "/openai/realtimeapi/sessions?api-version=1", TokenShape::Session),
            (Gemini, "/v1alpha/auth_tokens", TokenShape::AuthToken),
            (Gemini, "/v1beta/authTokens", TokenShape::AuthToken),
        ] {
            let request = head(path);
            assert_eq!(wanted_token(dialect, &request, None), Some(want), "{path}");
            let refused = recognise(dialect, &request, None, &[]).unwrap_err();
            assert_eq!(refused.reason(), Reason::ProviderTokenRefused, "{path}");
        }
        for path in
            ["/v1/chat/completions", "/v1/realtime/client_secrets/x", "/v1/realtime/calls", "/v1/sessions"]
        {
            assert_eq!(wanted_token(Openai, &head(path), None), None, "{path}");
        }
        let prefixed = head("/openai/v1/realtime/client_secrets");
        assert!(wanted_token(Openai, &prefixed, Some("/openai")).is_some());
        assert!(wanted_token(Openai, &prefixed, None).is_none());
    }
}
