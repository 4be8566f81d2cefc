//! What each part of an expression came to, for its author. Never in the wasm filter.
//!
//! Every value is the engine's: each part is evaluated by itself, rewritten and counted as a whole expression is, on the same
//! variables. Only what is shown in which order is of this room: which parts were reached, and why another was not.

mod chain;
mod literal;
mod macros;
mod part;
mod shown;
mod written;

use cel_interpreter::common::ast::{CallExpr, EntryExpr, Expr, operators};
use cel_interpreter::context::Context;
use cel_interpreter::{IdedExpr, Value};

use super::fault::Fault;
use super::runnable::Runnable;
use super::steps::Steps;
use super::vocabulary::Vocabulary;
use chain::chain;
use macros::Macro;
pub use part::{CameTo, Explained};
pub use shown::Shown;
use written::written;

/// The longest range of a macro whose entries are shown.
const MOST_ENTRIES: usize = 10;
/// The most parts that are shown, and how far below the whole: macros within macros have many.
const MOST_PARTS: usize = 2000;
const DEEPEST: usize = 40;

/// Evaluates a tree that was parsed and not rewritten, and each of its parts.
pub(super) fn explained(
    tree: &IdedExpr,
    context: &Context<'_, '_>,
    steps: &Steps,
    vocabulary: &Vocabulary,
) -> Explained {
    Explaining { steps, vocabulary, parts_left: MOST_PARTS, depth: 0 }.node(tree, context)
}

struct Explaining<'a> {
    steps: &'a Steps,
    vocabulary: &'a Vocabulary,
    parts_left: usize,
    depth: usize,
}

impl Explaining<'_> {
    fn node(&mut self, node: &IdedExpr, context: &Context<'_, '_>) -> Explained {
        let came_to = match self.value(node, context) {
            Ok(value) => CameTo::Value(Shown::of(&value)),
            Err(fault) => CameTo::Error(fault.to_string()),
        };
        let mut explained =
            Explained { text: written(node), entry: None, came_to, note: None, children: Vec::new() };
        self.parts_left = self.parts_left.saturating_sub(1);
        if self.parts_left == 0 || self.depth >= DEEPEST {
            explained.note = Some("its parts are left out, because there are too many".to_owned());
            return explained;
        }
        self.depth = self.depth.saturating_add(1);
        self.look_into(&mut explained, node, context);
        self.depth = self.depth.saturating_sub(1);
        explained
    }

    /// As the engine evaluates a whole expression.
    fn value(&self, node: &IdedExpr, context: &Context<'_, '_>) -> Result<Value, Fault> {
        self.runnable(node).value(context, self.steps)
    }

    fn runnable(&self, node: &IdedExpr) -> Runnable {
        Runnable::of(node.clone(), self.vocabulary)
    }

    fn look_into(&mut self, explained: &mut Explained, node: &IdedExpr, context: &Context<'_, '_>) {
        if is_constant(node) || is_path(node) {
            return;
        }
        if let Some((operator, terms)) = chain(node) {
            let decides = operator == operators::LOGICAL_OR;
            explained.children = self.terms(&terms, decides, context);
            if explained.boolean() == Some(decides) {
                explained.children.iter_mut().for_each(|child| child.absorbed(decides));
            }
            return;
        }
        match &node.expr {
            Expr::Unspecified | Expr::Literal(_) | Expr::Ident(_) | Expr::Struct(_) => {}
            Expr::Select(select) => explained.children = vec![self.node(&select.operand, context)],
            Expr::Call(call) => explained.children = self.call(call, context),
            Expr::List(list) => {
                explained.children = self.operands(list.elements.iter(), context);
            }
            Expr::Map(map) => {
                let parts = map.entries.iter().flat_map(|entry| match &entry.expr {
                    EntryExpr::StructField(field) => [None, Some(&field.value)],
                    EntryExpr::MapEntry(entry) => [Some(&entry.key), Some(&entry.value)],
                });
                explained.children = self.operands(parts.flatten(), context);
            }
            Expr::Comprehension(fold) => {
                if let Some(walked) = Macro::of(fold) {
                    self.walked(explained, &walked, context);
                }
            }
        }
    }

    /// The terms of a chain, up to the first that `decides`. An error does not: a later term may.
    fn terms(&mut self, terms: &[&IdedExpr], decides: bool, context: &Context<'_, '_>) -> Vec<Explained> {
        let mut is_decided = false;
        let explain = |term: &&IdedExpr| {
            if is_decided {
                return Explained::skipped(term, format!("a part before it is `{decides}`"));
            }
            let explained = self.node(term, context);
            is_decided = explained.boolean() == Some(decides);
            explained
        };
        terms.iter().map(explain).collect()
    }

    fn call(&mut self, call: &CallExpr, context: &Context<'_, '_>) -> Vec<Explained> {
        if let (operators::CONDITIONAL, [condition, yes, no]) =
            (call.func_name.as_str(), call.args.as_slice())
        {
            let condition = self.node(condition, context);
            let branches = match condition.boolean() {
                Some(true) => [self.node(yes, context), Explained::skipped(no, "the condition is `true`")],
                Some(false) => [Explained::skipped(yes, "the condition is `false`"), self.node(no, context)],
                None => [yes, no].map(|branch| Explained::skipped(branch, "the condition is no boolean")),
            };
            return [condition].into_iter().chain(branches).collect();
        }
        // The engine evaluates the target last; people read it first.
        let mut parts = self.operands(call.args.iter().chain(call.target.as_deref()), context);
        if call.target.as_deref().is_some_and(|target| !is_constant(target)) {
            parts.rotate_right(1);
        }
        parts
    }

    /// In the order in which they are evaluated, up to the first that has no value.
    fn operands<'a>(
        &mut self,
        operands: impl Iterator<Item = &'a IdedExpr>,
        context: &Context<'_, '_>,
    ) -> Vec<Explained> {
        let mut has_failed = false;
        let explain = |operand: &IdedExpr| {
            if has_failed {
                return Explained::skipped(operand, "a part that is evaluated before it has no value");
            }
            let explained = self.node(operand, context);
            has_failed = explained.has_failed();
            explained
        };
        operands.filter(|operand| !is_constant(operand)).map(explain).collect()
    }

    /// The range of a macro, and what it asked of each entry.
    fn walked(&mut self, explained: &mut Explained, walked: &Macro<'_>, context: &Context<'_, '_>) {
        explained.children.push(self.node(walked.range, context));
        let range = self.runnable(walked.range);
        let range = range.counted(self.steps, || Value::resolve_val(&range.tree, context));
        let Some(Ok(range)) = range else {
            let skip = |part| Explained::skipped(part, "the range has no value");
            return explained.children.extend(walked.arguments().map(skip));
        };
        let is_list = matches!(Value::try_from(range.as_ref()), Ok(Value::List(_)));
        let Some(iterable) = range.as_iterable() else {
            let skip = |part| Explained::skipped(part, "the range is neither a list nor a map");
            return explained.children.extend(walked.arguments().map(skip));
        };
        let (mut iterator, mut items) = (iterable.iter(), Vec::new());
        while let Some(item) = iterator.next() {
            let shown = Value::try_from(item).map(|value| Shown::of(&value));
            items.extend(shown.ok().map(|shown| (shown, item.clone_as_boxed())));
        }
        if items.is_empty() {
            let skip = |part| Explained::skipped(part, "the range is empty");
            return explained.children.extend(walked.arguments().map(skip));
        }
        if items.len() > MOST_ENTRIES {
            explained.note =
                Some(format!("{} entries; at most {MOST_ENTRIES} are shown one by one", items.len()));
            return;
        }
        if !is_list {
            // The engine walks a map in no order that could be told.
            items.sort_by(|(one, _), (other, _)| one.text.cmp(&other.text));
        }
        let mut ended: Option<String> = None;
        for (shown, item) in items {
            let mut inner = context.new_inner_scope();
            inner.add_variable_as_val(walked.variable, item);
            let parts = match &ended {
                Some(why) => walked.arguments().map(|part| Explained::skipped(part, why)).collect(),
                None => self.entry(walked, &inner),
            };
            let last = parts.last();
            match walked.kind.deciding() {
                Some(decides) if is_list && last.and_then(Explained::boolean) == Some(decides) => {
                    ended = Some(format!("an entry before it is `{decides}`"));
                }
                None if is_list && parts.iter().any(Explained::has_failed) => {
                    ended = Some("an entry before it has no value".to_owned());
                }
                _ => {}
            }
            explained.children.extend(parts.into_iter().map(|part| part.with(walked.variable, &shown)));
        }
        if let Some(decides) = walked.kind.deciding().filter(|decides| explained.boolean() == Some(*decides))
        {
            explained.children.iter_mut().for_each(|child| child.absorbed(decides));
        }
    }

    fn entry(&mut self, walked: &Macro<'_>, inner: &Context<'_, '_>) -> Vec<Explained> {
        let Some(condition) = walked.condition else { return vec![self.node(walked.body, inner)] };
        let condition = self.node(condition, inner);
        let body = match condition.boolean() {
            Some(true) => self.node(walked.body, inner),
            Some(false) => Explained::skipped(walked.body, "the condition is `false`"),
            None => Explained::skipped(walked.body, "the condition is no boolean"),
        };
        vec![condition, body]
    }
}

/// True for what has its value in its text.
fn is_constant(node: &IdedExpr) -> bool {
    match &node.expr {
        Expr::Literal(_) => true,
        Expr::List(list) => list.elements.iter().all(is_constant),
        _ => false,
    }
}

/// True for `a`, `a.b`, `a['b']` and `has(a.b)`: of such a path, what is absent is told by its error.
fn is_path(node: &IdedExpr) -> bool {
    match &node.expr {
        Expr::Ident(_) => true,
        Expr::Select(select) => is_path(&select.operand),
        Expr::Call(call) if call.func_name == operators::INDEX => match call.args.as_slice() {
            [operand, index] => is_path(operand) && is_constant(index),
            _ => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests;
