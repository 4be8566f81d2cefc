//! Reads `gateway.yaml` and the policy files and compiles the whole gateway, or says everything that is wrong.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::clock::now_seconds;
use super::shelf::Shelf;
use crate::cli::document::{
    Finding, Node, ReadError, Segment, Severity, attempt_all, read_document, read_node,
};
use crate::config::{
    Config, ConfigError, Introspection, Jwks, ProviderCredential, QuotaEngine, Rule, SecretSource,
};
use crate::gateway::Gateway;
use crate::identity::KeySet;
use crate::secret::Secret;

/// Where the configuration is.
#[derive(Args, Debug)]
pub(super) struct Sources {
    /// What the operator wrote
    #[arg(long, value_name = "FILE", default_value = "envoy/gateway.yaml")]
    pub(super) config: PathBuf,
    /// The directory of the rules' files and their scripts
    #[arg(long, value_name = "DIRECTORY", default_value = "policies")]
    pub(super) policies: PathBuf,
}

/// A configuration in which nothing is wrong, each rule with its text.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) config: Config,
    pub(super) warnings: Vec<Finding>,
}

impl Sources {
    pub(super) fn load(&self) -> Result<Loaded, Vec<Finding>> {
        let document = read_document(&self.config).map_err(|finding| vec![finding])?;
        let mut shelf = Shelf::open(&self.policies).map_err(|finding| vec![finding])?;
        let read = attempt_all(&self.config, document, |node| compile(node, &mut shelf));
        let config = match read {
            Ok(config) => config,
            Err(mut findings) => {
                findings.extend(shelf.into_findings());
                return Err(findings);
            }
        };
        let mut warnings = self.long_windows(&config);
        warnings.extend(self.ended_overrides(&config));
        warnings.extend(self.idle_service(&config));
        warnings.extend(self.idle_algorithms(&config));
        warnings.extend(shelf.unused(&config.policies.iter().map(|rule| rule.file.as_str()).collect()));
        match shelf.into_findings() {
            findings if findings.is_empty() => Ok(Loaded { config, warnings }),
            findings => Err(findings),
        }
    }

    /// Who wrote `durability: process` accepted it; whoever deploys it should still know.
    fn long_windows(&self, config: &Config) -> Vec<Finding> {
        let quotas = config.quotas.iter().zip(0_usize..);
        quotas
            .filter(|(quota, _)| quota.durability.is_some() && quota.outlives_processes())
            .map(|(quota, index)| {
                let why = format!(
                    "the counters of `{}` live in one Envoy process: they are lost when it ends, and every replica has its own",
                    quota.id
                );
                let at = format!("quotas[{index}].durability");
                Finding::in_file(&self.config, why).on(at).weighing(Severity::Warning)
            })
            .collect()
    }

    /// The other algorithms work, so that it is no reason to refuse the file.
    fn idle_algorithms(&self, config: &Config) -> Vec<Finding> {
        let mut warnings = Vec::new();
        for (issuer, index) in config.issuers.iter().zip(0_usize..) {
            let Some(Jwks::Inline(document)) = &issuer.jwks else { continue };
            let document = document.to_string();
            for (algorithm, place) in issuer.algorithms.iter().zip(0_usize..) {
                if KeySet::parse(document.as_bytes(), &[*algorithm]).is_err() {
                    let at = format!("issuers[{index}].algorithms[{place}]");
                    let why = format!(
                        "no key in `jwks.inline` is one for `{}`, so that no such token can match; add its key, or leave this out",
                        algorithm.name()
                    );
                    warnings.push(Finding::in_file(&self.config, why).on(at).weighing(Severity::Warning));
                }
            }
        }
        warnings
    }

    /// They do nothing any more, which is no reason to refuse the file.
    fn ended_overrides(&self, config: &Config) -> Vec<Finding> {
        let now = now_seconds().unwrap_or_default();
        let mut warnings = Vec::new();
        for (quota, index) in config.quotas.iter().zip(0_usize..) {
            let overrides = quota.overrides.iter().zip(0_usize..);
            warnings.extend(overrides.filter(|(entry, _)| !entry.until.is_after(now)).map(
                |(entry, place)| {
                    let at = format!("quotas[{index}].overrides[{place}].until");
                    let why =
                        format!("`{}` is over; delete the override, or write a later time", entry.until);
                    Finding::in_file(&self.config, why).on(at).weighing(Severity::Warning)
                },
            ));
        }
        warnings
    }

    /// Who writes where the service is may believe that it counts.
    fn idle_service(&self, config: &Config) -> Option<Finding> {
        let is_asked = config.quotas.iter().any(|quota| quota.engine == QuotaEngine::Global);
        let is_idle = config.rate_limit_service.is_some() && !is_asked;
        is_idle.then(|| {
            let why = "no quota has `engine: global`, so this service is never asked, and each Envoy counts by itself";
            Finding::in_file(&self.config, why).on("rate_limit_service").weighing(Severity::Warning)
        })
    }
}

/// One attempt on what is left of the document. What is wrong in a policy file is noted on the shelf.
fn compile(node: &Node, shelf: &mut Shelf) -> Result<Config, ReadError> {
    let mut config: Config = read_node(node)?;
    loop {
        for (rule, index) in config.policies.iter_mut().zip(0..) {
            fill_in(rule, index, shelf)?;
        }
        let Err(error) = Gateway::compile(&config, &stand_in(&config)) else { break };
        let file = config.policies.iter().map(|rule| &rule.file).find(|file| is_about(&error, file));
        if !file.is_some_and(|file| shelf.reject(file, &error)) {
            return Err(ReadError { path: Segment::parse(&error.at), why: error.why });
        }
        config.policies.iter_mut().for_each(|rule| rule.expression = None);
    }
    Ok(config)
}

fn fill_in(rule: &mut Rule, index: usize, shelf: &mut Shelf) -> Result<(), ReadError> {
    let trouble = |field: &str, why: String| {
        let path =
            [Segment::Field("policies".to_owned()), Segment::Index(index), Segment::Field(field.to_owned())];
        ReadError { path: path.into(), why }
    };
    if rule.expression.is_some() {
        return Err(trouble("expression", format!("the text comes from `{}`; leave this out", rule.file)));
    }
    rule.expression = Some(shelf.text(&rule.file).map_err(|why| trouble("file", why))?);
    Ok(())
}

fn is_about(error: &ConfigError, file: &str) -> bool {
    error.at.strip_prefix(file).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

/// Provider credentials and signing keys are there when Envoy runs; here their names are enough.
pub(super) fn stand_in(config: &Config) -> impl Fn(&str) -> Option<Secret> + use<> {
    // A key that signs the tokens of scripts, and that everybody knows.
    environment(config, |name| Some(json!({ "kty": "oct", "kid": name, "k": "A".repeat(43) }).to_string()))
}

/// As [`stand_in`], but with the signing keys of this process's environment.
pub(super) fn with_signing_keys(config: &Config) -> impl Fn(&str) -> Option<Secret> + use<> {
    environment(config, |name| std::env::var(name).ok())
}

fn environment(
    config: &Config,
    signing_key: fn(&str) -> Option<String>,
) -> impl Fn(&str) -> Option<Secret> + use<> {
    let signing: Vec<String> = signing_keys(config).map(str::to_owned).collect();
    move |name| match signing.iter().any(|key| key == name) {
        true => signing_key(name).map(Secret::new),
        false => Some(Secret::new(provider_credential(name))),
    }
}

/// The environment variables that hold keys of the gateway's own: those that sign tokens, and the one that makes nonces.
fn signing_keys(config: &Config) -> impl Iterator<Item = &str> {
    let keys = config.tokens.iter().flat_map(|tokens| [Some(&tokens.signing_key), tokens.other_key.as_ref()]);
    let keys = keys.chain(config.dpop.iter().map(|dpop| dpop.nonce_key.as_ref()));
    keys.flatten().map(|SecretSource::Env(name)| name.as_str())
}

/// The environment variables by whose values issuers know the gateway.
fn client_secrets(config: &Config) -> impl Iterator<Item = &str> {
    let sources = config.issuers.iter().filter_map(|issuer| issuer.introspection.as_ref());
    sources.map(|Introspection { client_secret: SecretSource::Env(name), .. }| name.as_str())
}

/// The value that a provider credential has in scripts.
fn provider_credential(name: &str) -> String {
    format!("provider-credential-of-{name}")
}

/// The environment variables that hold provider credentials and secrets of the gateway's own, sorted.
pub(super) fn environment_names(config: &Config) -> BTreeSet<&str> {
    let names = config.upstreams.iter().flat_map(|upstream| match &upstream.credential {
        ProviderCredential::Env(name) => vec![name.as_str()],
        ProviderCredential::PerTenant(entry) => {
            entry.tenants.values().chain(&entry.fallback).map(String::as_str).collect()
        }
        ProviderCredential::Envoy => Vec::new(),
    });
    names.chain(signing_keys(config)).chain(client_secrets(config)).collect()
}
