//! The variables an expression may name, so that a misspelt one is found when the configuration loads.

/// The variables of one kind of expression.
#[derive(Clone, Copy, Debug)]
pub struct Vocabulary {
    pub variables: &'static [Field],
}

/// A variable or one of its fields.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    pub name: &'static str,
    /// The fields it has; `None` where it is a value or an open map, such as the claims of a token.
    pub fields: Option<&'static [Field]>,
    /// True where the variable read as a whole does not have it.
    pub is_apart: bool,
    /// True where it is the name of a model, which has several spellings.
    pub is_model: bool,
}

impl Field {
    pub const fn value(name: &'static str) -> Self {
        Self { name, fields: None, is_apart: false, is_model: false }
    }

    /// The name of a model.
    pub const fn model(name: &'static str) -> Self {
        Self { is_model: true, ..Self::value(name) }
    }

    pub const fn object(name: &'static str, fields: &'static [Self]) -> Self {
        Self { name, fields: Some(fields), is_apart: false, is_model: false }
    }

    /// A field that is there only where it is read by its name.
    pub const fn apart(self) -> Self {
        Self { is_apart: true, ..self }
    }
}

/// Finds `name` among `fields`, or says which names there are and which is nearest.
pub(super) fn find(
    fields: &'static [Field],
    name: &str,
    owner: Option<&str>,
) -> Result<&'static Field, String> {
    if let Some(field) = fields.iter().find(|field| field.name == name) {
        return Ok(field);
    }
    Err(unknown(&fields.iter().map(|field| field.name).collect::<Vec<_>>(), name, owner))
}

/// Says which names there are, and which is nearest to this one, unless it is one of them.
pub(super) fn find_name(names: &[&str], name: &str, owner: Option<&str>) -> Result<(), String> {
    if names.contains(&name) { Ok(()) } else { Err(unknown(names, name, owner)) }
}

fn unknown(names: &[&str], name: &str, owner: Option<&str>) -> String {
    let subject = match owner {
        Some(owner) => format!("`{owner}` has no field `{name}`"),
        None => format!("there is no variable `{name}`"),
    };
    let nearest = names.iter().map(|candidate| (strsim::levenshtein(candidate, name), candidate)).min();
    match nearest {
        Some((edits, candidate)) if edits <= 3 => format!("{subject}; did you mean `{candidate}`?"),
        Some(_) => format!("{subject}; there are `{}`", names.join("`, `")),
        None => format!("{subject}; there are none"),
    }
}
