//! What an expression reads, taken from its syntax tree, so that nothing else is computed for it.

use std::collections::BTreeMap;

use cel_interpreter::IdedExpr;
use cel_interpreter::common::ast::{CallExpr, EntryExpr, Expr, LiteralValue, operators};

use super::functions;
use super::members::Members;
use super::vocabulary::{self, Field, Vocabulary};

/// A set of `variable.field` pairs, each with the members that are read of it where it is an open map.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads(BTreeMap<(&'static str, Option<&'static str>), Members>);

impl Reads {
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, Option<&'static str>)> + '_ {
        self.0.keys().copied()
    }

    pub(super) fn with_members(
        &self,
    ) -> impl Iterator<Item = (&'static str, Option<&'static str>, &Members)> + '_ {
        self.0.iter().map(|((variable, field), members)| (*variable, *field, members))
    }

    pub fn extend(&mut self, other: &Self) {
        for (variable, field, members) in other.with_members() {
            self.insert((variable, field), members);
        }
    }

    /// Notes that `variable.field` is needed, though no expression reads it.
    pub fn add(&mut self, variable: &'static str, field: &'static str) {
        self.insert((variable, Some(field)), &Members::All);
    }

    fn insert(&mut self, read: (&'static str, Option<&'static str>), members: &Members) {
        self.0.entry(read).and_modify(|known| known.join(members)).or_insert_with(|| members.clone());
    }

    /// True where nothing is read, so that the value is the same for everybody.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True where `holds` is true for every variable and field that is read.
    pub fn all(&self, holds: impl Fn(&str, Option<&str>) -> bool) -> bool {
        self.iter().all(|(variable, field)| holds(variable, field))
    }

    /// True where `holds` is true for a variable or field that is read.
    pub fn any(&self, holds: impl Fn(&str, Option<&str>) -> bool) -> bool {
        self.iter().any(|(variable, field)| holds(variable, field))
    }

    /// The members of an open map, a variable or a field of one, that are read; `None` where none is.
    pub fn members(&self, variable: &'static str, field: Option<&'static str>) -> Option<&Members> {
        self.0.get(&(variable, field))
    }

    /// True where some field of `variable` is read.
    pub fn variable(&self, variable: &str) -> bool {
        self.any(|read, _| read == variable)
    }

    /// True where `variable.field` is read.
    pub fn field(&self, variable: &str, field: &str) -> bool {
        self.0.contains_key(&(variable, Some(field)))
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
                if self.member(call)? {
                    return Ok(());
                }
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

    /// `a.b.c`: checks each name as far as the vocabulary goes and records it.
    fn path(&mut self, node: &'a IdedExpr) -> Result<(), String> {
        let (root, names) = selected(node);
        let Expr::Ident(root) = &root.expr else {
            return self.expression(root);
        };
        let Some(variable) = self.variable(root)? else { return Ok(()) };
        self.record(variable, &names)?;
        check_fields(variable, &names)
    }

    /// `a.b['c']`, where `a.b` is an open map: records its member. False for any other call.
    fn member(&mut self, call: &'a CallExpr) -> Result<bool, String> {
        let [map, index] = call.args.as_slice() else { return Ok(false) };
        let (Expr::Literal(LiteralValue::String(name)), operators::INDEX) =
            (&index.expr, call.func_name.as_str())
        else {
            return Ok(false);
        };
        let (root, mut names) = selected(map);
        let Expr::Ident(root) = &root.expr else { return Ok(false) };
        let Some(variable) = self.variable(root)? else { return Ok(false) };
        let is_open = match (variable.fields, names.as_slice()) {
            (None, []) => true,
            (Some(fields), [name]) => vocabulary::find(fields, name, Some(variable.name))?.fields.is_none(),
            _ => false,
        };
        if is_open {
            names.push(name.inner());
            self.record(variable, &names)?;
        }
        Ok(is_open)
    }

    /// The variable of this name; `None` where it is a macro's own, or a type.
    fn variable(&self, root: &str) -> Result<Option<&'static Field>, String> {
        let root = root.trim_start_matches('.');
        if self.locals.contains(&root) || functions::is_type_name(root) {
            return Ok(None);
        }
        vocabulary::find(self.vocabulary.variables, root, None).map(Some)
    }

    /// A variable named whole, as in `principal['tenant']`, reads all its fields.
    fn record(&mut self, variable: &'static Field, names: &[&str]) -> Result<(), String> {
        let reads = &mut self.findings.reads;
        match (variable.fields, names) {
            (None, names) => reads.insert((variable.name, None), &Members::of(names.first().copied())),
            (Some(fields), []) => {
                let fields = fields.iter().filter(|field| !field.is_apart);
                fields.for_each(|field| reads.add(variable.name, field.name));
            }
            (Some(fields), [name, below @ ..]) => {
                let field = vocabulary::find(fields, name, Some(variable.name))?;
                let member = below.first().copied().filter(|_| field.fields.is_none());
                reads.insert((variable.name, Some(field.name)), &Members::of(member));
            }
        }
        Ok(())
    }
}

/// `a.b.c` as `a`, and `b` and `c`.
fn selected(node: &IdedExpr) -> (&IdedExpr, Vec<&str>) {
    let mut names = Vec::new();
    let mut rest = node;
    while let Expr::Select(select) = &rest.expr {
        names.push(select.field.as_str());
        rest = &select.operand;
    }
    names.reverse();
    (rest, names)
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
