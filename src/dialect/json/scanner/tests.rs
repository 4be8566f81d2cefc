use proptest::prelude::{Just, Strategy, any, prop, prop_assert_eq, prop_oneof, proptest};
use serde_json::Value as Tree;

use super::{Close, Scanner, SyntaxError, Value};

/// What the scanner finds in `json`, as a tree in which every number is 0; `None` where it finds no JSON.
fn scanned(json: &str) -> Option<Tree> {
    let mut scanner = Scanner::new(json);
    let tree = scan(&mut scanner).and_then(|tree| scanner.end().map(|()| tree));
    tree.ok()
}

fn scan(scanner: &mut Scanner<'_>) -> Result<Tree, SyntaxError> {
    Ok(match scanner.value()? {
        Value::Null => Tree::Null,
        Value::False => Tree::Bool(false),
        Value::True => Tree::Bool(true),
        Value::Number => Tree::from(0),
        Value::String(text) => Tree::from(text.unescaped()?),
        Value::Array => {
            let mut list = Vec::new();
            let mut goes_on = scanner.opens(Close::Array)?;
            while goes_on {
                list.push(scan(scanner)?);
                goes_on = scanner.goes_on(Close::Array)?;
            }
            Tree::from(list)
        }
        Value::Object => {
            let mut object = serde_json::Map::new();
            let mut goes_on = scanner.opens(Close::Object)?;
            while goes_on {
                let key = scanner.key()?.unescaped()?.into_owned();
                scanner.colon()?;
                object.insert(key, scan(scanner)?);
                goes_on = scanner.goes_on(Close::Object)?;
            }
            Tree::from(object)
        }
    })
}

/// The same from `serde_json`.
fn expected(json: &str) -> Option<Tree> {
    serde_json::from_str(json).ok().map(without_numbers)
}

fn without_numbers(tree: Tree) -> Tree {
    match tree {
        Tree::Number(_) => Tree::from(0),
        Tree::Array(list) => list.into_iter().map(without_numbers).collect(),
        Tree::Object(object) => {
            object.into_iter().map(|(key, value)| (key, without_numbers(value))).collect()
        }
        other => other,
    }
}

#[test]
fn a_number_is_one_where_serde_json_can_hold_it() {
    let digits = |count: usize| "9".repeat(count);
    let (long, longer) = (digits(308), digits(310));
    let numbers = [
        "0",
        "-0",
        "00",
        "01",
        "-",
        "-01",
        "+1",
        ".5",
        "1.",
        "1.5",
        "1.e1",
        "1e",
        "1e+",
        "1e5",
        "1E-5",
        "1e+05",
        "1e308",
        "1e309",
        "-1e309",
        "0e999999",
        "1e-999999",
        "1e99999999999999999999",
        "0x1",
        "NaN",
        "Infinity",
        "1 2",
        &long,
        &longer,
    ];
    for number in numbers {
        assert_eq!(scanned(number), expected(number), "{number}");
    }
}

#[test]
fn an_escape_is_one_where_it_stands_for_unicode() {
    let escapes = [
        r"\n",
        r"\/",
        r#"\""#,
        r"\\",
        r"\a",
        r"\N",
        r"\",
        r"\u",
        r"\u00e",
        r"\u00e9",
        r"\u00E9",
        r"\u00g9",
        r"\u+0e9",
        r"\ud83d\ude00",
        r"\uD83D\uDE00",
        r"\ud83d",
        r"\ud83dx",
        r"\ud83d\n",
        r"\ud83d\u0041",
        r"\ud83d\ud83d",
        r"\ude00",
        r"\ude00\ud83d",
        r"\u0000",
    ];
    for escape in escapes {
        let text = format!("\"{escape}\"");
        assert_eq!(scanned(&text), expected(&text), "{escape}");
    }
}

/// Blocks, words and what remains of them are searched in different ways.
#[test]
fn what_ends_a_text_is_found_wherever_it_stands() {
    for before in 0..100 {
        for special in
            ["\"", "\\n\"", "\\", "\u{0}\"", "\u{1f}\"", "\u{7f}\"", "!\"", "\u{e9}\"", "\u{1f600}\"", ""]
        {
            for behind in [0, 1, 7, 40] {
                let json = format!("\"{}{special}{}", "[".repeat(before), " ".repeat(behind));
                assert_eq!(scanned(&json), expected(&json), "`{special}` behind {before}, before {behind}");
            }
        }
    }
}

/// A tree whose texts hold everything that is escaped.
fn trees() -> impl Strategy<Value = Tree> {
    let text = prop_oneof![any::<String>(), r#"[a-z\\"/\x00-\x20\u{e9}\u{1f600}]{0,50}"#];
    let leaf = prop_oneof![
        Just(Tree::Null),
        any::<bool>().prop_map(Tree::from),
        any::<f64>().prop_map(Tree::from),
        any::<i64>().prop_map(Tree::from),
        text.clone().prop_map(Tree::from),
    ];
    leaf.prop_recursive(4, 30, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Tree::from),
            prop::collection::hash_map(text.clone(), inner, 0..5)
                .prop_map(|object| Tree::Object(object.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_tree_is_found_as_it_was_written(tree in trees()) {
        let found = Some(without_numbers(tree.clone()));
        prop_assert_eq!(scanned(&tree.to_string()), found.clone());
        prop_assert_eq!(scanned(&serde_json::to_string_pretty(&tree).unwrap()), found);
    }

    #[test]
    fn a_damaged_tree_is_accepted_where_serde_json_accepts_it(
        tree in trees(),
        place in any::<prop::sample::Index>(),
        damage in r#"[{}\[\]",:0-9a-f\\u+. \x00-\x20-]{0,2}"#,
    ) {
        let mut json: Vec<char> = tree.to_string().chars().collect();
        let place = place.index(json.len());
        json.splice(place..=place, damage.chars());
        let json: String = json.into_iter().collect();
        prop_assert_eq!(scanned(&json), expected(&json));
    }

    #[test]
    fn something_like_json_is_accepted_where_serde_json_accepts_it(json in r#"[{}\[\]",:0-9a-f\\u. eE+tn-]{0,40}"#) {
        prop_assert_eq!(scanned(&json), expected(&json));
    }
}
