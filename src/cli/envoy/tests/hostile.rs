//! Files that are broken, odd or meant to harm: an error or a finding, never a panic.

use serde_json::{Value, json};

use super::{base, changed, judged};

#[test]
fn what_is_no_file_of_envoys_is_refused() {
    for (note, text, needle) in [
        ("nothing", "", "this is no Envoy bootstrap"),
        ("a word", "envoy", "this is no Envoy bootstrap"),
        ("a list", "[1, 2]", "this is no Envoy bootstrap"),
        ("the gateway's own file", "upstreams: []\npolicies: []\n", "this is no Envoy bootstrap"),
        ("no YAML", "static_resources: [", "this is not YAML"),
        ("a name written twice", "admin: {}\nadmin: {}\n", "the field `admin` is written twice"),
        ("two documents", "admin: {}\n---\nadmin: {}\n", ""),
    ] {
        let errors = judged("kind", &[text.to_owned()], true).expect_err(note);
        assert!(errors[0].to_string().contains(needle), "{note}: {errors:?}");
    }
}

#[test]
fn what_nests_too_deep_is_refused() {
    for text in [
        format!("static_resources: {}{}", "[".repeat(100_000), "]".repeat(100_000)),
        format!("static_resources: {}1{}", "{a: ".repeat(100_000), "}".repeat(100_000)),
        (0..20_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect(),
    ] {
        let errors = judged("deep", &[text], true).unwrap_err();
        assert!(errors[0].to_string().contains("this is not YAML"), "{errors:?}");
    }
}

#[test]
fn aliases_that_multiply_are_refused() {
    let mut text = "admin: {}\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let below = format!("*a{}, ", level - 1).repeat(10);
        text.push_str(&format!("a{level}: &a{level} [{below}]\n"));
    }
    assert!(judged("laughs", &[text], true).is_err());
}

/// Every field of the good configuration in turn as something else.
#[test]
fn a_wrong_shape_anywhere_does_no_harm() {
    let shapes =
        [json!(null), json!(true), json!(-1), json!(1e300), json!("text"), json!([[]]), json!({"a": {}})];
    for base in [base(), changed(&json!({"host": "module"}))] {
        let mut pointers = Vec::new();
        list_pointers(&base, "", &mut pointers);
        assert!(pointers.len() > 150, "{}", pointers.len());
        for (index, pointer) in pointers.iter().enumerate() {
            // Every shape at every place would take long and show no more.
            for shape in shapes.iter().skip(index % 4).step_by(4) {
                let mut document = base.clone();
                *document.pointer_mut(pointer).unwrap() = shape.clone();
                let _ = judged("shape", &[document.to_string()], true);
            }
        }
    }
}

fn list_pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                list_pointers(item, &format!("{at}/{index}"), found);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                list_pointers(field, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        _ => {}
    }
    found.push(at.to_owned());
}
