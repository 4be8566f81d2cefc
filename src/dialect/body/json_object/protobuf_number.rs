//! Numbers as protobuf's JSON mapping takes them, which Gemini's bodies follow: an integer may stand in a text, and be
//! written with a fraction of zero or with an exponent (<https://protobuf.dev/programming-guides/json/>).

use serde_json::{Number, Value};

/// The largest integer below which a double holds every one.
const MAX_EXACT: f64 = 9_007_199_254_740_991.0;

/// A whole number that is not negative; `None` where it is none, or not exactly.
pub(in crate::dialect::body) fn whole_number(sent: &Value) -> Option<u64> {
    match sent {
        Value::Number(number) => whole(number),
        Value::String(text) => {
            // A reader of numbers passes over blanks; protobuf's does not.
            let is_number = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
            let number = text.chars().all(is_number).then(|| serde_json::from_str(text).ok()).flatten()?;
            whole(&number)
        }
        _ => None,
    }
}

fn whole(number: &Number) -> Option<u64> {
    if let Some(whole) = number.as_u64() {
        return Some(whole);
    }
    let double = number.as_f64()?;
    let is_whole = double.is_sign_positive() && double.fract() == 0.0 && double <= MAX_EXACT;
    // Exact: it has no fraction and fits.
    is_whole.then_some(double as u64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::whole_number;

    #[test]
    fn an_integer_has_several_spellings() {
        for (sent, want) in [
            (json!(100), Some(100)),
            (json!(100.0), Some(100)),
            (json!(1e2), Some(100)),
            (json!("100"), Some(100)),
            (json!("1e2"), Some(100)),
            (json!("100.0"), Some(100)),
            (json!("0"), Some(0)),
            (json!(1.5), None),
            (json!("1.5"), None),
            (json!(-1), None),
            (json!("-0"), None),
            (json!(1e300), None),
            (json!(""), None),
            (json!(" 1"), None),
            (json!("1 "), None),
            (json!("+1"), None),
            (json!("01"), None),
            (json!("0x10"), None),
            (json!("1_0"), None),
            (json!("NaN"), None),
            (json!(true), None),
            (json!([1]), None),
        ] {
            assert_eq!(whole_number(&sent), want, "{sent}");
        }
    }
}
