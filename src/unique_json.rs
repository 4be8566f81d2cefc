//! Reads JSON that every reader understands alike: no name occurs twice in an object, at any depth.
//!
//! RFC 7519 section 4 lets a parser keep the last of two equal claims; then a gateway and a provider could
//! see two subjects in one token. Nesting is bounded by `serde_json`'s own limit of 128.

use std::cell::Cell;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The object in `bytes`; `None` where it is not one object or a name occurs twice.
pub fn object(bytes: &[u8]) -> Option<Map<String, Value>> {
    let room = Cell::new(usize::MAX);
    match read(serde_json::Deserializer::from_slice(bytes), &room)? {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

/// Why there is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is no JSON, or a name occurs twice in an object.
    Ambiguous,
    /// It holds more values than there is room for.
    TooMany,
}

/// The value that is `text`, with at most `room` values in it, itself among them; `room` is what it leaves.
///
/// # Errors
/// See [`Unread`].
pub fn value(text: &str, room: &Cell<usize>) -> Result<Value, Unread> {
    read(serde_json::Deserializer::from_str(text), room).ok_or(match room.get() {
        0 => Unread::TooMany,
        _ => Unread::Ambiguous,
    })
}

fn read<'de, R: serde_json::de::Read<'de>>(
    mut json: serde_json::Deserializer<R>,
    room: &Cell<usize>,
) -> Option<Value> {
    let value = Unique(room).deserialize(&mut json).ok()?;
    json.end().ok().map(|()| value)
}

/// Reads a value while there is room for it.
struct Unique<'a>(&'a Cell<usize>);

impl<'de> DeserializeSeed<'de> for Unique<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let left = self.0.get().checked_sub(1).ok_or_else(|| de::Error::custom("too many values"))?;
        self.0.set(left);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unique<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON without repeated names")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = access.next_element_seed(Unique(self.0))? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            if object.insert(name, access.next_value_seed(Unique(self.0))?).is_some() {
                return Err(de::Error::custom("a name occurs twice"));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::{Unread, object, value};

    #[test]
    fn a_value_has_room_or_is_none() {
        for (text, values) in [("7", 1), ("[]", 1), ("[1,[2]]", 4), (r#"{"a":{"b":null},"c":[]}"#, 4)] {
            let room = Cell::new(values);
            assert!(value(text, &room).is_ok(), "{text}");
            assert_eq!(room.get(), 0, "{text}");
            assert_eq!(value(text, &Cell::new(values - 1)), Err(Unread::TooMany), "{text}");
        }
        assert_eq!(value(r#"[{"a":1,"a":1}]"#, &Cell::new(9)), Err(Unread::Ambiguous));
        assert_eq!(value("1 2", &Cell::new(9)), Err(Unread::Ambiguous));
    }

    #[test]
    fn only_one_object_with_unique_names_is_read() {
        for (text, read, note) in [
            (r#"{"a":1,"b":{"a":2},"c":[{"a":1},{"a":1}]}"#, true, "equal names in different objects"),
            (r#"{}"#, true, "an empty object"),
            (r#"{"a":1,"a":1}"#, false, "a name twice"),
            (r#"{"a":1,"\u0061":2}"#, false, "a name twice, once escaped"),
            (r#"{"b":[{"a":1,"a":2}]}"#, false, "a name twice, deeper"),
            (r#"{"a":1}{"b":2}"#, false, "two objects"),
            (r#"[1]"#, false, "an array"),
            (r#"{"a":1e999}"#, false, "a number beyond floating point"),
            (r#"{"a":NaN}"#, false, "no JSON"),
            ("", false, "nothing"),
        ] {
            assert_eq!(object(text.as_bytes()).is_some(), read, "{note}: {text}");
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(object(deep.as_bytes()), None, "nesting is bounded");
        assert_eq!(object(b"{\"a\":\"\xff\"}"), None, "not UTF-8");
    }
}
