//! One line of JSON, member by member.
//!
//! A record has some thirty members, and their names are ours: nothing in them is to be escaped, and seldom in a value.

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
pub struct Line(String);

/// What many lines have in common.
#[derive(Clone, Debug)]
pub struct Members(String);

impl Line {
    /// An empty one, whose text does not move before it has `room` bytes.
    pub fn with_room(room: usize) -> Self {
        let mut text = String::with_capacity(room);
        text.push('{');
        Self(text)
    }

    /// Adds the members that are there. No name holds anything to be escaped.
    pub(super) fn put<'a>(&mut self, members: impl IntoIterator<Item = (&'static str, Value<'a>)>) {
        for (name, value) in members {
            if matches!(value, Value::Absent | Value::Texts([])) {
                continue;
            }
            self.separate();
            self.0.push('"');
            self.0.push_str(name);
            self.0.push_str("\":");
            self.value(&value);
        }
    }

    pub fn append(&mut self, Members(members): &Members) {
        if !members.is_empty() {
            self.separate();
            self.0.push_str(members);
        }
    }

    pub fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }

    /// What has been put into it, for other lines.
    pub fn members(mut self) -> Members {
        self.0.remove(0);
        self.0.shrink_to_fit();
        Members(self.0)
    }

    fn separate(&mut self) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
    }

    fn value(&mut self, value: &Value<'_>) {
        match value {
            Value::Absent => {}
            Value::Text(text) => self.text(text),
            Value::Number(number) => self.0.push_str(itoa::Buffer::new().format(*number)),
            Value::Flag(flag) => self.0.push_str(if *flag { "true" } else { "false" }),
            Value::Texts(texts) => {
                for (index, text) in texts.iter().enumerate() {
                    self.0.push(if index == 0 { '[' } else { ',' });
                    self.text(text);
                }
                self.0.push(']');
            }
            Value::Written(json) => self.0.push_str(json),
        }
    }

    /// RFC 8259 section 7.
    fn text(&mut self, text: &str) {
        let is_escaped = |byte: &u8| *byte < 0x20 || matches!(byte, b'"' | b'\\');
        // The compiler makes a few instructions of many bytes, as long as nothing ends the work early.
        match text.as_bytes().iter().fold(false, |found, byte| found | is_escaped(byte)) {
            true => self.0.push_str(&serde_json::Value::from(text).to_string()),
            false => {
                self.0.push('"');
                self.0.push_str(text);
                self.0.push('"');
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
