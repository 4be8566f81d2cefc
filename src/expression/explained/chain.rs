//! `a && b && c`, as it was written: the parser makes a tree of pairs of it, as shallow as it can be.

use cel_interpreter::IdedExpr;
use cel_interpreter::common::ast::{Expr, operators};

/// The operator and the terms of a chain, in order; `None` for anything else.
///
/// Terms that were put in parentheses so that the tree is another one stay together: to write them without would be
/// another expression.
pub(super) fn chain(node: &IdedExpr) -> Option<(&'static str, Vec<&IdedExpr>)> {
    let (operator, left, right) = pair(node)?;
    let mut terms = Vec::new();
    flatten(node, operator, &mut terms);
    let is_written_so = is_shallow(node, operator, terms.len());
    Some((operator, if is_written_so { terms } else { vec![left, right] }))
}

fn pair(node: &IdedExpr) -> Option<(&'static str, &IdedExpr, &IdedExpr)> {
    let Expr::Call(call) = &node.expr else { return None };
    let [left, right] = call.args.as_slice() else { return None };
    let operators = [operators::LOGICAL_AND, operators::LOGICAL_OR];
    let operator = operators.into_iter().find(|operator| *operator == call.func_name)?;
    Some((operator, left, right))
}

fn same_pair<'a>(node: &'a IdedExpr, operator: &str) -> Option<(&'a IdedExpr, &'a IdedExpr)> {
    pair(node).filter(|(other, ..)| *other == operator).map(|(_, left, right)| (left, right))
}

fn flatten<'a>(node: &'a IdedExpr, operator: &str, terms: &mut Vec<&'a IdedExpr>) {
    match same_pair(node, operator) {
        Some((left, right)) => {
            flatten(left, operator, terms);
            flatten(right, operator, terms);
        }
        None => terms.push(node),
    }
}

/// True where the parser makes this very tree of `count` terms without parentheses.
fn is_shallow(node: &IdedExpr, operator: &str, count: usize) -> bool {
    match (same_pair(node, operator), count) {
        (None, 1) => true,
        (Some((left, right)), 2..) => {
            let first = count.saturating_sub(2).div_ceil(2).saturating_add(1);
            is_shallow(left, operator, first) && is_shallow(right, operator, count.saturating_sub(first))
        }
        _ => false,
    }
}
