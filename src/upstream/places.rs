//! The projects and locations of Vertex AI that this upstream is for: callers write them into the path, and the gateway's
//! credential may reach more of them.

use std::collections::BTreeSet;

use crate::config::{self, ConfigError};
use crate::denial::{Denial, Reason};
use crate::dialect::Place;
use crate::request::Dialect;

/// What a path may name, compared with its segments percent-decoded, letter by letter.
#[derive(Debug)]
pub(super) struct Places {
    projects: BTreeSet<String>,
    locations: BTreeSet<String>,
}

impl Places {
    /// `None` for other dialects, whose paths name none.
    pub(super) fn compile(upstream: &config::Upstream, at: &str) -> Result<Option<Self>, ConfigError> {
        let lists = [
            ("projects", &upstream.projects, "acme-prod"),
            ("locations", &upstream.locations, "us-central1"),
        ];
        if upstream.dialect != Dialect::Vertex {
            return match lists.iter().find(|(_, list, _)| list.is_some()) {
                Some((field, ..)) => {
                    let why = format!("`{}` has no {field} in its paths; leave this out", upstream.dialect);
                    Err(ConfigError::new(format!("{at}.{field}"), why))
                }
                None => Ok(None),
            };
        }
        for (index, operation) in upstream.operations.iter().enumerate() {
            if Place::of(operation.path.trim_start_matches('/').split('/')).is_none() {
                let why = format!(
                    "`{}` names no project and location, of which each request needs its own; begin it with `/v1/projects/*/locations/*`",
                    operation.path.escape_debug()
                );
                return Err(ConfigError::new(format!("{at}.operations[{index}].path"), why));
            }
        }
        let [projects, locations] = lists.map(|list| compiled(list, at));
        Ok(Some(Self { projects: projects?, locations: locations? }))
    }

    pub(super) fn projects(&self) -> impl Iterator<Item = &str> {
        self.projects.iter().map(String::as_str)
    }

    /// # Errors
    /// `tenant_mismatch`, which does not tell what is listed.
    pub(super) fn require(&self, place: Option<&Place>) -> Result<(), Denial> {
        let refused = |what: &str| {
            let detail = format!("the path names a {what} that this gateway does not serve here");
            Err(Denial::new(Reason::TenantMismatch).with_detail(detail))
        };
        match place {
            Some(place) if !self.projects.contains(&place.project) => refused("project"),
            Some(place) if self.locations.contains(&place.location) => Ok(()),
            _ => refused("location"),
        }
    }
}

fn compiled(
    (field, list, example): (&str, &Option<Vec<String>>, &str),
    at: &str,
) -> Result<BTreeSet<String>, ConfigError> {
    let list = list.as_deref().unwrap_or_default();
    if list.is_empty() {
        let why = format!(
            "callers write {field} into the path, and the credential may reach more than they may use; name those that this upstream is for, such as `{example}`"
        );
        return Err(ConfigError::new(format!("{at}.{field}"), why));
    }
    if let Some((index, name)) = list.iter().enumerate().find(|(_, name)| !is_name(name)) {
        let why = format!(
            "`{}` cannot stand in a path; write a name in lower case, such as `{example}`",
            name.escape_debug()
        );
        return Err(ConfigError::new(format!("{at}.{field}[{index}]"), why));
    }
    Ok(list.iter().cloned().collect())
}

/// True for an id or a number of a project, with its domain where it has one (`example.com:web`), and for a location.
/// Google's `-`, which stands for every one, is none.
pub(super) fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.bytes().next().is_some_and(is_plain)
        && name.bytes().all(|byte| is_plain(byte) || b"-.:".contains(&byte))
}
