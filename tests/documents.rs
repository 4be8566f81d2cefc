//! The documents hold what they say: the reference is that of the types, and every link leads somewhere.

#![expect(clippy::unwrap_used, reason = "test code")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The pages of the root and of `docs`.
fn pages() -> Vec<PathBuf> {
    let docs = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let is_page = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "md");
    let own = ["README.md", "CONTRIBUTING.md"].map(|page| root().join(page));
    own.into_iter().chain(docs.filter(is_page)).collect()
}

#[test]
fn the_reference_is_that_of_the_types() {
    let output = Command::new(env!("CARGO_BIN_EXE_claimgate")).arg("reference").output().unwrap();
    let reference = String::from_utf8(output.stdout).unwrap();
    let page = include_str!("../docs/reference.md");
    let (_, written) = page.split_once("<!-- reference -->\n").unwrap();
    assert!(
        written.trim() == reference.trim(),
        "docs/reference.md is not up to date; replace what follows its mark by the output of `claimgate reference`"
    );
}

#[test]
fn the_operations_are_those_of_the_tables() {
    let arguments = ["reference", "--operations"];
    let output = Command::new(env!("CARGO_BIN_EXE_claimgate")).args(arguments).output().unwrap();
    let operations = String::from_utf8(output.stdout).unwrap();
    let page = include_str!("../docs/operations.md");
    let (_, written) = page.split_once("<!-- operations -->\n").unwrap();
    assert!(
        written.trim() == operations.trim(),
        "docs/operations.md is not up to date; replace what follows its mark by the output of `claimgate reference --operations`"
    );
}

#[test]
fn the_readme_is_read_in_minutes() {
    let lines = include_str!("../README.md").lines().count();
    assert!(lines < 200, "README.md has {lines} lines; what stays belongs into docs/");
}

/// What each example of the page stands in.
const AROUND: &str = "policies: [{file: model_allow_list.cel}]\nkey_feeds: [{id: f, remote: {cluster: c, host: h, path: /}}]\n";

#[test]
fn the_examples_of_credentials_are_configurations() {
    let page = include_str!("../docs/upstream-credentials.md");
    let blocks = page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let examples: Vec<_> = blocks.filter(|block| block.contains("upstreams:")).collect();
    assert!(!examples.is_empty());
    for (number, example) in examples.into_iter().enumerate() {
        let file =
            std::env::temp_dir().join(format!("claimgate-example-{}-{number}.yaml", std::process::id()));
        fs::write(&file, format!("{AROUND}{example}")).unwrap();
        let policies = root().join("policies");
        let arguments =
            [Path::new("check"), Path::new("--config"), &file, Path::new("--policies"), &policies];
        let output = Command::new(env!("CARGO_BIN_EXE_claimgate")).args(arguments).output().unwrap();
        fs::remove_file(&file).unwrap();
        assert!(output.status.success(), "{example}\n{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn the_recipes_hold_and_stand_in_the_cookbook() {
    let folder = root().join("docs/cookbook");
    let config = folder.join("gateway.yaml");
    let arguments = [Path::new("test"), Path::new("--strict"), Path::new("--config"), &config];
    let output = Command::new(env!("CARGO_BIN_EXE_claimgate"))
        .args(arguments)
        .args([Path::new("--policies"), &folder])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));

    let page = include_str!("../docs/cookbook.md");
    let gateway = fs::read_to_string(&config).unwrap();
    let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let rules: Vec<_> = files.filter(|path| path.extension().is_some_and(|kind| kind == "cel")).collect();
    assert_eq!(rules.len(), 12);
    for rule in rules {
        let text = fs::read_to_string(&rule).unwrap();
        let code: Vec<_> = text.lines().filter(|line| !line.starts_with("//")).collect();
        assert!(page.contains(&code.join("\n")), "{} has changed", rule.display());
    }
    for when in gateway.lines().filter_map(|line| line.strip_prefix("    when: ")) {
        assert!(page.contains(when.trim_matches('"')), "the page does not have `{when}`");
    }
}

#[test]
fn every_file_that_the_walks_name_is_there() {
    let code = include_str!("../CONTRIBUTING.md").split('`').skip(1).step_by(2);
    let is_path =
        |text: &&str| ["src/", "tests/", "docs/", "envoy/"].iter().any(|folder| text.starts_with(folder));
    let paths: Vec<_> = code.filter(is_path).filter(|path| !path.contains('<')).collect();
    assert!(paths.len() > 40, "{paths:?}");
    let missing: Vec<_> = paths.into_iter().filter(|path| !root().join(path).exists()).collect();
    assert!(missing.is_empty(), "CONTRIBUTING.md names what is not there: {missing:?}");
}

#[test]
fn every_link_leads_somewhere() {
    let mut links = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") {
                continue;
            }
            links += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            assert!(target.exists(), "{}: `{link}` names no file", page.display());
            assert!(
                anchor.is_empty() || has_heading(&target, anchor),
                "{}: `{link}` names no heading",
                page.display()
            );
        }
    }
    assert!(links > 10, "only {links} links were found");
}

fn has_heading(page: &Path, anchor: &str) -> bool {
    let text = fs::read_to_string(page).unwrap();
    let headings = text.lines().filter_map(|line| line.strip_prefix('#'));
    headings.map(|heading| heading.trim_start_matches('#').trim()).any(|heading| {
        let kept = heading.to_lowercase();
        let kept = kept.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-'));
        kept.map(|letter| if letter == ' ' { '-' } else { letter }).eq(anchor.chars())
    })
}
