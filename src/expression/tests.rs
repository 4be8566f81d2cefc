use proptest::prelude::{ProptestConfig, any, proptest};

use super::{Engine, Fact, Facts, Field, Members, Vocabulary};

const VOCABULARY: Vocabulary = Vocabulary {
    variables: &[
        Field::object(
            "principal",
            &[
                Field::value("tenant"),
                Field::value("scopes"),
                Field::value("claims"),
                Field::object("key", &[Field::value("id"), Field::value("labels")]),
            ],
        ),
        Field::object("request", &[Field::value("time"), Field::value("path")]),
        Field::value("claims"),
        Field::value(super::VARIABLES),
    ],
};

struct Caller;

impl Facts for Caller {
    fn fact(&self, variable: &str, field: Option<&str>) -> Fact {
        match (variable, field) {
            ("principal", Some("tenant")) => Fact::text("acme"),
            ("principal", Some("scopes")) => Fact::texts(&["chat".to_owned(), "files.read".to_owned()]),
            ("principal", Some("claims")) => Fact::Json(serde_json::json!({"plan": "pro", "seats": 3})),
            ("principal", Some("key")) => Fact::Map(vec![("id".to_owned(), Fact::text("k1"))]),
            ("request", Some("time")) => Fact::Time(1_767_225_600_000), // 2026-01-01T00:00:00Z
            _ => Fact::Absent,
        }
    }
}

fn evaluate(source: &str) -> Result<bool, String> {
    let engine = Engine::new().unwrap();
    let expression = engine.compile("test.cel", source, &VOCABULARY).map_err(|error| error.to_string())?;
    expression.boolean(&engine.scope(expression.reads(), &Caller)).map_err(|fault| fault.to_string())
}

#[test]
fn expressions_hold_or_not() {
    for (source, holds) in [
        ("principal.tenant == 'acme'", true),
        ("principal['tenant'] == 'acme'", true),
        ("principal.scopes.covers('chat.write')", true),
        ("principal.scopes.covers('files.write')", false),
        ("principal.scopes.exists(s, s.startsWith('files'))", true),
        ("has(principal.claims.plan) && principal.claims.plan == 'pro'", true),
        ("has(principal.claims.region)", false),
        ("has(request.path)", false),
        ("principal.claims.seats > 2", true),
        ("'10.1.2.3'.in_cidr(['192.168.0.0/16', '10.0.0.0/8'])", true),
        ("'gpt-4o-mini'.glob('gpt-4o*')", true),
        ("request.time.getFullYear() == 2026", true),
        ("request.time.getHours('Europe/Berlin') == 1", true),
        ("// a comment\nprincipal.key.id == 'k1' // another", true),
        ("'abc'.matches('^a.c$')", true),
    ] {
        assert_eq!(evaluate(source), Ok(holds), "{source}");
    }
}

#[test]
fn an_error_is_never_a_value() {
    for (source, why) in [
        ("principal.claims.region == 'eu'", "there is no `region`"),
        ("request.path == '/x'", "there is no `path`"),
        ("principal.tenant", "must give a boolean"),
        ("'abc' && true", ""),
        ("true && 'abc'", ""),
        ("null", "must give a boolean"),
        ("principal.tenant > 1", ""),
        ("'x'.in_cidr('10.0.0.0/8')", "not an IP address"),
        ("1 / 0 == 1", "division by zero"),
    ] {
        let fault = evaluate(source).unwrap_err();
        assert!(fault.contains(why), "{source}: {fault}");
        assert!(!fault.contains("acme"), "{source}: a fault shows no value: {fault}");
    }
}

#[test]
fn what_does_not_exist_is_found_when_compiling() {
    for (source, why) in [
        ("principal.tenannt == 'a'", "`principal` has no field `tenannt`; did you mean `tenant`?"),
        ("principal.key.idd == 'a'", "`principal.key` has no field `idd`; did you mean `id`?"),
        ("principle.tenant == 'a'", "there is no variable `principle`; did you mean `principal`?"),
        ("has(principal.zone)", "`principal` has no field `zone`"),
        ("principal.scopes.covres('a')", "there is no function `covres`; did you mean `covers`?"),
        ("principal.scopes.exists(s, x == 'a')", "there is no variable `x`"),
        ("", "there is no expression"),
        ("// nothing else", "there is no expression"),
        ("1 +", "is not CEL"),
        ("(", "is not CEL"),
        ("has(request.headers['a'])", "write `'x-team' in request.headers`"),
        ("principal.tenant == 'acme", "is not CEL"),
    ] {
        let error = evaluate(source).unwrap_err();
        assert!(error.contains(why), "{source}: {error}");
        assert!(!error.contains('\n'), "{source}: one line: {error}");
    }
}

#[test]
fn length_and_nesting_are_bounded() {
    for source in [
        "(".repeat(5000),
        "[".repeat(5000),
        format!("{}1{} == 1", "[".repeat(200), "]".repeat(200)),
        "true ? ".repeat(1000) + "true",
        "a.".repeat(4000) + "b",
        "true || ".repeat(5000) + "true",
        "{1:".repeat(500) + "1",
    ] {
        assert!(evaluate(&source).is_err(), "{}…", source.chars().take(12).collect::<String>());
    }
}

#[test]
fn a_fault_tells_whether_another_caller_could_do_better() {
    let engine = Engine::new().unwrap();
    for (source, depends) in [
        ("principal.claims.region == 'eu'", true),
        ("int(principal.tenant) > 5", true),
        ("1 / (principal.claims.seats - 3) == 1", true),
        ("principal.tenant", false),
        ("principal.tenant > 1", false),
        ("'10.0.0.1'.in_cidr('10.0.0.0/64')", false),
    ] {
        let expression = engine.compile("test.cel", source, &VOCABULARY).unwrap();
        let fault = expression.boolean(&engine.scope(expression.reads(), &Caller)).unwrap_err();
        assert_eq!(fault.depends_on_facts(), depends, "{source}: {fault}");
    }
}

/// The parser folds these away; what counts is that they do not exhaust the stack.
#[test]
fn long_chains_of_unary_operators_are_harmless() {
    for operator in ["!", "-"] {
        let _ = evaluate(&(operator.repeat(5000) + "1"));
    }
}

#[test]
fn missing_scopes_are_those_asked_for_and_not_granted() {
    let engine = Engine::new().unwrap();
    for (source, missing) in [
        ("principal.scopes.covers('images')", vec!["images"]),
        ("principal.scopes.covers('chat') && principal.scopes.covers('audio')", vec!["audio"]),
        ("covers(principal.scopes, principal.tenant + '.read')", vec!["acme.read"]),
        ("['a'].exists(s, principal.scopes.covers(s))", vec![]),
        ("principal.tenant == 'other'", vec![]),
    ] {
        let expression = engine.compile("test.cel", source, &VOCABULARY).unwrap();
        let scope = engine.scope(expression.reads(), &Caller);
        assert_eq!(expression.missing_scopes(&scope), missing, "{source}");
    }
}

#[test]
fn only_what_is_read_is_bound() {
    let engine = Engine::new().unwrap();
    let expression = engine
        .compile("a.cel", "has(principal.claims.plan) && principal.key.id == 'k1'", &VOCABULARY)
        .unwrap();
    let reads = expression.reads();
    assert!(reads.field("principal", "claims") && reads.field("principal", "key"));
    assert!(!reads.field("principal", "tenant") && !reads.variable("request"));
}

#[test]
fn of_an_open_map_only_the_members_that_are_named_are_read() {
    let engine = Engine::new().unwrap();
    for (source, named, note) in [
        ("principal.claims.plan == 'pro'", Some(vec!["plan"]), "by a point"),
        ("principal.claims['https://x/plan'] == 'pro'", Some(vec!["https://x/plan"]), "by brackets"),
        ("has(principal.claims.plan) && principal.claims.seats > 2", Some(vec!["plan", "seats"]), "two"),
        ("principal.claims.org.plan == 'pro'", Some(vec!["org"]), "with all that is below it"),
        ("principal.claims['org']['plan'] == 'pro'", Some(vec!["org"]), "the same by brackets"),
        ("principal.claims[principal.tenant] == 'pro'", None, "by a name that is not written there"),
        ("principal.claims.exists(name, name == 'plan')", None, "by going through them"),
        ("'plan' in principal.claims", None, "by asking for a name"),
        ("principal.claims.plan == 'pro' || size(principal.claims) == 0", None, "also as a whole"),
        ("principal['claims'].plan == 'pro'", None, "through a principal that is named whole"),
        ("[claims].exists(claims, claims.plan == 'pro')", None, "a macro's own variable is none"),
    ] {
        let expression = engine.compile("test.cel", source, &VOCABULARY).unwrap();
        let mut of_claims = expression
            .reads()
            .with_members()
            .filter(|(variable, field, _)| field.unwrap_or(variable) == "claims");
        let (_, _, members) = of_claims.next().unwrap();
        let want = named
            .map_or(Members::All, |names| Members::Named(names.into_iter().map(str::to_owned).collect()));
        assert_eq!(members, &want, "{note}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_text_panics(source in "[-a-z0-9 .()\\[\\]{}'\"!?:&|+*/<>=,\\\\\\n]{0,60}", other in any::<String>()) {
        let engine = Engine::new().unwrap();
        for text in [source, other] {
            if let Ok(expression) = engine.compile("fuzz.cel", &text, &VOCABULARY) {
                let _ = expression.boolean(&engine.scope(expression.reads(), &Caller));
            }
        }
    }
}

fn engine_with(texts: &[(&str, &str)]) -> Result<Engine, String> {
    let texts = texts.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    let mut engine = Engine::new().unwrap();
    engine.define("variables", &texts, &VOCABULARY).map_err(|error| error.to_string())?;
    Ok(engine)
}

#[test]
fn named_expressions_are_read_by_their_names() {
    let engine = engine_with(&[
        ("plan", "principal.claims.plan"),
        ("a_paid_plan", "variables.plan in ['pro', 'team']"),
        ("region", "principal.claims.region"),
        ("greeting", "'hello ' + variables.plan"),
    ])
    .unwrap();
    for (source, want) in [
        ("variables.plan == 'pro'", Ok(true)),
        ("variables.a_paid_plan", Ok(true)),
        ("variables['greeting'] == 'hello pro'", Ok(true)),
        ("has(variables.plan) && !has(variables.region)", Ok(true)),
        (
            "variables.region == 'eu'",
            Err("there is no `region`; guard it with `has(…)` where it may be absent"),
        ),
        ("size(variables) == 3", Ok(true)),
    ] {
        let expression = engine.compile("test.cel", source, &VOCABULARY).unwrap();
        assert!(expression.reads().field("principal", "claims"), "what variables read is read: {source}");
        let value = expression.boolean(&engine.scope(expression.reads(), &Caller));
        assert_eq!(value.map_err(|fault| fault.to_string()), want.map_err(str::to_owned), "{source}");
    }
    let plain = engine.compile("test.cel", "principal.tenant == 'acme'", &VOCABULARY).unwrap();
    assert!(!plain.reads().field("principal", "claims"), "and by nobody else");
}

#[test]
fn names_that_cannot_be_read_are_errors() {
    for (texts, want) in [
        (&[("a-b", "true")][..], "variables.a-b: an expression cannot read this name"),
        (
            &[("team", "principal.clams")],
            "variables.team: `principal` has no field `clams`; did you mean `claims`?",
        ),
        (
            &[("team", "variables.tean"), ("other", "1")],
            "variables.team: `variables` has no field `tean`; there are `other`",
        ),
        (
            &[("a", "variables.b"), ("b", "variables.a")],
            "variables: `a`, `b` cannot be read by one another in a circle",
        ),
        (&[("a", "variables.a")], "variables: `a` cannot be read by one another in a circle"),
        (&[("a", "size(variables)")], "variables: `a` cannot be read"),
    ] {
        let error = engine_with(texts).err().unwrap();
        assert!(error.starts_with(want), "{error}");
    }
    let engine = engine_with(&[("team", "principal.tenant")]).unwrap();
    let error = engine.compile("test.cel", "variables.teams == 'a'", &VOCABULARY).unwrap_err().to_string();
    assert_eq!(error, "test.cel: `variables` has no field `teams`; did you mean `team`?");
    let error = Engine::new().unwrap().compile("test.cel", "variables.team == 'a'", &VOCABULARY).unwrap_err();
    assert_eq!(error.to_string(), "test.cel: `variables` has no field `team`; there are none");
}
