//! The README's reference is what `claimgate reference` prints.

use std::process::Command;

#[test]
fn the_reference_is_that_of_the_types() {
    let output = Command::new(env!("CARGO_BIN_EXE_claimgate")).arg("reference").output().unwrap();
    let reference = String::from_utf8(output.stdout).unwrap();
    let readme = include_str!("../README.md");
    let (_, written) = readme.split_once("<!-- reference -->\n").unwrap();
    assert!(
        written.trim() == reference.trim(),
        "the README's reference is not up to date; replace what follows its mark by the output of `claimgate reference`"
    );
}
