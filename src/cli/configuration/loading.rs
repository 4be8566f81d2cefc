//! Reads `gateway.yaml` and the policy files and compiles the whole gateway, or says everything that is wrong.

use std::path::PathBuf;

use clap::Args;

use super::environment::stand_in;
use super::policy_directory::PolicyDirectory;
use super::warnings::warnings;
use crate::cli::document::{Finding, Node, ReadError, Segment, attempt_all, read_document, read_node};
use crate::config::{Config, ConfigError, Rule};
use crate::gateway::Gateway;

/// Where the configuration is.
#[derive(Args, Debug)]
pub(in crate::cli) struct Sources {
    /// What the operator wrote
    #[arg(long, value_name = "FILE", default_value = "envoy/gateway.yaml")]
    pub(in crate::cli) config: PathBuf,
    /// The directory of the rules' files and their scripts
    #[arg(long, value_name = "DIRECTORY", default_value = "policies")]
    pub(in crate::cli) policies: PathBuf,
}

/// A configuration in which nothing is wrong, each rule with its text.
#[derive(Debug)]
pub(in crate::cli) struct Loaded {
    pub(in crate::cli) config: Config,
    pub(in crate::cli) warnings: Vec<Finding>,
}

impl Sources {
    pub(in crate::cli) fn load(&self) -> Result<Loaded, Vec<Finding>> {
        let document = read_document(&self.config).map_err(|finding| vec![finding])?;
        let mut directory = PolicyDirectory::open(&self.policies).map_err(|finding| vec![finding])?;
        let read = attempt_all(&self.config, document, |node| compile(node, &mut directory));
        let config = match read {
            Ok(config) => config,
            Err(mut findings) => {
                findings.extend(directory.into_findings());
                return Err(findings);
            }
        };
        let mut warnings = warnings(&self.config, &config);
        warnings.extend(directory.unused(&config.policies.iter().map(|rule| rule.file.as_str()).collect()));
        match directory.into_findings() {
            findings if findings.is_empty() => Ok(Loaded { config, warnings }),
            findings => Err(findings),
        }
    }
}

/// One attempt on what is left of the document. What is wrong in a policy file is noted by the directory.
fn compile(node: &Node, directory: &mut PolicyDirectory) -> Result<Config, ReadError> {
    let mut config: Config = read_node(node)?;
    loop {
        for (rule, index) in config.policies.iter_mut().zip(0..) {
            fill_in(rule, index, directory)?;
        }
        let Err(error) = Gateway::compile(&config, &stand_in(&config)) else { break };
        let file = config.policies.iter().map(|rule| &rule.file).find(|file| is_about(&error, file));
        if !file.is_some_and(|file| directory.reject(file, &error)) {
            return Err(ReadError { path: Segment::parse(&error.at), why: error.why });
        }
        config.policies.iter_mut().for_each(|rule| rule.expression = None);
    }
    Ok(config)
}

fn fill_in(rule: &mut Rule, index: usize, directory: &mut PolicyDirectory) -> Result<(), ReadError> {
    let error = |field: &str, why: String| {
        let path =
            [Segment::Field("policies".to_owned()), Segment::Index(index), Segment::Field(field.to_owned())];
        ReadError { path: path.into(), why }
    };
    if rule.expression.is_some() {
        return Err(error("expression", format!("the text comes from `{}`; leave this out", rule.file)));
    }
    rule.expression = Some(directory.text(&rule.file).map_err(|why| error("file", why))?);
    Ok(())
}

fn is_about(error: &ConfigError, file: &str) -> bool {
    error.at.strip_prefix(file).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}
