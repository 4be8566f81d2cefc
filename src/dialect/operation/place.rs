//! The project and the location that a path of Vertex AI names: who pays, and where.

/// Where Vertex AI is asked to work, as the path says it, percent-decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub project: String,
    pub location: String,
}

impl Place {
    /// The place that the segments of a path name, decoded: `{version}/projects/{project}/locations/{location}/…`.
    pub fn of<'a>(segments: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut segments = segments.into_iter().skip(1);
        let mut named = |collection| {
            segments.next().filter(|segment| *segment == collection)?;
            segments.next().map(str::to_owned)
        };
        Some(Self { project: named("projects")?, location: named("locations")? })
    }
}
