//! Which rules the scripts have shown both to allow and to deny.

use std::collections::BTreeMap;

use super::outcome::Got;
use super::script::{Script, Wanted};
use crate::cli::configuration::{Sources, rule_id};
use crate::cli::document::Finding;
use crate::config::Config;

/// What was seen of each rule.
pub(super) struct Coverage {
    rules: BTreeMap<String, Seen>,
}

struct Seen {
    index: usize,
    allows: bool,
    denies: bool,
}

impl Coverage {
    pub(super) fn of(config: &Config) -> Self {
        let rules = config.policies.iter().zip(0..);
        let unseen = |index| Seen { index, allows: false, denies: false };
        Self { rules: rules.map(|(rule, index)| (rule_id(&rule.file).to_owned(), unseen(index))).collect() }
    }

    /// A denial counts for the rule that denied, an allowed call for the rule its script is about.
    pub(super) fn note(&mut self, script: &Script, got: &Got) {
        for denier in got.rule.iter().chain(&got.shadow) {
            if let Some(seen) = self.rules.get_mut(denier) {
                seen.denies = true;
            }
        }
        let subject = script
            .policy
            .as_ref()
            .filter(|policy| got.decision == Wanted::Allow && !got.shadow.contains(policy));
        if let Some(seen) = subject.and_then(|policy| self.rules.get_mut(policy)) {
            seen.allows = true;
        }
    }

    /// One finding per rule that is not shown to do both, in the order of the configuration.
    pub(super) fn gaps(&self, sources: &Sources) -> Vec<Finding> {
        let mut gaps: Vec<(usize, Finding)> = self
            .rules
            .iter()
            .filter_map(|(id, seen)| {
                let missing = match (seen.allows, seen.denies) {
                    (true, true) => return None,
                    (true, false) => "no script shows a call that it denies",
                    (false, true) => "no script with `policy` set to it shows a call that it allows",
                    (false, false) => "no script shows what it allows and what it denies",
                };
                let finding = Finding::in_file(&sources.policies.join(format!("{id}.cel")), missing);
                Some((seen.index, finding.on(format!("policies[{}]", seen.index))))
            })
            .collect();
        gaps.sort_by_key(|(index, _)| *index);
        gaps.into_iter().map(|(_, finding)| finding).collect()
    }
}
