//! Reads a document into a type and finds every error on the way, not only the first.
//!
//! What is found wrong is taken out of the document, or given the name it was meant to have, and the rest is
//! read again.

use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;

use super::error_wording::{meant, reworded};
use super::finding::Finding;
use super::node::Node;
use super::path::Segment;

/// A file with more errors than this is better mended than listed.
const MOST_FINDINGS: usize = 100;

/// The first error of one attempt.
#[derive(Debug)]
pub(in crate::cli) struct ReadError {
    pub(in crate::cli) path: Vec<Segment>,
    pub(in crate::cli) why: String,
}

/// Reads a whole file as one YAML document.
pub(in crate::cli) fn read_document(file: &Path) -> Result<Node, Finding> {
    let text = fs::read_to_string(file).map_err(|error| unreadable(file, &error))?;
    Node::parse(&text).map_err(|error| {
        let finding = Finding::in_file(file, error.why);
        error.place.map_or(finding.clone(), |place| finding.at(place))
    })
}

pub(in crate::cli) fn unreadable(file: &Path, error: &std::io::Error) -> Finding {
    let why = match error.kind() {
        std::io::ErrorKind::NotFound => {
            "there is no such file; check the name and the working directory".to_owned()
        }
        _ => format!("cannot be read: {}", error.to_string().to_lowercase()),
    };
    Finding::in_file(file, why)
}

/// Gives the document the shape `T`.
pub(in crate::cli) fn read_node<T: DeserializeOwned>(node: &Node) -> Result<T, ReadError> {
    serde_path_to_error::deserialize(node.to_json()).map_err(|error| {
        let why = reworded(&error.inner().to_string());
        ReadError { path: Segment::path_of(error.path()), why }
    })
}

/// Attempts to read `node`, which stands in `file`, until nothing is wrong with what is left.
pub(in crate::cli) fn attempt_all<T>(
    file: &Path,
    mut node: Node,
    mut attempt: impl FnMut(&Node) -> Result<T, ReadError>,
) -> Result<T, Vec<Finding>> {
    let mut findings = Vec::new();
    while findings.len() < MOST_FINDINGS {
        let ReadError { path, why } = match attempt(&node) {
            Ok(value) if findings.is_empty() => return Ok(value),
            Ok(_) => break,
            Err(error) => error,
        };
        let resolved = node.find(&path);
        let (present, absent) = path.split_at_checked(resolved.found).unwrap_or((&path, &[]));
        // A node that lost something may well be incomplete: that is no news.
        if !resolved.is_damaged || !absent.is_empty() {
            let mut written = resolved.path;
            absent.iter().for_each(|segment| segment.append_to(&mut written));
            findings.push(Finding::in_file(file, &why).at(resolved.place).on(written));
        }
        let is_renamed = meant(&why).is_some_and(|name| node.rename(present, name));
        if !is_renamed && !node.take_out(present) {
            break;
        }
    }
    Err(findings)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde::Deserialize;

    use super::{attempt_all, read_node};
    use crate::cli::document::Node;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[expect(dead_code, reason = "only its reading is tested")]
        keys: Vec<Key>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Key {
        #[expect(dead_code, reason = "only its reading is tested")]
        id: String,
        #[expect(dead_code, reason = "only its reading is tested")]
        hash: String,
    }

    #[test]
    fn every_error_is_found_once() {
        let text = "keys:\n  - id: a\n    hsah: 3\n  - id: 2\n    hash: y\n  - id: c\nlimit: 3\n";
        let findings =
            attempt_all(Path::new("g.yaml"), Node::parse(text).unwrap(), read_node::<Sample>).unwrap_err();
        let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "g.yaml:3:5: keys[0].hsah: there is no field `hsah`; did you mean `hash`?",
                "g.yaml:3:5: keys[0].hash: `3` cannot stand here; write text, in quotes",
                "g.yaml:4:5: keys[1].id: `2` cannot stand here; write text, in quotes",
                "g.yaml:6:5: keys[2]: the field `hash` is missing; add it",
                "g.yaml:7:1: limit: there is no field `limit`; there are `keys`",
            ]
        );
    }
}
