//! One line of JSON, member by member.
//!
//! A record has some thirty members, and their names are ours: nothing in them is to be escaped, and seldom in a value.

use super::truncated_text::TruncatedText;

/// The value of one member.
#[derive(Clone, Debug)]
pub(super) enum Value<'a> {
    /// The member is left out.
    Absent,
    Text(&'a str),
    Number(u64),
    Flag(bool),
    /// Left out where it is empty.
    Texts(&'a [&'a str]),
    /// JSON, as it is.
    Written(String),
}

/// A line that is being written.
#[derive(Clone, Debug)]
pub struct Line {
    text: String,
    /// The members of which a text was cut.
    cut: Vec<&'static str>,
}

/// What many lines have in common.
#[derive(Clone, Debug)]
pub struct Members {
    text: String,
    cut: Vec<&'static str>,
}

impl Line {
    /// An empty one, whose text does not move before it has `room` bytes.
    pub fn with_room(room: usize) -> Self {
        let mut text = String::with_capacity(room);
        text.push('{');
        Self { text, cut: Vec::new() }
    }

    /// Adds the members that are there. No name holds anything to be escaped.
    pub(super) fn put<'a>(&mut self, members: impl IntoIterator<Item = (&'static str, Value<'a>)>) {
        for (name, value) in members {
            if matches!(value, Value::Absent | Value::Texts([])) {
                continue;
            }
            self.begin(name);
            if self.value(&value) {
                self.cut.push(name);
            }
        }
    }

    /// Adds a list of objects, each with its members. It is cut where one of them is.
    pub(super) fn put_list<'a, M: IntoIterator<Item = (&'static str, Value<'a>)>>(
        &mut self,
        name: &'static str,
        objects: impl IntoIterator<Item = M>,
    ) {
        self.begin(name);
        let cut_before = self.cut.len();
        for (index, members) in objects.into_iter().enumerate() {
            self.text.push_str(if index == 0 { "[{" } else { ",{" });
            self.put(members);
            self.text.push('}');
        }
        self.text.push(']');
        if self.cut.len() > cut_before {
            self.cut.truncate(cut_before);
            self.cut.push(name);
        }
    }

    /// Adds an object of texts. No name holds anything to be escaped.
    pub(super) fn put_texts<'a>(
        &mut self,
        name: &'static str,
        texts: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) {
        self.begin(name);
        self.text.push('{');
        let mut is_cut = false;
        for (name, text) in texts {
            self.begin(name);
            is_cut |= self.bounded(text);
        }
        self.text.push('}');
        if is_cut {
            self.cut.push(name);
        }
    }

    pub fn append(&mut self, members: &Members) {
        if !members.text.is_empty() {
            self.separate();
            self.text.push_str(&members.text);
        }
        self.cut.extend_from_slice(&members.cut);
    }

    /// The line, which says at its end what of it was cut.
    pub fn finish(mut self) -> String {
        let cut = std::mem::take(&mut self.cut);
        self.put([("claimgate.cut", cut.as_slice().into())]);
        self.text.push('}');
        self.text
    }

    /// What has been put into it, for other lines.
    pub fn members(mut self) -> Members {
        self.text.remove(0);
        self.text.shrink_to_fit();
        Members { text: self.text, cut: self.cut }
    }

    /// Begins a member.
    fn begin(&mut self, name: &str) {
        self.separate();
        self.text.push('"');
        self.text.push_str(name);
        self.text.push_str("\":");
    }

    /// No value ends with the bracket that opens an object.
    fn separate(&mut self) {
        if !self.text.ends_with('{') {
            self.text.push(',');
        }
    }

    /// True where a text of it was cut.
    fn value(&mut self, value: &Value<'_>) -> bool {
        match value {
            Value::Absent => {}
            Value::Text(text) => return self.bounded(text),
            Value::Number(number) => self.text.push_str(itoa::Buffer::new().format(*number)),
            Value::Flag(flag) => self.text.push_str(if *flag { "true" } else { "false" }),
            Value::Texts(texts) => {
                let mut is_cut = false;
                for (index, text) in texts.iter().enumerate() {
                    self.text.push(if index == 0 { '[' } else { ',' });
                    is_cut |= self.bounded(text);
                }
                self.text.push(']');
                return is_cut;
            }
            Value::Written(json) => self.text.push_str(json),
        }
        false
    }

    /// True where it was cut.
    fn bounded(&mut self, text: &str) -> bool {
        let (text, is_cut) = TruncatedText::of(text).with_mark();
        self.text(&text);
        is_cut
    }

    /// RFC 8259 section 7.
    fn text(&mut self, text: &str) {
        let is_escaped = |byte: &u8| *byte < 0x20 || matches!(byte, b'"' | b'\\');
        // The compiler makes a few instructions of many bytes, as long as nothing ends the work early.
        match text.as_bytes().iter().fold(false, |found, byte| found | is_escaped(byte)) {
            true => self.text.push_str(&serde_json::Value::from(text).to_string()),
            false => {
                self.text.push('"');
                self.text.push_str(text);
                self.text.push('"');
            }
        }
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a [&'a str]> for Value<'a> {
    fn from(texts: &'a [&'a str]) -> Self {
        Self::Texts(texts)
    }
}

impl From<u64> for Value<'_> {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<u32> for Value<'_> {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<bool> for Value<'_> {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl<'a, T: Into<Self>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Absent, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::{Line, Value};

    #[test]
    fn members_that_are_not_there_leave_no_trace() {
        let nothing: [&str; 0] = [];
        let mut common = Line::with_room(0);
        common.put([("c", Value::Absent)]);
        let (mut line, empty) = (Line::with_room(0), common.clone().members());
        common.put([("c", "é".into()), ("d", Value::Written("[{}]".to_owned()))]);
        line.append(&empty);
        line.put([("a", None::<u64>.into()), ("b", nothing.as_slice().into())]);
        assert_eq!(line.clone().finish(), "{}");
        line.append(&common.members());
        line.append(&empty);
        line.put([("e", true.into()), ("f", Some(0_u32).into()), ("g", ["x", "\"y"].as_slice().into())]);
        assert_eq!(line.finish(), r#"{"c":"é","d":[{}],"e":true,"f":0,"g":["x","\"y"]}"#);
    }

    #[test]
    fn a_line_says_what_of_it_was_cut() {
        let long = "x".repeat(1 << 20);
        let mut common = Line::with_room(0);
        common.put([("c", long.as_str().into()), ("d", "short".into())]);
        let mut line = Line::with_room(0);
        line.put([("a", ["b", &long].as_slice().into())]);
        line.put_list("e", [[("f", "short".into())], [("f", long.as_str().into())]]);
        line.append(&common.members());
        line.put_list("g", [[("f", "short".into())]]);
        let line = line.finish();
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["claimgate.cut"], json!(["a", "e", "c"]));
        assert_eq!((&read["d"], &read["a"][0]), (&json!("short"), &json!("b")));
        assert_eq!((&read["e"][0], &read["g"]), (&json!({ "f": "short" }), &json!([{ "f": "short" }])));
        assert!(read["c"].as_str().unwrap().ends_with("x…") && line.len() < 3400, "{}", line.len());
    }

    proptest! {
        #[test]
        fn any_value_is_read_back(text in any::<String>(), number in any::<u64>(), flag in any::<bool>()) {
            let mut line = Line::with_room(0);
            line.put([("text", text.as_str().into()), ("number", number.into()), ("flag", flag.into())]);
            let read: serde_json::Value = serde_json::from_str(&line.finish()).unwrap();
            prop_assert_eq!(read, json!({ "text": text, "number": number, "flag": flag }));
        }

        #[test]
        fn no_control_byte_ends_the_line(text in "[\\x00-\\x22\\\\]*") {
            let mut line = Line::with_room(0);
            line.put([("text", text.as_str().into())]);
            let line = line.finish();
            prop_assert!(line.bytes().all(|byte| byte >= 0x20), "{}", line);
        }
    }
}
