//! The directory of policy files: their texts, and what is wrong with them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::document::{Finding, Place, Severity, nearest, unreadable};
use crate::config::ConfigError;

/// What stands in for the text of a file that was found wrong, so that the rest can still be checked.
const STAND_IN: &str = "true";

/// The policy files of one directory.
#[derive(Debug)]
pub(super) struct PolicyDirectory {
    directory: PathBuf,
    /// The names of all files that end in `.cel`.
    names: BTreeSet<String>,
    texts: BTreeMap<String, String>,
    rejected: BTreeSet<String>,
    findings: Vec<Finding>,
}

impl PolicyDirectory {
    pub(super) fn open(directory: &Path) -> Result<Self, Finding> {
        let entries = fs::read_dir(directory).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Finding::in_file(
                directory,
                "there is no such directory; name that of the policies with `--policies`",
            ),
            _ => unreadable(directory, &error),
        })?;
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        Ok(Self {
            directory: directory.to_owned(),
            names: names.filter(|name| name.ends_with(".cel")).collect(),
            texts: BTreeMap::new(),
            rejected: BTreeSet::new(),
            findings: Vec::new(),
        })
    }

    /// The text of a file, or of what stands in for it; else why there is none.
    pub(super) fn text(&mut self, name: &str) -> Result<String, String> {
        if self.rejected.contains(name) || name.contains(['/', '\\']) {
            return Ok(STAND_IN.to_owned());
        }
        if let Some(text) = self.texts.get(name) {
            return Ok(text.clone());
        }
        let file = self.directory.join(name);
        if !self.names.contains(name) {
            let remedy = match nearest(name, self.names.iter().map(String::as_str)) {
                Some(candidate) => format!("did you mean `{candidate}`?"),
                None => "write it, or take the entry out".to_owned(),
            };
            return Err(format!("there is no `{}`; {remedy}", file.display()));
        }
        let text = fs::read_to_string(&file)
            .map_err(|error| format!("`{}` cannot be read: {error}", file.display()))?;
        self.texts.insert(name.to_owned(), text.clone());
        Ok(text)
    }

    /// Notes what is wrong with a file; false where its error was noted before.
    pub(super) fn reject(&mut self, name: &str, error: &ConfigError) -> bool {
        if !self.rejected.insert(name.to_owned()) {
            return false;
        }
        let text = self.texts.get(name).map(String::as_str).unwrap_or_default();
        self.findings.push(wrong_expression(&self.directory.join(name), (name, text), error));
        true
    }

    pub(super) fn into_findings(self) -> Vec<Finding> {
        self.findings
    }

    /// Files that no rule names.
    pub(super) fn unused(&self, used: &BTreeSet<&str>) -> Vec<Finding> {
        let unused = self.names.iter().filter(|name| !used.contains(name.as_str()));
        let why = "no entry of `policies` names this file, so it has no effect";
        let warning = |name| Finding::in_file(&self.directory.join(name), why).weighing(Severity::Warning);
        unused.map(warning).collect()
    }
}

/// What is wrong with an expression of this name and text, and where in it.
pub(in crate::cli) fn wrong_expression(
    file: &Path,
    (name, text): (&str, &str),
    error: &ConfigError,
) -> Finding {
    let told = error.at.strip_prefix(name).and_then(position);
    let place = told.or_else(|| mentioned(text, &error.why)).unwrap_or(Place { line: 1, column: 1 });
    Finding::in_file(file, &error.why).at(place)
}

/// The id of the rule in this file.
pub(in crate::cli) fn rule_id(file: &str) -> &str {
    file.strip_suffix(".cel").unwrap_or(file)
}

/// Reads `:3:14`.
fn position(text: &str) -> Option<Place> {
    let (line, column) = text.strip_prefix(':')?.split_once(':')?;
    Some(Place { line: line.parse().ok()?, column: column.parse().ok()? })
}

/// Where the text has the name that an error is about: the last one before the remedy.
fn mentioned(text: &str, why: &str) -> Option<Place> {
    let subject = why.split(';').next().unwrap_or_default();
    let name = subject.split('`').skip(1).step_by(2).last()?;
    text.lines().zip(1..).find_map(|(line, number)| {
        let code = line.split("//").next().unwrap_or_default();
        let offset = words(code).find(|(_, word)| *word == name).map(|(offset, _)| offset)?;
        let column = code.get(..offset)?.chars().count().saturating_add(1);
        Some(Place { line: number, column: u64::try_from(column).ok()? })
    })
}

/// The names in a line of CEL, each with the byte where it starts.
fn words(line: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    let mut rest: usize = 0;
    line.split_inclusive(move |character| !is_part(character)).map(move |piece| {
        let start = rest;
        rest = rest.saturating_add(piece.len());
        (start, piece.trim_end_matches(move |character| !is_part(character)))
    })
}

#[cfg(test)]
mod tests {
    use super::{Place, mentioned};

    #[test]
    fn a_name_is_found_where_it_stands_in_the_code() {
        let text = "// tenannt is wrong\nhas(principal.tenant)\n  && principal.tenannt == 'a'\n";
        for (why, line, column) in [
            ("`principal` has no field `tenannt`; did you mean `tenant`?", 3, 16),
            ("there is no function `has`; did you mean `size`?", 2, 1),
        ] {
            assert_eq!(mentioned(text, why), Some(Place { line, column }), "{why}");
        }
        assert_eq!(mentioned(text, "the expression gives `string`; it must give a boolean"), None);
    }
}
