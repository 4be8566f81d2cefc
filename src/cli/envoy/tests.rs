//! The corpus under tests/envoy: one good configuration, and per weakness the changes to it that bring it in.
//! tests/e2e/test_check_envoy.py shows that Envoy accepts each of them.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::judge;
use super::weakness::Weakness;
use crate::cli::document::{Finding, Node, Segment, Severity};
use crate::config::Config;

mod forms;
mod hostile;
mod module;

/// What the corpus writes for a library that lies where anybody can write.
const ANYBODYS: &str = "/anybody/libclaimgate.so";

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/envoy")
}

fn yaml(path: &Path) -> Value {
    Node::parse(&fs::read_to_string(path).unwrap())
        .unwrap_or_else(|error| panic!("{path:?}: {error:?}"))
        .to_json()
}

fn base() -> Value {
    changed(&json!({}))
}

/// `$route.match` as the path it stands for.
fn path(written: &str) -> String {
    let Some(named) = written.strip_prefix('$') else { return written.to_owned() };
    let end = named.find(['.', '[']).unwrap_or(named.len());
    let (place, rest) = named.split_at(end);
    let places = yaml(&corpus().join("places.yaml"));
    format!("{}{rest}", places[place].as_str().unwrap_or_else(|| panic!("{written}")))
}

fn walk<'v>(document: &'v mut Value, segments: &[Segment]) -> &'v mut Value {
    segments.iter().fold(document, |value, segment| match segment {
        Segment::Field(name) => {
            if value.is_null() {
                *value = json!({});
            }
            value.as_object_mut().unwrap().entry(name.clone()).or_insert(Value::Null)
        }
        Segment::Index(index) => {
            let list = value.as_array_mut().unwrap();
            if list.len() == *index {
                list.push(Value::Null);
            }
            &mut list[*index]
        }
    })
}

fn apply(document: &mut Value, change: &Value) {
    let segments = Segment::parse(&path(change["at"].as_str().unwrap()));
    let (last, parents) = segments.split_last().unwrap();
    match (last, &change["set"], &change["insert"]) {
        (Segment::Index(index), Value::Null, Value::Null) => {
            walk(document, parents).as_array_mut().unwrap().remove(*index);
        }
        (Segment::Field(name), Value::Null, Value::Null) => {
            walk(document, parents)
                .as_object_mut()
                .unwrap()
                .remove(name)
                .unwrap_or_else(|| panic!("{change}"));
        }
        (Segment::Index(index), Value::Null, inserted) => {
            walk(document, parents).as_array_mut().unwrap().insert(*index, inserted.clone());
        }
        (_, set, _) => *walk(document, &segments) = set.clone(),
    }
}

/// The base, on the host of a case, with the case's changes.
fn changed(case: &Value) -> Value {
    let mut document = yaml(&corpus().join("base.yaml"));
    if case["host"] == "module" {
        module::replace_wasm(&mut document);
    }
    case["change"].as_array().into_iter().flatten().for_each(|change| apply(&mut document, change));
    hand_over(&mut document);
    document
}

/// Writes what the gateway enforces as the text that Envoy hands to the filter.
fn hand_over(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(hand_over),
        Value::Object(fields) => {
            fields.values_mut().for_each(hand_over);
            let is_text =
                fields.get("@type").is_some_and(|kind| kind.as_str().unwrap_or("").ends_with("StringValue"));
            if let (true, Some(value)) = (is_text, fields.get_mut("value").filter(|value| value.is_object()))
            {
                *value = value.to_string().into();
            }
        }
        _ => {}
    }
}

fn gateway() -> Config {
    let mut base = base();
    let gateway = walk(&mut base, &Segment::parse(&path("$gateway")));
    Config::from_json(gateway.as_str().unwrap().as_bytes()).unwrap()
}

/// Judges documents that need no other configuration, unless the case says that it is given apart.
fn judged(name: &str, documents: &[String], apart: bool) -> Result<Vec<Finding>, Vec<Finding>> {
    // Two tests may judge the same case at the same time.
    static JUDGED: AtomicUsize = AtomicUsize::new(0);
    let number = JUDGED.fetch_add(1, Ordering::Relaxed);
    let directory =
        std::env::temp_dir().join(format!("claimgate-envoy-{}-{number}-{name}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    let files: Vec<PathBuf> =
        (0..documents.len()).map(|index| directory.join(format!("{index}.yaml"))).collect();
    let anybodys = anybodys_file(&directory);
    let placed = |text: &String| text.replace(ANYBODYS, &anybodys);
    files.iter().zip(documents).for_each(|(file, text)| fs::write(file, placed(text)).unwrap());
    let enforced = || match apart {
        true => Ok(gateway()),
        false => Err(vec![Finding::in_file(Path::new("gateway.yaml"), "was asked for")]),
    };
    let findings = judge(&files, enforced);
    fs::remove_dir_all(&directory).unwrap();
    findings
}

/// A file in a directory to which anybody can write.
fn anybodys_file(directory: &Path) -> String {
    let open = directory.join("anybody");
    fs::create_dir_all(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
    let file = open.join("libclaimgate.so");
    fs::write(&file, "").unwrap();
    file.display().to_string()
}

fn weaknesses() -> Vec<(String, Value)> {
    let files = fs::read_dir(corpus().join("doors")).unwrap().map(|entry| entry.unwrap().path());
    files.map(|file| (file.file_stem().unwrap().to_str().unwrap().to_owned(), yaml(&file))).collect()
}

/// The findings of a case that ask for something, each as code, severity and path.
fn found(code: &str, case: &Value) -> BTreeSet<(String, bool, String)> {
    found_in(code, case, &changed(case))
}

/// Those of a document that was made of a case.
fn found_in(code: &str, case: &Value, document: &Value) -> BTreeSet<(String, bool, String)> {
    let apart = case["gateway"] == "apart";
    let what = case["what"].as_str().unwrap();
    let findings = judged(code, &[document.to_string()], apart)
        .unwrap_or_else(|errors| panic!("{code}: {what}: {errors:?}"));
    let asking = findings.iter().filter(|finding| finding.severity() != Severity::Note);
    asking
        .map(|finding| {
            assert!(
                !finding.to_string().contains("{0}") && !finding.to_string().contains("{1}"),
                "{code}: {what}: a word is missing: {finding}"
            );
            let is_error = finding.severity() == Severity::Error;
            (finding.code().unwrap().to_owned(), is_error, finding.path().to_owned())
        })
        .collect()
}

#[test]
fn the_good_configuration_has_no_finding() {
    assert_eq!(found("base", &json!({"what": "base"})), BTreeSet::new());
}

#[test]
fn every_weakness_is_found_and_nothing_else() {
    let mut differing = Vec::new();
    for (code, weakness) in weaknesses() {
        let is_error = weakness["severity"] == "error";
        let cases = weakness["open"].as_array().unwrap();
        assert!(!cases.is_empty(), "{code}");
        for case in cases {
            let wanted = case["found"].as_array().unwrap().iter();
            let wanted = wanted.map(|at| (code.clone(), is_error, path(at.as_str().unwrap()))).collect();
            let found = found(&code, case);
            if found != wanted {
                differing.push(format!("{code}: {}:\n  found {found:?}\n  wanted {wanted:?}", case["what"]));
            }
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn what_only_looks_like_a_weakness_is_no_finding() {
    for (code, weakness) in weaknesses() {
        for case in weakness["closed"].as_array().into_iter().flatten() {
            assert_eq!(found(&code, case), BTreeSet::new(), "{code}: {}", case["what"]);
        }
    }
}

#[test]
fn every_row_of_the_table_has_its_cases() {
    let rows: BTreeSet<String> = Weakness::ALL.iter().map(|weakness| weakness.code().to_owned()).collect();
    let files: BTreeSet<String> = weaknesses().into_iter().map(|(code, _)| code).collect();
    assert_eq!(rows, files);
}
