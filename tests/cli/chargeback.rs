//! `claimgate report`, on records as the filter writes them.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::copy::{Copy, Run};

/// A record of an answer that cost 15 model tokens and 70 microdollars; `change` is put into it.
fn record(change: &Value) -> String {
    let mut record = json!({
        "time": "2026-11-26T12:00:00.250Z",
        "claimgate.decision": "allow",
        "claimgate.request_id": "r",
        "claimgate.aborted": false,
        "claimgate.principal.tenant": "acme",
        "claimgate.principal.project": "search",
        "claimgate.credential.id": "k1",
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.cache_read.input_tokens": 4,
        "gen_ai.usage.output_tokens": 5,
        "claimgate.usage.total_tokens": 15,
        "claimgate.usage.complete": true,
        "claimgate.cost.microdollars": 70,
        "claimgate.cost.price_version": "v1",
        "claimgate.charged": [{"quota": "hour", "unit": "tokens", "amount": 15}],
    });
    let members = record.as_object_mut().unwrap();
    members.extend(change.as_object().unwrap().clone());
    members.retain(|_, value| !value.is_null());
    // The filter writes the time first.
    let time = record.as_object_mut().unwrap().remove("time").unwrap();
    format!("{{\"time\":{time},{}", &record.to_string()[1..])
}

fn refusal(change: &Value) -> String {
    let mut refusal = json!({
        "claimgate.decision": "deny", "claimgate.reason": "quota_exceeded", "error.type": "quota_exceeded",
        "gen_ai.response.model": null, "gen_ai.usage.input_tokens": null, "gen_ai.usage.cache_read.input_tokens": null,
        "gen_ai.usage.output_tokens": null, "claimgate.usage.total_tokens": null, "claimgate.usage.complete": null,
        "claimgate.cost.microdollars": null, "claimgate.cost.price_version": null, "claimgate.charged": null,
    });
    refusal.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    record(&refusal)
}

fn report(lines: &[String], arguments: &[&str]) -> Run {
    let input = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    Copy::new(&format!("report-{:?}", std::thread::current().id()))
        .run_with_input(&[&["report"], arguments, &["-"]].concat(), &input)
}

fn document(lines: &[String], arguments: &[&str]) -> Value {
    let run = report(lines, &[&["--format", "json"], arguments].concat());
    assert_eq!((run.code, run.errors.as_str()), (0, ""));
    serde_json::from_str(&run.output).unwrap()
}

/// What one of the sums is, row by row.
fn column(document: &Value, name: &str) -> Vec<Value> {
    document["rows"].as_array().unwrap().iter().map(|row| row[name].clone()).collect()
}

#[test]
fn rows_add_up_what_their_records_say() {
    let lines = [
        record(&json!({})),
        record(&json!({ "claimgate.aborted": true, "claimgate.usage.complete": false })),
        refusal(&json!({})),
        refusal(&json!({ "claimgate.decision": "allow", "error.type": "500" })),
        refusal(&json!({ "claimgate.decision": "open", "error.type": null })),
        record(&json!({ "claimgate.principal.tenant": "initech", "claimgate.cost.unpriced": true,
            "claimgate.cost.microdollars": null, "claimgate.usage.total_tokens": 0 })),
        refusal(&json!({ "claimgate.principal.tenant": null })),
    ];
    let run = report(&lines, &[]);
    assert_eq!(
        run.output,
        "\
tenant   requests  refused  failed  incomplete  input  cached  output  total   dollars  unpriced
-               1        1       0           0      0       0       0      0  0.000000         0
acme            4        1       1           1     20       8      10     30  0.000140         0
initech         1        0       0           0     10       4       5      0  0.000000         1
all             6        2       1           1     30      12      15     30  0.000140         1
"
    );
    assert_eq!((run.code, run.errors.as_str()), (0, ""));
}

#[test]
fn each_thing_that_sums_are_told_apart_by() {
    let other = json!({
        "time": "2026-11-27T00:00:00.000Z",
        "claimgate.principal.tenant": "b", "claimgate.principal.project": "b", "claimgate.principal.service_account": "b",
        "claimgate.principal.subject": "b", "claimgate.principal.actor": "b", "claimgate.credential.id": "b",
        "gen_ai.request.model": null, "gen_ai.response.model": "b", "gen_ai.provider.name": "b",
        "claimgate.upstream.cluster": "b", "gen_ai.operation.name": "b", "claimgate.cost.price_version": "b",
    });
    let lines = [record(&json!({})), record(&other)];
    for (by, first, second) in [
        ("tenant", json!("acme"), "b"),
        ("project", json!("b"), "search"),
        ("service_account", Value::Null, "b"),
        ("subject", Value::Null, "b"),
        ("actor", Value::Null, "b"),
        ("key", json!("b"), "k1"),
        ("model", json!("b"), "gpt-4o"),
        ("provider", Value::Null, "b"),
        ("cluster", Value::Null, "b"),
        ("operation", json!("b"), "chat"),
        ("day", json!("2026-11-26"), "2026-11-27"),
        ("price_version", json!("b"), "v1"),
    ] {
        let document = document(&lines, &["--by", by]);
        assert_eq!(column(&document, by), [first, json!(second)], "{by}");
        assert_eq!(column(&document, "total_tokens"), [15, 15], "{by}");
    }
    let both = document(&lines, &["--by", "operation,day"]);
    assert_eq!(column(&both, "operation"), ["b", "chat"]);
    assert_eq!(column(&both, "day"), ["2026-11-27", "2026-11-26"]);
}

#[test]
fn a_request_that_two_quotas_charged_stands_in_both_rows_and_once_in_the_total() {
    let charged = json!({ "claimgate.charged": [
        { "quota": "hour", "unit": "tokens", "amount": 40 }, { "quota": "all", "unit": "requests", "amount": 1 },
    ] });
    let document = document(&[record(&charged), record(&json!({})), refusal(&json!({}))], &["--by", "quota"]);
    assert_eq!(column(&document, "quota"), [Value::Null, json!("all"), json!("hour")]);
    assert_eq!(column(&document, "unit"), [Value::Null, json!("requests"), json!("tokens")]);
    assert_eq!(column(&document, "charged"), [0, 1, 55]);
    assert_eq!(column(&document, "requests"), [1, 1, 2]);
    assert_eq!((&document["total"]["requests"], &document["total"]["total_tokens"]), (&json!(3), &json!(30)));
}

#[test]
fn a_period_has_its_beginning_and_not_its_end() {
    let times = ["2026-11-25T23:59:59.999Z", "2026-11-26T00:00:00.000Z", "2026-11-26T23:59:59.999Z"];
    let lines = times.map(|time| record(&json!({ "time": time })));
    for (arguments, want) in [
        (["--from", "2026-11-26"].as_slice(), 2),
        (&["--to", "2026-11-26"], 1),
        (&["--from", "2026-11-26", "--to", "2026-11-27"], 2),
        (&["--from", "2026-11-26T00:59:59.999+01:00"], 3),
        (&["--to", "2026-11-26T23:59:59.999Z"], 2),
        (&["--from", "2027-01-01"], 0),
    ] {
        let document = document(&lines, arguments);
        assert_eq!(document["total"]["requests"], want, "{arguments:?}");
        assert_eq!(document["lines"]["records"], 3, "all of them were read");
    }
    let run = report(&lines, &["--from", "yesterday"]);
    assert!(run.code == 2 && run.errors.contains("write a date"), "{}", run.errors);
}

#[test]
fn what_cannot_be_read_is_told_with_its_place_and_left_out() {
    let long = record(&json!({ "claimgate.note": "x".repeat(1024 * 1024) }));
    let half = record(&json!({}))[..200].to_owned();
    let lines = [record(&json!({})), half, "-".to_owned(), long, record(&json!({})), "noise".to_owned()];
    let run = report(&lines, &["--format", "json"]);
    let document: Value = serde_json::from_str(&run.output).unwrap();
    assert_eq!(document["lines"], json!({ "records": 2, "without_record": 1, "damaged": 3 }));
    assert_eq!(document["total"]["total_tokens"], 30);
    assert_eq!(
        run.errors.lines().collect::<Vec<_>>(),
        [
            "warning: -:2: the audit record is damaged",
            "warning: -:4: the line is longer than 1 MiB",
            "warning: -:6: the line holds no audit record",
            "warning: 3 lines could not be read, and are not in the sums",
        ]
    );
    assert_eq!(run.code, 0);
    assert_eq!(report(&lines, &["--strict"]).code, 2);
    let noise = vec!["noise".to_owned(); 1000];
    assert_eq!(report(&noise, &[]).errors.lines().count(), 21, "not all of them one by one");
}

#[test]
fn several_logs_are_read_as_one_whatever_stands_before_their_records() {
    let copy = Copy::new("report-files");
    let write = |name: &str, text: String| fs::write(copy.path().join(name), text).unwrap();
    write("a.log", format!("{}\n", record(&json!({}))));
    // The last line of a log that is being written has no end yet.
    write("b.log", format!("/v1/chat?a={{\"time\":\" {}", record(&json!({}))));
    let run = copy.run_with_input(&["report", "a.log", "b.log", "-", "--format", "csv"], &record(&json!({})));
    assert_eq!(
        run.output,
        "tenant,requests,refused,failed,incomplete,input_tokens,cached_input_tokens,output_tokens,total_tokens,microdollars,unpriced\nacme,3,0,0,0,30,12,15,45,210,0\n"
    );
    let run = copy.run(&["report", "a.log", "absent.log"]);
    assert!(run.code == 2 && run.errors.starts_with("error: absent.log: cannot be read"), "{}", run.errors);
    assert_eq!(copy.run(&["report"]).code, 2, "a report of nothing is a mistake");
}

#[test]
fn what_callers_wrote_stays_in_its_cell() {
    let names = ["=HYPERLINK(\"x\")", "a,b\"c", "\u{1b}[2Jx", "line\nbreak"];
    let lines = names.map(|name| record(&json!({ "gen_ai.request.model": name })));
    let csv = report(&lines, &["--by", "model", "--format", "csv"]).output;
    for cell in ["\"'=HYPERLINK(\"\"x\"\")\",1,", "\"a,b\"\"c\",1,", "\"line\nbreak\",1,"] {
        assert!(csv.contains(cell), "{cell}: {csv}");
    }
    let table = report(&lines, &["--by", "model"]).output;
    assert!(table.contains("\\u{1b}[2Jx") && table.contains("line\\nbreak"), "{table}");
    assert!(!table.contains('\u{1b}') && table.lines().count() == 6, "{table}");
}

#[test]
fn counters_that_say_the_same_are_fine_and_others_are_named() {
    let copy = Copy::new("report-counters");
    let write = |name: &str, text: &str| fs::write(copy.path().join(name), text).unwrap();
    write("audit.log", &format!("{}\n{}\n", record(&json!({})), record(&json!({}))));
    write("right.txt", "server.live: 1\nwasmcustom.claimgate.charges.quota.hour.unit.tokens: 30\n");
    write("half.txt", "claimgate_charges{quota=\"hour\",unit=\"tokens\"} 15\n");
    write("page.html", "<html></html>");
    let run = |arguments: &[&str]| copy.run(&[&["report", "audit.log"], arguments].concat());
    assert_eq!(run(&["--counters", "right.txt"]).code, 0);
    assert_eq!(run(&["--counters", "half.txt", "--counters", "half.txt"]).code, 0, "two Envoys");
    let wrong = run(&["--counters", "half.txt", "--format", "json"]);
    assert_eq!(
        (wrong.code, wrong.errors.as_str()),
        (1, "error: the quota `hour` (tokens): the records say 30, the counters 15\n")
    );
    let told: Value = serde_json::from_str(&wrong.output).unwrap();
    let difference = json!([{ "quota": "hour", "unit": "tokens", "records": 30, "counters": 15 }]);
    assert_eq!(told["differences"], difference);
    for (arguments, needle) in [
        (["--counters", "page.html"].as_slice(), "there are no counters in it"),
        (&["--counters", "absent.txt"], "cannot be read"),
        (&["--counters", "right.txt", "--from", "2026-11-26"], "cannot be used with"),
    ] {
        let run = run(arguments);
        assert!(run.code == 2 && run.errors.contains(needle), "{arguments:?}: {}", run.errors);
    }
}

#[test]
fn a_long_log_takes_no_more_memory_than_its_rows() {
    let line = record(&json!({}));
    let count = 200_000_000 / line.len();
    let command =
        "yes \"$LINE\" | head -n $COUNT | (ulimit -v 65536; exec $CLAIMGATE report --format json -)";
    let mut bash = Command::new("bash");
    let bash = bash.args(["-c", command]).env("LINE", line).env("COUNT", count.to_string());
    let ran = bash.env("CLAIMGATE", env!("CARGO_BIN_EXE_claimgate")).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let document: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(document["total"]["requests"], count);
}

#[test]
fn old_records_are_priced_anew() {
    let copy = Copy::new("report-prices");
    let table = r#"{prices: {version: v2, models: [{model: "gpt-4o*", input: 10, cache_read: 1, output: 100}]}, hold: any}"#;
    fs::write(copy.path().join("prices.yaml"), table).unwrap();
    fs::write(
        copy.path().join("wrong.yaml"),
        "prices: {version: v2, models: [{model: a, imput: 1, output: 1}]}",
    )
    .unwrap();
    let lines = [
        record(&json!({})),
        record(&json!({ "gen_ai.response.model": "o1", "gen_ai.request.model": "o1" })),
        record(&json!({ "claimgate.cost.multiplier": 1.5 })),
        refusal(&json!({})),
    ];
    let input = lines.map(|line| line + "\n").concat();
    let run = |table: &str| {
        let arguments = ["report", "--prices", table, "--by", "price_version", "--format", "json", "-"];
        copy.run_with_input(&arguments, &input)
    };
    let ran = run("prices.yaml");
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""));
    let told: Value = serde_json::from_str(&ran.output).unwrap();
    // 6 fresh, 4 cached and 5 of output: 60 + 4 + 500; then half as much again.
    assert_eq!(told["total"]["microdollars"], 564 + 846);
    assert_eq!(told["total"]["unpriced"], 1);
    assert_eq!(column(&told, "price_version"), [Value::Null, json!("v2")]);
    let ran = run("wrong.yaml");
    assert!(ran.code == 2 && ran.errors.contains("there is no field `imput`"), "{}", ran.errors);
}

#[test]
fn the_example_of_public_prices_is_one() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/prices.yaml");
    let lines = [
        ("claude-sonnet-4-5-20250929", 6 * 3 * 100 + 4 * 30 + 5 * 15 * 100),
        ("gemini-2.5-pro", 6 * 125 + 4 * 12 + 2 + 5 * 1000),
    ];
    for (model, hundredths) in lines {
        let line = record(&json!({ "gen_ai.request.model": model, "gen_ai.response.model": model }));
        let told = document(&[line], &["--prices", file]);
        let microdollars = u64::div_ceil(hundredths, 100);
        assert_eq!(told["total"]["microdollars"], microdollars, "{model}");
    }
    // It is a section that a configuration takes as it stands.
    let copy = Copy::new("public-prices");
    let path = copy.path().join("envoy/gateway.yaml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(!text.contains("\nprices:"), "the shipped configuration has prices of its own");
    fs::write(&path, text + "\n" + &fs::read_to_string(file).unwrap()).unwrap();
    let ran = copy.run(&["check"]);
    assert_eq!(ran.code, 0, "{}", ran.errors);
}

#[test]
fn rows_are_told_apart_by_labels() {
    let lines = [
        record(&json!({ "claimgate.labels": { "cost_center": "4711", "team": "a\"b" } })),
        record(&json!({ "claimgate.labels": { "cost_center": "4711" } })),
        record(&json!({})),
    ];
    let by = ["--by", "tenant", "--by-label", "cost_center,team"];
    let document = document(&lines, &by);
    assert_eq!(column(&document, "label.cost_center"), [json!(null), json!("4711"), json!("4711")]);
    assert_eq!(column(&document, "label.team"), [json!(null), json!(null), json!("a\"b")]);
    let run = report(&lines, &[&["--format", "csv"], by.as_slice()].concat());
    assert!(run.output.starts_with("tenant,label.cost_center,label.team,"), "{}", run.output);
}
