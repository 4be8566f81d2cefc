//! Envoy's files, told apart by what stands in them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::config_node::ConfigNode;
use crate::cli::document::{Finding, Node, read_document};

const NO_KIND: &str = "this is no Envoy bootstrap (`static_resources`), no discovery response (`resources`) and no \
                       output of /config_dump (`configs`); give the file that `envoy --config-path` reads";

/// One file.
#[derive(Debug)]
pub(in crate::cli) struct Document {
    file: PathBuf,
    node: Node,
    kind: Kind,
}

/// What a file is to Envoy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Kind {
    Bootstrap,
    /// What a file holds that Envoy discovers resources from.
    Response,
    Dump,
}

/// Reads the files, and those that they name and that exist.
pub(in crate::cli) fn read_files(files: &[PathBuf]) -> Result<Vec<Document>, Vec<Finding>> {
    let mut documents = Vec::new();
    let mut findings = Vec::new();
    for file in files {
        match read_document(file) {
            Ok(node) => match Kind::of(&ConfigNode::root(file, &node)) {
                Some(kind) => documents.push(Document { file: file.clone(), node, kind }),
                None => findings.push(Finding::in_file(file, NO_KIND)),
            },
            Err(finding) => findings.push(finding),
        }
    }
    let given: BTreeSet<PathBuf> = files.iter().filter_map(|file| fs::canonicalize(file).ok()).collect();
    let named: BTreeSet<PathBuf> = documents.iter().flat_map(Document::named_files).collect();
    for file in named.difference(&given) {
        match read_document(file) {
            // Secrets and endpoints come from files too.
            Ok(node) if Kind::of(&ConfigNode::root(file, &node)) == Some(Kind::Response) => {
                documents.push(Document { file: file.clone(), node, kind: Kind::Response });
            }
            Ok(_) => {}
            Err(finding) => findings.push(finding),
        }
    }
    if findings.is_empty() { Ok(documents) } else { Err(findings) }
}

impl Kind {
    fn of(root: &ConfigNode<'_>) -> Option<Self> {
        let has = |name: &str| root.field(name).is_some();
        match () {
            () if has("configs") => Some(Self::Dump),
            () if has("resources") => Some(Self::Response),
            () if ["static_resources", "dynamic_resources", "admin"].into_iter().any(has) => {
                Some(Self::Bootstrap)
            }
            () => None,
        }
    }
}

impl Document {
    pub(in crate::cli) fn kind(&self) -> Kind {
        self.kind
    }

    pub(in crate::cli) fn root(&self) -> ConfigNode<'_> {
        ConfigNode::root(&self.file, &self.node)
    }

    fn named_files(&self) -> Vec<PathBuf> {
        let sources = self.root().everything();
        let paths = sources.iter().filter_map(|node| node.field("path_config_source")?.text_of("path"));
        paths.filter_map(|path| fs::canonicalize(Path::new(path)).ok()).collect()
    }
}
