//! What the operator has a record tell beside.

use std::sync::Arc;

use super::Line;

/// Texts by name, which holds nothing to be escaped.
#[derive(Clone, Copy, Debug)]
pub struct Labels<'a>(pub &'a [(Arc<str>, String)]);

impl Labels<'_> {
    pub fn write(self, line: &mut Line) {
        if !self.0.is_empty() {
            line.put_texts("claimgate.labels", self.0.iter().map(|(name, text)| (&**name, text.as_str())));
        }
    }
}
