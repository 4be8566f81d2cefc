//! Paths through a document, as errors write them: `keys[3].hash`.

use std::fmt::Write;

use serde_path_to_error::Segment as SerdeSegment;

/// One segment of a path: a field's name or a list's index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Segment {
    Field(String),
    Index(usize),
}

impl Segment {
    /// Reads `keys[3].hash`. What follows the path, such as the `:1:4` of a position in it, is left off.
    pub(in crate::cli) fn parse(path: &str) -> Vec<Self> {
        let path = path.split(':').next().unwrap_or_default();
        path.split('.').flat_map(Self::parse_part).collect()
    }

    pub(super) fn path_of(error: &serde_path_to_error::Path) -> Vec<Self> {
        let segments = error.iter().filter_map(|segment| match segment {
            SerdeSegment::Seq { index } => Some(Self::Index(*index)),
            SerdeSegment::Map { key } => Some(Self::Field(key.clone())),
            SerdeSegment::Enum { variant } => Some(Self::Field(variant.clone())),
            SerdeSegment::Unknown => None,
        });
        segments.collect()
    }

    pub(in crate::cli) fn append_to(&self, path: &mut String) {
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

#[cfg(test)]
mod tests {
    use super::Segment;

    #[test]
    fn paths_read_and_print() {
        for path in ["keys", "keys[3].hash", "upstreams[0].credential.per_tenant.tenants.acme", "a[1][2]"] {
            let mut printed = String::new();
            Segment::parse(path).iter().for_each(|segment| segment.append_to(&mut printed));
            assert_eq!(printed, path);
        }
        assert_eq!(Segment::parse("policies[1].when:1:4"), Segment::parse("policies[1].when"));
        assert_eq!(Segment::parse(""), []);
    }
}
