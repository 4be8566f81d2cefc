//! The dialect a caller probably speaks, where no upstream says it, and in whose words.
//!
//! It decides only in which shape a denial is written, nothing else.

use super::table;
use crate::request::{Dialect, RequestHead, Wire};

/// In whose words a caller that speaks `dialect` reads a refusal at this path.
pub fn wire_at(dialect: Dialect, request: &RequestHead) -> Wire {
    table::wire_at(dialect, request.path_only())
}

/// The dialect guessed from the path, then from the headers; `Openai` where nothing tells.
pub fn guess(request: &RequestHead) -> Dialect {
    by_path(request.path_only()).or_else(|| by_headers(request)).unwrap_or(Dialect::Openai)
}

fn by_path(path: &str) -> Option<Dialect> {
    const GEMINI: [&str; 5] =
        ["generatecontent", "embedcontent", "batchembedcontents", "counttokens", "/v1beta/"];
    const BEDROCK: [&str; 4] = ["/converse", "/converse-stream", "/invoke", "/invoke-with-response-stream"];
    let path = path.to_ascii_lowercase();
    if path.contains("/model/") && BEDROCK.iter().any(|end| path.ends_with(end)) {
        return Some(Dialect::Bedrock);
    }
    if path.contains("/openai/deployments/") {
        return Some(Dialect::Azure);
    }
    if path.contains("/projects/") && path.contains("/locations/") {
        return Some(Dialect::Vertex);
    }
    if GEMINI.iter().any(|part| path.contains(part)) {
        return Some(Dialect::Gemini);
    }
    (path.contains("/v1/messages") || path.ends_with("/v1/complete")).then_some(Dialect::Anthropic)
}

fn by_headers(request: &RequestHead) -> Option<Dialect> {
    const MARKS: [(&str, Dialect); 5] = [
        ("anthropic-version", Dialect::Anthropic),
        ("x-goog-api-key", Dialect::Gemini),
        ("x-amz-date", Dialect::Bedrock),
        ("api-key", Dialect::Azure),
        ("x-api-key", Dialect::Anthropic),
    ];
    let sent = |mark: &str| request.headers().any(|(name, _)| name == mark);
    MARKS.into_iter().find(|(mark, _)| sent(mark)).map(|(_, dialect)| dialect)
}

#[cfg(test)]
mod tests {
    use super::{guess, wire_at};
    use crate::request::{Dialect, RequestHead, Wire};

    #[test]
    fn the_path_tells_before_the_headers_do() {
        let rows = [
            ("nothing tells", "/", "accept", Dialect::Openai),
            ("OpenAI's path", "/v1/chat/completions", "authorization", Dialect::Openai),
            ("Azure's path", "/openai/deployments/gpt/chat/completions", "x-api-key", Dialect::Azure),
            ("Azure's header", "/openai/v1/responses", "api-key", Dialect::Azure),
            ("Anthropic's path", "/anthropic/v1/messages?beta=true", "authorization", Dialect::Anthropic),
            ("Anthropic's version", "/v1/models", "anthropic-version", Dialect::Anthropic),
            ("Anthropic's key", "/v1/models", "x-api-key", Dialect::Anthropic),
            ("Gemini's verb", "/v1/models/g:streamGenerateContent", "accept", Dialect::Gemini),
            ("Gemini's key", "/v1/models", "x-goog-api-key", Dialect::Gemini),
            ("Gemini in OpenAI's words", "/v1beta/openai/chat/completions", "accept", Dialect::Gemini),
            ("Vertex's path", "/v1/projects/p/locations/l/x/models/m:predict", "x-api-key", Dialect::Vertex),
            ("Bedrock's path", "/model/a%2Fb/converse-stream", "accept", Dialect::Bedrock),
            ("Bedrock's header", "/x", "x-amz-date", Dialect::Bedrock),
        ];
        for (note, path, header, expected) in rows {
            let request =
                RequestHead::new(vec![(":path".to_owned(), path.into()), (header.to_owned(), b"x".to_vec())]);
            assert_eq!(guess(&request), expected, "{note}");
        }
    }
    #[test]
    fn the_words_are_those_of_the_path() {
        for (dialect, path, want, note) in [
            (Dialect::Gemini, "/v1beta/models/m:generateContent", Wire::Gemini, "Gemini's own"),
            (Dialect::Gemini, "/x/v1beta/openai/chat/completions", Wire::Openai, "OpenAI's, behind a prefix"),
            (
                Dialect::Vertex,
                "/v1/projects/p/locations/l/publishers/google/models/m:x",
                Wire::Gemini,
                "Google's",
            ),
            (
                Dialect::Vertex,
                "/v1/projects/p/locations/l/publishers/anthropic/models/m:x",
                Wire::Anthropic,
                "Anthropic's, of what nobody knows too",
            ),
            (
                Dialect::Vertex,
                "/v1//projects/p/locations/l/publishers/anthropic/models/m:rawPredict",
                Wire::Anthropic,
                "and of what two could read in two ways",
            ),
            (
                Dialect::Vertex,
                "/v1/projects/p/locations/l/endpoints/openapi/chat/completions",
                Wire::Openai,
                "OpenAI's",
            ),
            (Dialect::Vertex, "/", Wire::Gemini, "Google's elsewhere"),
            (Dialect::Azure, "/openai/v1/responses", Wire::Azure, "Azure's"),
            (Dialect::Openai, "/v1/publishers/anthropic/x", Wire::Openai, "only of those that speak it"),
        ] {
            let request = RequestHead::new(vec![(":path".to_owned(), path.into())]);
            assert_eq!(wire_at(dialect, &request), want, "{note}");
        }
    }
}
