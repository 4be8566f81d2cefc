//! A header value with parameters (RFC 9110 section 5.6.6), where every reader takes it alike.

/// RFC 9110 section 5.6.3.
pub(super) const BLANKS: [char; 2] = [' ', '\t'];

/// A header value with parameters, such as `form-data; name="model"`; names in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HeaderValue {
    pub(super) value: String,
    pub(super) parameters: Vec<(String, String)>,
}

impl HeaderValue {
    /// Reads `value; name=token; name="text"`; `None` where a name comes twice, a quoted text holds a
    /// backslash or a quote, or anything is left over. Only blanks are trimmed: to other readers, the spaces of
    /// Unicode are a part of the word.
    pub(super) fn parse(header: &str) -> Option<Self> {
        let (value, mut rest) = split_at_semicolon(header);
        let mut parameters: Vec<(String, String)> = Vec::new();
        while let Some(parameter) = rest {
            let (name, after) = parameter.trim_start_matches(BLANKS).split_once('=')?;
            let (text, next) = match after.strip_prefix('"') {
                Some(quoted) => {
                    let (text, after) = quoted.split_once('"')?;
                    let (between, next) = split_at_semicolon(after);
                    between.trim_matches(BLANKS).is_empty().then_some((text, next))?
                }
                None => {
                    let (text, next) = split_at_semicolon(after);
                    let text = text.trim_end_matches(BLANKS);
                    (is_unquoted(text) || names_file(name) && is_token(text)).then_some((text, next))?
                }
            };
            let name = name.to_ascii_lowercase();
            if !is_token(&name) || text.contains('\\') || parameters.iter().any(|(seen, _)| *seen == name) {
                return None;
            }
            parameters.push((name, text.to_owned()));
            rest = next;
        }
        Some(Self { value: value.trim_matches(BLANKS).to_ascii_lowercase(), parameters })
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(candidate, _)| candidate == name).map(|(_, text)| text.as_str())
    }

    /// True where the only parameter, if any, is a charset within UTF-8.
    pub(super) fn is_utf8_at_most(&self) -> bool {
        let within = |charset: &str| ["utf-8", "utf8", "us-ascii"].contains(&charset);
        self.parameters
            .iter()
            .all(|(name, charset)| name == "charset" && within(&charset.to_ascii_lowercase()))
    }
}

fn split_at_semicolon(text: &str) -> (&str, Option<&str>) {
    match text.split_once(';') {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

/// RFC 9110 section 5.6.2.
pub(super) fn is_token(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !text.is_empty() && text.chars().all(allowed)
}

/// A file's name says nothing that is read, so that its readings do not matter: `filename*=utf-8''a%20b.wav` (RFC 5987),
/// as .NET sends it beside `filename`, and `filename*0=a` (RFC 2231).
fn names_file(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.strip_prefix("filename").is_some_and(|more| more.is_empty() || more.starts_with('*'))
}

/// A token, or one with `[]` behind it, because some clients name form fields so without quotes. Python's email
/// reads what stands around `'`, `*` and `%` as RFC 2231 has it, though nothing says that it is written so.
fn is_unquoted(text: &str) -> bool {
    is_token(text.strip_suffix("[]").unwrap_or(text)) && !text.contains(['\'', '*', '%'])
}
