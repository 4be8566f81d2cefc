//! Edits of a body that was accepted: members of its top level are found and replaced, and nothing else of it is touched.

use std::ops::Range;

use crate::dialect::json::scanner::{Scanner, Value};
use crate::dialect::json::syntax_error::{Close, SyntaxError};

/// Where members of the top level stand, and what is to be put in their place.
pub(super) struct Edit<'a, const N: usize> {
    body: &'a str,
    names: [&'static str; N],
    found: [Option<Range<usize>>; N],
    /// Behind the opening brace.
    begin: usize,
    is_empty: bool,
    changes: Vec<(Range<usize>, String)>,
}

impl<'a, const N: usize> Edit<'a, N> {
    /// The body must be one that `read_body` has accepted, so that no name is there twice.
    pub(super) fn find(body: &'a str, names: [&'static str; N]) -> Result<Self, SyntaxError> {
        let mut json = Scanner::new(body);
        let Value::Object = json.value()? else { return Err(SyntaxError::Kind) };
        let mut found = [const { None }; N];
        let begin = position(body, &json);
        let mut goes_on = json.opens(Close::Object)?;
        let is_empty = !goes_on;
        while goes_on {
            let name = json.key()?.unescaped()?;
            json.colon()?;
            json.skip_blanks();
            let begin = position(body, &json);
            pass_over(&mut json)?;
            if let Some(at) = names.iter().position(|wanted| *wanted == name).and_then(|at| found.get_mut(at))
            {
                *at = Some(begin..position(body, &json));
            }
            goes_on = json.goes_on(Close::Object)?;
        }
        Ok(Self { body, names, found, begin, is_empty, changes: Vec::new() })
    }

    /// The value at a name, as it was sent.
    pub(super) fn value(&self, name: &str) -> Option<&'a str> {
        self.body.get(self.range(name)?)
    }

    /// Puts another value at a name, or the name and the value before all others.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        match self.range(name) {
            Some(range) => self.changes.push((range, value.to_owned())),
            None => {
                let (before, behind) = match (self.is_empty, self.changes.is_empty()) {
                    (false, _) => ("", ","),
                    (true, false) => (",", ""),
                    (true, true) => ("", ""),
                };
                self.changes.push((self.begin..self.begin, format!("{before}\"{name}\":{value}{behind}")));
            }
        }
    }

    /// The body with the changes; `None` where there are none.
    pub(super) fn done(mut self) -> Option<Vec<u8>> {
        if self.changes.is_empty() {
            return None;
        }
        self.changes.sort_by_key(|(range, _)| range.start);
        let mut edited = String::with_capacity(self.body.len().saturating_add(128));
        let mut from = 0;
        for (range, text) in &self.changes {
            edited.push_str(self.body.get(from..range.start)?);
            edited.push_str(text);
            from = range.end;
        }
        edited.push_str(self.body.get(from..)?);
        Some(edited.into_bytes())
    }

    fn range(&self, name: &str) -> Option<Range<usize>> {
        let at = self.names.iter().position(|wanted| *wanted == name)?;
        self.found.get(at)?.clone()
    }
}

fn position(body: &str, json: &Scanner<'_>) -> usize {
    body.len().saturating_sub(json.rest().len())
}

/// Passes over one value; how deep an accepted body is nested is bounded.
fn pass_over(json: &mut Scanner<'_>) -> Result<(), SyntaxError> {
    let close = match json.value()? {
        Value::Array => Close::Array,
        Value::Object => Close::Object,
        _ => return Ok(()),
    };
    let mut goes_on = json.opens(close)?;
    while goes_on {
        if let Close::Object = close {
            json.key()?;
            json.colon()?;
        }
        pass_over(json)?;
        goes_on = json.goes_on(close)?;
    }
    Ok(())
}
