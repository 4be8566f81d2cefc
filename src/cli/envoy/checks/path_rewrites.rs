//! What a route makes of the path: the provider must be asked for what the rules were asked about.
//!
//! The filter judges the path without the upstream's `path_prefix`; the route cuts its own match off and puts
//! `prefix_rewrite` there.

use crate::cli::document::Finding;
use crate::cli::envoy::files::ConfigNode;
use crate::cli::envoy::model::EnvoyConfig;
use crate::cli::envoy::weakness::Weakness;

pub(super) fn findings(envoy: &EnvoyConfig<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for placed in envoy.judged().flat_map(|manager| manager.routes()) {
        let (Some(action), Some(wanted)) = (&placed.route.action, placed.route.at.field("match")) else {
            continue;
        };
        let clusters = placed.route.targets.iter().filter_map(|target| envoy.upstream(target.cluster?));
        let mut prefixes = clusters.map(|(_, upstream)| upstream.path_prefix.as_deref().unwrap_or_default());
        findings.extend(prefixes.find_map(|prefix| rewritten(action, &wanted, prefix)));
    }
    findings
}

fn rewritten(action: &ConfigNode<'_>, wanted: &ConfigNode<'_>, path_prefix: &str) -> Option<Finding> {
    let unclear = ["regex_rewrite", "path_rewrite", "path_rewrite_policy"];
    if let Some(at) = unclear.into_iter().find_map(|name| action.field(name)) {
        return Some(Weakness::PathRewriteUnclear.at(&at, &[]));
    }
    let forms = ["prefix", "path_separated_prefix", "path"];
    let matched = forms.into_iter().find_map(|form| wanted.text_of(form))?;
    // A route that matches more than the prefix is judged where the prefix ends.
    let cut = if path_prefix.starts_with(matched) { path_prefix } else { matched };
    let judged = cut.strip_prefix(path_prefix)?;
    let kept = cut.strip_prefix(matched).unwrap_or_default();
    let sent = match action.text_of("prefix_rewrite") {
        Some(rewrite) => format!("{rewrite}{kept}"),
        None => cut.to_owned(),
    };
    let is_same = judged.trim_end_matches('/') == sent.trim_end_matches('/');
    let shown = |path: &str| if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    (!is_same).then(|| {
        Weakness::PathRewritten.at(&action.place_of("prefix_rewrite"), &[&shown(judged), &shown(&sent)])
    })
}
