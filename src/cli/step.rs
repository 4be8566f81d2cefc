//! One step of a path through a document, and paths as errors write them: `keys[3].hash`.

use std::fmt::Write;

/// A field's name or a list's index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Field(String),
    Index(usize),
}

impl Step {
    /// Reads `keys[3].hash`. What follows the path, such as the `:1:4` of a position in it, is left off.
    pub(super) fn parse(path: &str) -> Vec<Self> {
        let path = path.split(':').next().unwrap_or_default();
        path.split('.').flat_map(Self::parse_part).collect()
    }

    pub(super) fn append_to(&self, path: &mut String) {
        match self {
            Self::Field(name) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(name);
            }
            // A `String` takes everything.
            Self::Index(index) => drop(write!(path, "[{index}]")),
        }
    }

    /// `keys[3][0]`: a name, then indexes.
    fn parse_part(part: &str) -> Vec<Self> {
        let mut pieces = part.split('[');
        let name = pieces.next().filter(|name| !name.is_empty()).map(|name| Self::Field(name.to_owned()));
        let indexes = pieces.filter_map(|piece| piece.trim_end_matches(']').parse().ok().map(Self::Index));
        name.into_iter().chain(indexes).collect()
    }
}

impl From<&serde_path_to_error::Path> for Steps {
    fn from(path: &serde_path_to_error::Path) -> Self {
        use serde_path_to_error::Segment;
        let steps = path.iter().filter_map(|segment| match segment {
            Segment::Seq { index } => Some(Step::Index(*index)),
            Segment::Map { key } => Some(Step::Field(key.clone())),
            Segment::Enum { variant } => Some(Step::Field(variant.clone())),
            Segment::Unknown => None,
        });
        Self(steps.collect())
    }
}

/// The steps of a whole path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Steps(pub(super) Vec<Step>);

#[cfg(test)]
mod tests {
    use super::Step;

    #[test]
    fn paths_read_and_print() {
        for path in ["keys", "keys[3].hash", "upstreams[0].credential.per_tenant.tenants.acme", "a[1][2]"] {
            let mut printed = String::new();
            Step::parse(path).iter().for_each(|step| step.append_to(&mut printed));
            assert_eq!(printed, path);
        }
        assert_eq!(Step::parse("policies[1].when:1:4"), Step::parse("policies[1].when"));
        assert_eq!(Step::parse(""), []);
    }
}
