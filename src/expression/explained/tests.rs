use cel_interpreter::common::ast::{EntryExpr, Expr};
use cel_interpreter::{IdedExpr, Value};

use super::written::written;
use super::{CameTo, Explained, Shown};
use crate::expression::{Engine, Fact, Facts, Field, Vocabulary, parsing};

const VOCABULARY: Vocabulary = Vocabulary {
    variables: &[
        Field::object("principal", &[Field::value("tenant"), Field::value("scopes"), Field::value("claims")]),
        Field::object("llm", &[Field::model("model")]),
        Field::object("request", &[Field::value("time"), Field::value("path")]),
    ],
};

struct Call;

impl Facts for Call {
    fn fact(&self, variable: &str, field: Option<&str>) -> Fact {
        match (variable, field) {
            ("principal", Some("tenant")) => Fact::text("acme"),
            ("principal", Some("scopes")) => Fact::texts(&["chat".to_owned(), "files.read".to_owned()]),
            ("principal", Some("claims")) => Fact::Json(serde_json::json!({"plan": "pro", "seats": 3})),
            ("llm", Some("model")) => Fact::text("openai/GPT-4o"),
            ("request", Some("time")) => Fact::Time(1_767_225_600_000), // 2026-01-01T00:00:00Z
            _ => Fact::Absent,
        }
    }
}

/// What the engine gives, and the tree.
fn explain(source: &str) -> (Result<Shown, String>, Explained) {
    let engine = Engine::new().unwrap();
    let expression = engine.compile("test.cel", source, &VOCABULARY).unwrap();
    let scope = engine.scope(expression.reads(), &Call);
    let value = expression.shown(&scope).map_err(|fault| fault.to_string());
    (value, Engine::explain(source, &VOCABULARY, &scope).unwrap())
}

/// One line per part.
fn lines(explained: &Explained, indent: usize, lines: &mut Vec<String>) {
    let entry = explained.entry.as_ref().map(|(name, item)| format!("{name} = {}: ", item.text));
    let came_to = match &explained.came_to {
        CameTo::Value(shown) => format!("= {}", shown.text),
        CameTo::Error(why) => format!("! {why}"),
        CameTo::Skipped(why) => format!("- {why}"),
    };
    let note = explained.note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default();
    let entry = entry.unwrap_or_default();
    lines.push(format!("{}{entry}{} {came_to}{note}", " ".repeat(indent), explained.text));
    explained.children.iter().for_each(|child| self::lines(child, indent.saturating_add(1), lines));
}

const EXPRESSIONS: &[&str] = &[
    "true",
    "principal.tenant == 'acme'",
    "principal.tenant",
    "principal.scopes",
    "principal.claims",
    "principal['tenant'] == \"acme\"",
    "principal.claims.region == 'eu'",
    "principal.claims.region == 'eu' || true",
    "true || principal.claims.region == 'eu'",
    "principal.claims.region == 'eu' && false",
    "principal.claims.region == 'eu' && true",
    "principal.claims.region == 'eu' || false || 1 / 0 == 1 || principal.tenant == 'acme'",
    "(1 / 0 == 1 && true) && (true && false)",
    "true && (false || (true && (false || true)))",
    "true && true && true && true && false && true",
    "(true && true && true) && false",
    "false || (false || (false || true))",
    "'abc' && true",
    "'abc' && false",
    "!(1 / 0 == 1) || !false",
    "has(principal.claims.region) ? principal.claims.region : 'none'",
    "principal.claims.region == '' ? 1 : 2",
    "'a' == 'b' ? 1 : 'c' == 'd' ? 2 : 3",
    "(true ? false : true) ? 1 : (true ? 2 : 3)",
    "principal.scopes.all(s, s.startsWith('c'))",
    "principal.scopes.all(s, principal.claims[s] == 1 && s == 'chat')",
    "principal.scopes.exists(s, s == 'chat' || 1 / 0 == 1)",
    "[1, 0, 2].exists(n, 4 / n == 2)",
    "[1, 0, 3].exists(n, 4 / n == 2)",
    "[0, 1].all(n, 4 / n > 100)",
    "principal.scopes.exists_one(s, s == 'chat')",
    "[1, 2, 3].map(n, n * 2)",
    "[1, 2, 3].map(n, n > 1, n * 2)",
    "[1, 2, 3].map(n, n > 1, n)",
    "[1, 0, 3].map(n, 6 / n)",
    "principal.scopes.filter(s, s.endsWith('read')).size() + 1",
    "[[1, 2], [3]].map(inner, inner.filter(n, n > 1).size())",
    "principal.claims.all(name, name in ['plan', 'seats'])",
    "{'b': 1, 'a': [1u, 2.0, -3, null, b'x']}",
    "{principal.tenant: principal.claims.seats}[principal.tenant] + 1",
    "['a', 'b'][principal.claims.seats - 2]",
    "[1][7]",
    "llm.model.glob('gpt-4o*')",
    "('model:' + llm.model).glob(['x', 'model:gpt-*'])",
    "['o1*', 'gpt*'].exists(pattern, llm.model.glob(pattern))",
    "request.time.getHours('Europe/Berlin') < 8",
    "request.time + duration('90s')",
    "request.time - timestamp('2025-12-31T23:58:30.5Z')",
    "duration('-0.5s')",
    "-principal.claims.seats + -(1) - -2",
    "(1 + 2) * 3 - (4 - (5 - 6)) % 7",
    "1 - 2 - 3 == -4 && 1 < 2 == true",
    "(-1).string() == '' || true || string(-1.5) == \"it's \\n \\u00e9\"",
    "'ab\\\\c\\'d' + \"\\\"\" + r'\\d'",
    "type(1) == int && size(dyn([1])) == 1",
    "[int, string].exists(t, t == type(1))",
    "'10.1.2.3'.in_cidr(['10.0.0.0/8']) && 'x'.in_cidr('10.0.0.0/8')",
    "principal.scopes.covers(principal.claims.plan == 'pro' ? 'chat.write' : 'none')",
    "!(!true) && !(true && false)",
    "// a comment\nprincipal.tenant // another\n == 'acme'",
];

#[test]
fn the_root_of_the_tree_is_what_the_engine_gives() {
    for source in EXPRESSIONS {
        let (value, tree) = explain(source);
        let came_to = match value {
            Ok(shown) => CameTo::Value(shown),
            Err(why) => CameTo::Error(why),
        };
        assert_eq!(tree.came_to, came_to, "{source}");
    }
}

#[test]
fn what_is_written_parses_to_the_same_tree() {
    for source in EXPRESSIONS {
        let mut tree = parsing::parse("test", source).unwrap();
        let text = written(&tree);
        let mut again =
            parsing::parse("test", &text).unwrap_or_else(|error| panic!("{source}: {text}: {error}"));
        forget_ids(&mut tree);
        forget_ids(&mut again);
        assert_eq!(tree, again, "{source}: {text}");
        assert_eq!(written(&again), text, "{source}");
    }
}

#[test]
fn every_part_of_the_tree_is_an_expression_again() {
    fn parts(explained: &Explained) {
        parsing::parse("test", &explained.text).unwrap();
        explained.children.iter().for_each(parts);
    }
    EXPRESSIONS.iter().for_each(|source| parts(&explain(source).1));
}

#[test]
fn what_was_reached_and_what_was_not() {
    for (source, wanted) in [
        (
            "principal.tenant == 'acme'",
            vec!["principal.tenant == 'acme' = true", " principal.tenant = \"acme\""],
        ),
        (
            "principal.claims.region == 'eu' || principal.tenant == 'acme' || has(principal.claims.plan)",
            vec![
                "principal.claims.region == 'eu' || principal.tenant == 'acme' || has(principal.claims.plan) = true",
                " principal.claims.region == 'eu' ! there is no `region`; guard it with `has(…)` where it may be absent (does not count, because another part is `true`)",
                "  principal.claims.region ! there is no `region`; guard it with `has(…)` where it may be absent",
                " principal.tenant == 'acme' = true",
                "  principal.tenant = \"acme\"",
                " has(principal.claims.plan) - a part before it is `true`",
            ],
        ),
        (
            "has(principal.claims.region) ? principal.claims.region : 'none'",
            vec![
                "has(principal.claims.region) ? principal.claims.region : 'none' = \"none\"",
                " has(principal.claims.region) = false",
                " principal.claims.region - the condition is `false`",
                " 'none' = \"none\"",
            ],
        ),
        (
            "[1, 0, 2, 3].exists(n, 4 / n == 2)",
            vec![
                "[1, 0, 2, 3].exists(n, 4 / n == 2) = true",
                " [1, 0, 2, 3] = [1, 0, 2, 3]",
                " n = 1: 4 / n == 2 = false",
                "  4 / n = 4",
                "   n = 1",
                " n = 0: 4 / n == 2 ! division by zero (does not count, because another part is `true`)",
                "  4 / n ! division by zero",
                "   n = 0",
                " n = 2: 4 / n == 2 = true",
                "  4 / n = 2",
                "   n = 2",
                " n = 3: 4 / n == 2 - an entry before it is `true`",
            ],
        ),
        (
            "[1, 2].map(n, n > 1, n * 2)",
            vec![
                "[1, 2].map(n, n > 1, n * 2) = [4]",
                " [1, 2] = [1, 2]",
                " n = 1: n > 1 = false",
                "  n = 1",
                " n = 1: n * 2 - the condition is `false`",
                " n = 2: n > 1 = true",
                "  n = 2",
                " n = 2: n * 2 = 4",
                "  n = 2",
            ],
        ),
        ("[].all(n, n > 1)", vec!["[].all(n, n > 1) = true", " [] = []", " n > 1 - the range is empty"]),
        (
            "1 / 0 == principal.claims.seats",
            vec![
                "1 / 0 == principal.claims.seats ! division by zero",
                " 1 / 0 ! division by zero",
                " principal.claims.seats - a part that is evaluated before it has no value",
            ],
        ),
    ] {
        let mut told = Vec::new();
        lines(&explain(source).1, 0, &mut told);
        assert_eq!(told, wanted, "{source}");
    }
}

#[test]
fn a_long_range_and_a_large_tree_are_not_shown_one_by_one() {
    let long = "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].all(n, n > 0)";
    let (_, tree) = explain(long);
    assert_eq!(tree.children.len(), 1);
    assert_eq!(tree.note.as_deref(), Some("11 entries; at most 10 are shown one by one"));
    let ten = "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]";
    let (value, tree) =
        explain(&format!("{ten}.all(a, {ten}.all(b, {ten}.all(c, {ten}.all(d, a + b + c + d > 0))))"));
    assert_eq!(tree.came_to, CameTo::Value(value.unwrap()));
    fn count(explained: &Explained) -> usize {
        1 + explained.children.iter().map(count).sum::<usize>()
    }
    assert!(count(&tree) < 3000, "{}", count(&tree));
}

#[test]
fn what_walks_too_far_is_told_as_the_engine_tells_it() {
    let hundred = format!("[{}]", vec!["1"; 150].join(", "));
    let (value, tree) = explain(&format!("{hundred}.all(a, {hundred}.all(b, {hundred}.all(c, true)))"));
    assert_eq!(tree.came_to, CameTo::Error(value.unwrap_err()));
}

#[test]
fn values_are_shown_as_cel_and_as_json() {
    for (source, text, json, kind) in [
        ("duration('90s')", "duration(\"90s\")", serde_json::json!("90s"), "duration"),
        ("duration('-0.5s')", "duration(\"-0.5s\")", serde_json::json!("-0.5s"), "duration"),
        (
            "request.time",
            "timestamp(\"2026-01-01T00:00:00Z\")",
            serde_json::json!("2026-01-01T00:00:00Z"),
            "timestamp",
        ),
        (
            "{'b': [1u], 'a': 2.0}",
            "{\"a\": 2.0, \"b\": [1u]}",
            serde_json::json!({"a": 2.0, "b": [1]}),
            "map",
        ),
        ("b'a\\xff'", "b\"a\\xff\"", serde_json::json!("Yf8="), "bytes"),
        ("'a\"\\n\\u202e'", "\"a\\\"\\n\\u202e\"", serde_json::json!("a\"\n\u{202e}"), "string"),
        ("null", "null", serde_json::Value::Null, "null_type"),
        ("1.0 / 0.0", "double(\"Infinity\")", serde_json::json!("Infinity"), "double"),
    ] {
        let shown = explain(source).0.unwrap();
        assert_eq!((shown.text.as_str(), shown.json, shown.kind.as_str()), (text, json, kind), "{source}");
    }
    assert_eq!(Shown::of(&Value::Int(1)).text, "1");
}

/// The parser numbers nodes as it meets them.
fn forget_ids(node: &mut IdedExpr) {
    node.id = 0;
    let entries = |entry: &mut EntryExpr| match entry {
        EntryExpr::StructField(field) => forget_ids(&mut field.value),
        EntryExpr::MapEntry(entry) => {
            forget_ids(&mut entry.key);
            forget_ids(&mut entry.value);
        }
    };
    match &mut node.expr {
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => {}
        Expr::Select(select) => forget_ids(&mut select.operand),
        Expr::Call(call) => {
            call.target.iter_mut().map(AsMut::as_mut).chain(&mut call.args).for_each(forget_ids)
        }
        Expr::List(list) => list.elements.iter_mut().for_each(forget_ids),
        Expr::Map(map) => map.entries.iter_mut().for_each(|entry| {
            entry.id = 0;
            entries(&mut entry.expr);
        }),
        Expr::Struct(object) => object.entries.iter_mut().for_each(|entry| {
            entry.id = 0;
            entries(&mut entry.expr);
        }),
        Expr::Comprehension(fold) => {
            let fold = &mut **fold;
            [
                &mut fold.iter_range,
                &mut fold.accu_init,
                &mut fold.loop_cond,
                &mut fold.loop_step,
                &mut fold.result,
            ]
            .into_iter()
            .for_each(forget_ids);
        }
    }
}
