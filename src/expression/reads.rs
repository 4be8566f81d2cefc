//! What an expression reads, taken from its syntax tree, so that nothing else is computed for it.

use std::collections::BTreeSet;

use cel_interpreter::IdedExpr;
use cel_interpreter::common::ast::{CallExpr, EntryExpr, Expr};

use super::functions;
use super::vocabulary::{self, Field, Vocabulary};

/// A set of `variable.field` pairs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads(BTreeSet<(&'static str, Option<&'static str>)>);

impl Reads {
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, Option<&'static str>)> + '_ {
        self.0.iter().copied()
    }

    pub fn extend(&mut self, other: &Self) {
        self.0.extend(other.iter());
    }

    /// Notes that `variable.field` is needed, though no expression reads it.
    pub fn add(&mut self, variable: &'static str, field: &'static str) {
        self.0.insert((variable, Some(field)));
    }

    /// True where nothing is read, so that the value is the same for everybody.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True where `holds` is true for every variable and field that is read.
    pub fn all(&self, holds: impl Fn(&str, Option<&str>) -> bool) -> bool {
        self.iter().all(|(variable, field)| holds(variable, field))
    }

    /// True where some field of `variable` is read.
    pub fn variable(&self, variable: &str) -> bool {
        self.iter().any(|(read, _)| read == variable)
    }

    /// True where `variable.field` is read.
    pub fn field(&self, variable: &str, field: &str) -> bool {
        self.iter().any(|read| read == (variable, Some(field)))
    }
}

/// What a syntax tree shows without running it.
#[derive(Debug)]
pub(super) struct Findings {
    pub(super) reads: Reads,
    pub(super) scope_questions: Vec<ScopeQuestion>,
}

/// One call of `covers`, and the scope it asks for.
#[derive(Debug)]
pub(super) struct ScopeQuestion {
    pub(super) call: IdedExpr,
    pub(super) wanted: IdedExpr,
}

/// What `tree` reads and asks.
///
/// # Errors
/// A variable, field or function that does not exist.
pub(super) fn of(tree: &IdedExpr, vocabulary: &Vocabulary) -> Result<Findings, String> {
    let findings = Findings { reads: Reads::default(), scope_questions: Vec::new() };
    let mut walk = Walk { vocabulary, findings, locals: Vec::new() };
    walk.expression(tree)?;
    Ok(walk.findings)
}

struct Walk<'a> {
    vocabulary: &'a Vocabulary,
    findings: Findings,
    /// Variables that macros such as `exists(s, …)` declare, innermost last.
    locals: Vec<&'a str>,
}

impl<'a> Walk<'a> {
    fn expression(&mut self, node: &'a IdedExpr) -> Result<(), String> {
        match &node.expr {
            Expr::Unspecified | Expr::Literal(_) => Ok(()),
            Expr::Ident(_) | Expr::Select(_) => self.path(node),
            Expr::Call(call) => {
                functions::known(&call.func_name)?;
                self.ask(node, call);
                call.target
                    .iter()
                    .map(AsRef::as_ref)
                    .chain(&call.args)
                    .try_for_each(|part| self.expression(part))
            }
            Expr::List(list) => list.elements.iter().try_for_each(|item| self.expression(item)),
            Expr::Map(map) => map.entries.iter().try_for_each(|entry| self.entry(&entry.expr)),
            Expr::Struct(object) => Err(format!("messages such as `{}` do not exist here", object.type_name)),
            Expr::Comprehension(fold) => {
                self.expression(&fold.iter_range)?;
                self.expression(&fold.accu_init)?;
                let outer = self.locals.len();
                self.locals.extend([fold.iter_var.as_str(), fold.accu_var.as_str()]);
                self.locals.extend(fold.iter_var2.as_deref());
                let inside = [&fold.loop_cond, &fold.loop_step, &fold.result];
                inside.into_iter().try_for_each(|part| self.expression(part))?;
                self.locals.truncate(outer);
                Ok(())
            }
        }
    }

    /// Inside a macro the question has no value of its own.
    fn ask(&mut self, node: &IdedExpr, call: &CallExpr) {
        if let (true, true, Some(wanted)) =
            (call.func_name == functions::COVERS, self.locals.is_empty(), call.args.last())
        {
            self.findings.scope_questions.push(ScopeQuestion { call: node.clone(), wanted: wanted.clone() });
        }
    }

    fn entry(&mut self, entry: &'a EntryExpr) -> Result<(), String> {
        match entry {
            EntryExpr::StructField(field) => self.expression(&field.value),
            EntryExpr::MapEntry(entry) => {
                self.expression(&entry.key)?;
                self.expression(&entry.value)
            }
        }
    }

    /// `a.b.c`: checks each name as far as the vocabulary goes and records the first two.
    fn path(&mut self, node: &'a IdedExpr) -> Result<(), String> {
        let mut names = Vec::new();
        let mut rest = node;
        while let Expr::Select(select) = &rest.expr {
            names.push(select.field.as_str());
            rest = &select.operand;
        }
        let Expr::Ident(root) = &rest.expr else {
            return self.expression(rest);
        };
        let root = root.trim_start_matches('.');
        if self.locals.contains(&root) || functions::is_type_name(root) {
            return Ok(());
        }
        names.reverse();
        let variable = vocabulary::find(self.vocabulary.variables, root, None)?;
        self.record(variable, names.first().copied())?;
        check_fields(variable, &names)
    }

    /// A variable named whole, as in `principal['tenant']`, reads all its fields.
    fn record(&mut self, variable: &'static Field, name: Option<&str>) -> Result<(), String> {
        match (variable.fields, name) {
            (None, _) => {
                self.findings.reads.0.insert((variable.name, None));
            }
            (Some(fields), None) => {
                let fields = fields.iter().filter(|field| !field.is_apart);
                self.findings.reads.0.extend(fields.map(|field| (variable.name, Some(field.name))));
            }
            (Some(fields), Some(name)) => {
                let field = vocabulary::find(fields, name, Some(variable.name))?;
                self.findings.reads.0.insert((variable.name, Some(field.name)));
            }
        }
        Ok(())
    }
}

fn check_fields(variable: &'static Field, names: &[&str]) -> Result<(), String> {
    let mut owner = variable;
    let mut spelled = variable.name.to_owned();
    for name in names {
        let Some(fields) = owner.fields else { return Ok(()) };
        owner = vocabulary::find(fields, name, Some(&spelled))?;
        spelled = format!("{spelled}.{name}");
    }
    Ok(())
}
