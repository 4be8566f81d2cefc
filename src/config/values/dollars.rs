//! Money and factors as operators write them.

use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// Dollars, in steps of a millionth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dollars {
    millionths: u64,
}

impl Dollars {
    const MOST: f64 = 1_000_000.0;

    pub fn microdollars(self) -> u64 {
        self.millionths
    }
}

impl<'de> Deserialize<'de> for Dollars {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;

        impl Visitor<'_> for Number {
            type Value = Dollars;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("dollars, such as `2.5`")
            }

            fn visit_f64<E: de::Error>(self, dollars: f64) -> Result<Dollars, E> {
                match (0.0..=Dollars::MOST).contains(&dollars) {
                    // Below the bound the conversion is exact to a fraction of a step.
                    true => Ok(Dollars { millionths: (dollars * 1e6).round() as u64 }),
                    false => Err(E::custom(format_args!(
                        "`{dollars}` is no price; write dollars, from 0 to 1000000"
                    ))),
                }
            }

            fn visit_u64<E: de::Error>(self, dollars: u64) -> Result<Dollars, E> {
                self.visit_f64(dollars as f64)
            }

            fn visit_i64<E: de::Error>(self, dollars: i64) -> Result<Dollars, E> {
                self.visit_f64(dollars as f64)
            }
        }

        deserializer.deserialize_any(Number)
    }
}

impl Serialize for Dollars {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.millionths as f64 / 1e6)
    }
}

/// How many times a price counts, in steps of a millionth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Factor {
    millionths: u64,
}

impl Factor {
    pub const ONE: Self = Self { millionths: 1_000_000 };
    const MOST: f64 = 1000.0;

    pub fn millionths(self) -> u64 {
        self.millionths
    }

    pub fn is_one(&self) -> bool {
        *self == Self::ONE
    }

    pub(in crate::config) fn one() -> Self {
        Self::ONE
    }

    pub(in crate::config) fn read<E: de::Error>(number: f64) -> Result<Self, E> {
        match (0.0..=Self::MOST).contains(&number) {
            true => Ok(Self { millionths: (number * 1e6).round() as u64 }),
            false => Err(E::custom(format_args!(
                "`{number}` is no factor; write a number from 0 to 1000, such as `1.1`"
            ))),
        }
    }
}

impl fmt::Display for Factor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.millionths as f64 / 1e6)
    }
}

impl<'de> Deserialize<'de> for Factor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(f64::deserialize(deserializer)?)
    }
}

impl Serialize for Factor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.millionths as f64 / 1e6)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Dollars, Factor};

    #[test]
    fn prices_read_and_print() {
        for (number, millionths) in
            [(json!(2.5), 2_500_000), (json!(0.01875), 18_750), (json!(15), 15_000_000), (json!(0), 0)]
        {
            let read: Dollars = serde_json::from_value(number.clone()).unwrap();
            assert_eq!(read.microdollars(), millionths);
            let printed = serde_json::to_value(read).unwrap();
            assert_eq!(printed.as_f64(), number.as_f64());
        }
        for (number, want) in
            [(json!(-1), "is no price"), (json!(1e9), "is no price"), (json!("2"), "such as `2.5`")]
        {
            let error = serde_json::from_value::<Dollars>(number).unwrap_err().to_string();
            assert!(error.contains(want), "{error}");
        }
    }

    #[test]
    fn factors_read_and_print() {
        for number in [json!(1.1), json!(0), json!(2)] {
            let read: Factor = serde_json::from_value(number.clone()).unwrap();
            assert_eq!(serde_json::to_value(read).unwrap().as_f64(), number.as_f64());
        }
        assert_eq!(serde_json::from_value::<Factor>(json!(1.1)).unwrap().millionths(), 1_100_000);
        for number in [json!(1001), json!(-0.5)] {
            let error = serde_json::from_value::<Factor>(number).unwrap_err().to_string();
            assert!(error.contains("is no factor"), "{error}");
        }
    }
}
