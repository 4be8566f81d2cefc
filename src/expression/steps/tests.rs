//! However long the lists and texts of a request are, an expression over them ends, or is refused before it takes long.

use std::time::{Duration, Instant};

use crate::expression::{Engine, Fact, Facts, Field, Vocabulary};

const VOCABULARY: Vocabulary = Vocabulary {
    variables: &[Field::object(
        "request",
        &[
            Field::value("query"),
            Field::value("names"),
            Field::value("text"),
            Field::value("few"),
            Field::model("model"),
        ],
    )],
};

/// A request with so many parameters and names, and a text of so many bytes.
struct Asked {
    entries: usize,
    bytes: usize,
}

impl Facts for Asked {
    fn fact(&self, _variable: &str, field: Option<&str>) -> Fact {
        let names = || (0..self.entries).map(|number| format!("n{number}"));
        match field {
            Some("query") => Fact::Map(names().map(|name| (name, Fact::text("v"))).collect()),
            Some("names") => Fact::List(names().map(Fact::Text).collect()),
            Some("text") => Fact::Text("x".repeat(self.bytes)),
            Some("model") => Fact::text("m"),
            _ => Fact::texts(&["a".to_owned(), "b".to_owned()]),
        }
    }
}

/// `None` where it walks too far.
fn evaluate(source: &str, asked: &Asked) -> Option<bool> {
    let engine = Engine::new().unwrap();
    let expression =
        engine.compile("test.cel", source, &VOCABULARY).unwrap_or_else(|error| panic!("{error}"));
    let scope = engine.scope(expression.reads(), asked);
    let began = Instant::now();
    let value = expression.boolean(&scope);
    // Nearly two orders of magnitude above what it takes on a quiet machine, without optimisation.
    assert!(began.elapsed() < Duration::from_secs(30), "{source}: {:?}", began.elapsed());
    match value {
        Ok(value) => Some(value),
        Err(fault) => {
            assert!(fault.to_string().contains("walk more than 20000 entries"), "{source}: {fault}");
            assert!(fault.depends_on_facts());
            None
        }
    }
}

#[test]
fn macros_walk_so_far_and_no_further() {
    const NESTED: &str = "request.query.all(k, request.query.exists(j, j == k))";
    const THREE: &str =
        "request.names.all(a, request.names.all(b, request.names.exists(c, c == a || c == b)))";
    for (source, entries, holds, what) in [
        ("request.query.all(k, k != 'x')", 10_000, Some(true), "one macro walks a long list"),
        ("request.query.all(k, k != 'x')", 20_001, None, "but not any"),
        (NESTED, 100, Some(true), "two walk what is not long"),
        (NESTED, 150, None, "each time the inner one runs, it counts"),
        (NESTED, 3_000, None, "thousands of parameters"),
        (THREE, 20, Some(true), "three of few"),
        (THREE, 60, None, "three of more"),
        (
            "request.names.exists(a, a == 'n1') || request.names.exists(a, request.names.all(b, a == b))",
            3_000,
            Some(true),
            "what is not run does not count",
        ),
        (
            "request.names.exists(a, request.names.all(b, a == b)) || request.names.exists(a, a == 'n1')",
            3_000,
            None,
            "an error that another operand outweighs is one here",
        ),
        (
            "request.names.map(a, request.names.map(b, a + b)).all(l, size(l) > 0)",
            3_000,
            None,
            "lists of lists",
        ),
        (
            "request.names.map(a, a).map(b, b).filter(c, c != '').size() > 0",
            5_000,
            Some(true),
            "one behind the other",
        ),
        (
            "request.names.filter(a, request.names.filter(b, a == b).size() == 1).size() > 0",
            1_000,
            None,
            "filters",
        ),
        ("request.names.exists_one(a, request.names.exists_one(b, a == b))", 1_000, None, "exactly one"),
        (
            "request.few.all(f, request.names.exists(a, a == 'n1'))",
            3_000,
            Some(true),
            "a short list of long walks",
        ),
    ] {
        assert_eq!(evaluate(source, &Asked { entries, bytes: 10 }), holds, "{what}: {source}");
    }
}

#[test]
fn what_reads_a_whole_list_or_text_counts_within_a_macro() {
    for (source, entries, bytes, holds, what) in [
        ("request.names.all(a, a in request.names)", 100, 10, Some(true), "each of few in few"),
        ("request.names.all(a, a in request.names)", 3_000, 10, None, "each of many in many"),
        ("'n2999' in request.names", 3_000, 10, Some(true), "without a macro it is one walk"),
        ("request.names.all(a, request.text.contains(a) || true)", 1_000, 10, Some(true), "a short text"),
        ("request.names.all(a, request.text.contains(a) || true)", 1_000, 60_000, None, "a long text, often"),
        ("request.text.contains('y')", 1, 60_000, Some(false), "a long text, once"),
        ("request.names.map(a, a + request.text).size() > 0", 1_000, 60_000, None, "texts that grow"),
        ("request.names.all(a, !a.matches('(x+)+y'))", 100, 10, Some(true), "some patterns"),
        ("request.names.all(a, !a.matches('(x+)+y'))", 1_000, 10, None, "a pattern is made each time"),
        ("!request.text.matches('(x+)+y')", 1, 60_000, Some(true), "a pattern over a long text, once"),
        ("request.names.all(a, request.names == request.names)", 1_000, 10, None, "whole lists are compared"),
        ("request.names.all(a, request.names.glob(a))", 0, 10, Some(true), "nothing is walked"),
        (
            "request.names.all(a, !request.model.glob(request.names))",
            100,
            10,
            Some(true),
            "a model in few patterns",
        ),
        (
            "request.names.all(a, !request.model.glob(request.names))",
            3_000,
            10,
            None,
            "a model in many, often",
        ),
    ] {
        assert_eq!(evaluate(source, &Asked { entries, bytes }), holds, "{what}: {source}");
    }
}

#[test]
fn each_evaluation_begins_anew() {
    let engine = Engine::new().unwrap();
    let source = "request.query.all(k, k != 'x')";
    let expression = engine.compile("test.cel", source, &VOCABULARY).unwrap();
    let long = Asked { entries: 20_001, bytes: 0 };
    let short = Asked { entries: 15_000, bytes: 0 };
    for (asked, holds) in [(&short, true), (&long, false), (&short, true), (&short, true)] {
        let scope = engine.scope(expression.reads(), asked);
        assert_eq!(expression.boolean(&scope).is_ok(), holds);
    }
}
