//! One part of a multipart form: its headers, and the value of a field that is read.

use crate::denial::Denial;
use crate::dialect::body::header_value::{BLANKS, HeaderValue, is_token};
use crate::dialect::body::model_name::is_model_name;
use crate::dialect::body::refusal::{ambiguous, malformed};
use crate::dialect::case_folding::fold;

/// The fields that are read, as far as they have come.
#[derive(Clone, Debug, Default)]
pub(in crate::dialect::body) struct FormFacts {
    pub(in crate::dialect::body) model: Option<String>,
    pub(in crate::dialect::body) stream: Option<bool>,
}

/// The headers of one part.
#[derive(Clone, Debug, Default)]
pub(super) struct Field {
    disposition: Option<HeaderValue>,
    media_type: Option<HeaderValue>,
}

impl Field {
    pub(super) fn parse(headers: &[u8]) -> Result<Self, Denial> {
        let headers = std::str::from_utf8(headers).map_err(|_| malformed("a part's header is not UTF-8"))?;
        let mut field = Self::default();
        for line in headers.split("\r\n") {
            let (name, value) =
                line.split_once(':').ok_or_else(|| malformed("a part's header has no colon"))?;
            // A reader that finds no header's name takes the line, and what follows, for the content.
            if line.chars().any(|c| c.is_control() && c != '\t') || !is_token(name) {
                return Err(ambiguous("a part's header can be read in more than one way"));
            }
            match name.to_ascii_lowercase().as_str() {
                "content-disposition" => fill(&mut field.disposition, header_value(value)?)?,
                "content-type" => fill(&mut field.media_type, header_value(value)?)?,
                "content-transfer-encoding" if !is_plain_encoding(value) => {
                    return Err(ambiguous("a part has a transfer encoding"));
                }
                _ => {}
            }
        }
        Ok(field)
    }

    /// The field's name where it is read; refuses a name that some reader takes for one that is.
    pub(super) fn meaning(&self) -> Result<Option<&'static str>, Denial> {
        const READ: [&str; 2] = ["model", "stream"];
        let disposition = self.disposition.as_ref().ok_or_else(|| malformed("a part has no disposition"))?;
        let name = disposition.parameter("name").ok_or_else(|| malformed("a part has no name"))?;
        // Of `name*` and `name*0` some readers make the name.
        let has_other_name = disposition.parameters.iter().any(|(name, _)| name.starts_with("name*"));
        if disposition.value != "form-data" || has_other_name {
            return Err(ambiguous("a part's disposition can be read in more than one way"));
        }
        if name.contains('%') || !name.is_ascii() && READ.iter().any(|read| is_like(read, name)) {
            return Err(ambiguous("a part's name can be read in more than one way"));
        }
        if is_like("_charset_", name) {
            return Err(ambiguous("the form names a charset"));
        }
        match READ.into_iter().find(|read| is_like(read, name)) {
            Some(read) if read == name => Ok(Some(read)),
            Some(_) => Err(ambiguous("a part's name differs from one that is read only by case or blanks")),
            None => Ok(None),
        }
    }

    /// Puts the value of a field that is read where it belongs.
    pub(super) fn note(&self, content: &[u8], facts: &mut FormFacts) -> Result<(), Denial> {
        match self.meaning()? {
            Some("model") => fill(&mut facts.model, model(self.text(content)?)?),
            Some("stream") => fill(&mut facts.stream, stream(self.text(content)?)?),
            _ => Ok(()),
        }
    }

    /// The value of a field that is read; it must be text, not a file.
    fn text<'b>(&self, content: &'b [u8]) -> Result<&'b str, Denial> {
        let disposition = self.disposition.iter().flat_map(|disposition| &disposition.parameters);
        let is_file = disposition.into_iter().any(|(name, _)| name.starts_with("filename"));
        let is_text = self
            .media_type
            .as_ref()
            .is_none_or(|media_type| media_type.value == "text/plain" && media_type.is_utf8_at_most());
        if is_file || !is_text {
            return Err(ambiguous("a field that is read is a file or not plain text"));
        }
        std::str::from_utf8(content).map_err(|_| malformed("a field that is read is not UTF-8"))
    }
}

fn header_value(value: &str) -> Result<HeaderValue, Denial> {
    HeaderValue::parse(value).ok_or_else(|| ambiguous("a part's header can be read in more than one way"))
}

fn is_plain_encoding(value: &str) -> bool {
    ["7bit", "8bit", "binary"].iter().any(|plain| value.trim_matches(BLANKS).eq_ignore_ascii_case(plain))
}

/// True where a reader that trims, folds, counts lists or drops a byte order mark takes `name` for `read`.
fn is_like(read: &str, name: &str) -> bool {
    name.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}')
        .trim_end_matches("[]")
        .chars()
        .map(fold)
        .eq(read.chars())
}

fn model(text: &str) -> Result<String, Denial> {
    match is_model_name(text) {
        true => Ok(text.to_owned()),
        false => Err(malformed("the model is empty, padded or holds a control character")),
    }
}

fn stream(text: &str) -> Result<bool, Denial> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(malformed("`stream` must be `true` or `false`")),
    }
}

/// Sets what may be said only once.
fn fill<T>(place: &mut Option<T>, value: T) -> Result<(), Denial> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(ambiguous("a field or a part's header comes twice")),
    }
}
