//! The names of models that every reader takes alike.

/// True for a name that is the same for readers that stop at NUL, trim, split lines, or drop a byte order mark.
pub(super) fn is_model_name(name: &str) -> bool {
    let is_odd = |c: char| c.is_control() || c == '\u{feff}';
    !name.is_empty() && name.trim() == name && !name.chars().any(is_odd)
}
