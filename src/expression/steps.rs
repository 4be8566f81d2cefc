//! How far one evaluation of an expression may walk, so that no request makes a rule take a worker's time.
//!
//! A macro walks what a caller may have chosen: query parameters, headers, claims. What it walks is counted, an entry of a list or
//! map as one step, and macros within macros each time that they run. Within a macro an operator or function that reads a whole list or
//! text is counted as well, by the size of that. The counting stands in the tree: each range and each such operand is given
//! to a function that counts it and hands it on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cel_interpreter::common::ast::{CallExpr, EntryExpr, Expr, LiteralValue, operators};
use cel_interpreter::context::Context;
use cel_interpreter::{DeclarationError, ExecutionError, IdedExpr, Value};

use super::functions::BUCKET;
use super::glob::GLOB;
use super::models::MODEL_GLOB;

/// The most steps of one evaluation: some tens of milliseconds in wasm.
pub(super) const MOST_STEPS: u64 = 20_000;

/// No text can call these.
const GO: &str = "@go";
const WALK: &str = "@walk";
const READ: &str = "@read";
const PATTERN: &str = "@pattern";

/// What is read within one step at no further cost: so many items of a list, or bytes of a text.
const ITEMS: u64 = 32;
const BYTES: u64 = 512;
/// What it costs to make a regular expression of a text.
const COMPILING: u64 = 64;

/// The steps of the evaluation that goes on; one expression is evaluated at a time.
#[derive(Clone, Debug, Default)]
pub(super) struct Steps(Arc<AtomicU64>);

impl Steps {
    pub(super) fn declare(&self, root: &mut Context<'_, '_>) -> Result<(), DeclarationError> {
        let (go, walk, read, pattern) = (self.clone(), self.clone(), self.clone(), self.clone());
        root.add_function(GO, move || go.add(GO, 0).map(|()| true))?;
        root.add_function(WALK, move |value: Value| walk.pass(WALK, value, |size| size))?;
        root.add_function(READ, move |value: Value| read.pass(READ, value, |size| size))?;
        root.add_function(PATTERN, move |value: Value| {
            pattern.pass(PATTERN, value, |size| size.saturating_add(COMPILING))
        })
    }

    /// Evaluates `tree`; `None` where it walked too far, whatever it came to.
    pub(super) fn within<T>(&self, evaluate: impl FnOnce() -> T) -> Option<T> {
        self.0.store(0, Ordering::Relaxed);
        let value = evaluate();
        // An error in one operand of `||` does not count where the other is true; this one does.
        (self.0.load(Ordering::Relaxed) <= MOST_STEPS).then_some(value)
    }

    fn pass(
        &self,
        function: &'static str,
        value: Value,
        cost: impl FnOnce(u64) -> u64,
    ) -> Result<Value, ExecutionError> {
        let size = match (&value, function) {
            (Value::List(items), WALK) => length(items.len()),
            (Value::Map(map), WALK) => length(map.map.len()),
            (Value::List(items), _) => length(items.len()) / ITEMS,
            (Value::String(text), _) => length(text.len()) / BYTES,
            (Value::Bytes(bytes), _) => length(bytes.len()) / BYTES,
            _ => 0,
        };
        self.add(function, cost(size)).map(|()| value)
    }

    fn add(&self, function: &'static str, more: u64) -> Result<(), ExecutionError> {
        let steps = self.0.load(Ordering::Relaxed).saturating_add(more);
        self.0.store(steps, Ordering::Relaxed);
        match steps > MOST_STEPS {
            true => Err(ExecutionError::function_error(function, "too many steps")),
            false => Ok(()),
        }
    }
}

fn length(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// Puts the counting into a tree. True where there is anything to count.
pub(super) fn count(tree: &mut IdedExpr) -> bool {
    let mut counting = Counting::default();
    counting.expression(tree);
    counting.has_loops
}

#[derive(Default)]
struct Counting {
    has_loops: bool,
    /// How many macros are around.
    depth: usize,
    /// The variables that these declare.
    locals: Vec<String>,
}

impl Counting {
    fn expression(&mut self, node: &mut IdedExpr) {
        match &mut node.expr {
            Expr::Unspecified | Expr::Literal(_) | Expr::Ident(_) => {}
            Expr::Select(select) => self.expression(&mut select.operand),
            Expr::Call(call) => self.call(call),
            Expr::List(list) => list.elements.iter_mut().for_each(|item| self.expression(item)),
            Expr::Map(map) => map.entries.iter_mut().for_each(|entry| self.entry(&mut entry.expr)),
            Expr::Struct(object) => object.entries.iter_mut().for_each(|entry| self.entry(&mut entry.expr)),
            Expr::Comprehension(fold) => {
                self.has_loops = true;
                self.expression(&mut fold.iter_range);
                self.expression(&mut fold.accu_init);
                wrap(&mut fold.iter_range, WALK);
                let outer = self.locals.len();
                self.locals.extend([fold.iter_var.clone(), fold.accu_var.clone()]);
                self.locals.extend(fold.iter_var2.clone());
                self.depth = self.depth.saturating_add(1);
                self.expression(&mut fold.loop_cond);
                self.expression(&mut fold.loop_step);
                self.depth = self.depth.saturating_sub(1);
                self.locals.truncate(outer);
                self.expression(&mut fold.result);
            }
        }
    }

    fn entry(&mut self, entry: &mut EntryExpr) {
        match entry {
            EntryExpr::StructField(field) => self.expression(&mut field.value),
            EntryExpr::MapEntry(entry) => {
                self.expression(&mut entry.key);
                self.expression(&mut entry.value);
            }
        }
    }

    fn call(&mut self, call: &mut CallExpr) {
        let operands = call.target.iter_mut().map(AsMut::as_mut).chain(&mut call.args);
        let operands: Vec<&mut IdedExpr> = operands.collect();
        let is_matches = call.func_name == "matches";
        // What a macro adds to its own list is no operand of the author's.
        let accumulates = operands.iter().any(|operand| is_accumulator(operand));
        let last = operands.len().saturating_sub(1);
        for (place, operand) in operands.into_iter().enumerate() {
            self.expression(operand);
            let is_read = match call.func_name.as_str() {
                operators::ADD => !accumulates,
                operators::IN
                | "contains"
                | "startsWith"
                | "endsWith"
                | "matches"
                | "covers"
                | BUCKET
                | GLOB
                | MODEL_GLOB
                | "in_cidr"
                | "min"
                | "max" => true,
                // Two items of what is walked are compared in no time, two lists or texts of the request are not.
                operators::EQUALS | operators::NOT_EQUALS => self.is_of_the_request(operand),
                _ => false,
            };
            let is_pattern = is_matches && place == last;
            let is_literal = matches!(operand.expr, Expr::Literal(_));
            if self.depth > 0 && is_read && (is_pattern || !is_literal) {
                wrap(operand, if is_pattern { PATTERN } else { READ });
            }
        }
    }

    fn is_of_the_request(&self, operand: &IdedExpr) -> bool {
        let mut root = operand;
        while let Expr::Select(select) = &root.expr {
            root = &select.operand;
        }
        matches!(&root.expr, Expr::Ident(name) if !self.locals.contains(name))
    }
}

/// True for what `map` and `filter` collect in.
fn is_accumulator(operand: &IdedExpr) -> bool {
    matches!(&operand.expr, Expr::Ident(name) if name.starts_with('@'))
}

/// Counts what `node` gives, and does not even ask for it where too much was walked before: a macro goes on after an error,
/// and to hand a list on takes time.
fn wrap(node: &mut IdedExpr, function: &str) {
    let counted = call(function, vec![std::mem::take(node)]);
    let never = IdedExpr { id: 0, expr: Expr::Literal(LiteralValue::Boolean(false.into())) };
    *node = call(operators::CONDITIONAL, vec![call(GO, Vec::new()), counted, never]);
}

fn call(function: &str, args: Vec<IdedExpr>) -> IdedExpr {
    IdedExpr { id: 0, expr: Expr::Call(CallExpr { func_name: function.to_owned(), target: None, args }) }
}

#[cfg(test)]
mod tests;
