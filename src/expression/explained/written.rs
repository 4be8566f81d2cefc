//! A syntax tree written as CEL again: the parser keeps no text, and no place but of errors.
//!
//! What is written parses to the same tree. Comments, blanks and needless parentheses are gone.

use std::fmt::Write;

use cel_interpreter::IdedExpr;
use cel_interpreter::common::ast::{CallExpr, EntryExpr, Expr, LiteralValue, SelectExpr, operators};

use super::chain::chain;
use super::literal;
use super::macros::Macro;

/// How tightly an expression holds together, the loosest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Bond {
    Conditional,
    Or,
    And,
    Relation,
    Sum,
    Product,
    Unary,
    /// `a`, `a.b`, `a[0]`, `f(a)`, `[a]`.
    Member,
}

impl Bond {
    /// What the right operand must be at least, where operators of one kind stand in a row.
    fn tighter(self) -> Self {
        match self {
            Self::Conditional => Self::Or,
            Self::Or => Self::And,
            Self::And => Self::Relation,
            Self::Relation => Self::Sum,
            Self::Sum => Self::Product,
            Self::Product => Self::Unary,
            Self::Unary | Self::Member => Self::Member,
        }
    }
}

pub(super) fn written(node: &IdedExpr) -> String {
    let mut text = String::new();
    write_node(&mut text, node);
    text
}

/// In parentheses where it holds together less than what is `wanted`.
fn write_within(text: &mut String, node: &IdedExpr, wanted: Bond) {
    if bond(node) >= wanted {
        return write_node(text, node);
    }
    text.push('(');
    write_node(text, node);
    text.push(')');
}

fn bond(node: &IdedExpr) -> Bond {
    match &node.expr {
        Expr::Call(call) => match call.func_name.as_str() {
            operators::CONDITIONAL => Bond::Conditional,
            operators::LOGICAL_OR => Bond::Or,
            operators::LOGICAL_AND => Bond::And,
            operators::LOGICAL_NOT | operators::NEGATE => Bond::Unary,
            name => binary(name).map_or(Bond::Member, |(_, bond)| bond),
        },
        // `-1.f()` would be read as it is meant, by people not.
        Expr::Literal(LiteralValue::Int(number)) if *number.inner() < 0 => Bond::Unary,
        Expr::Literal(LiteralValue::Double(number)) if *number.inner() < 0.0 => Bond::Unary,
        _ => Bond::Member,
    }
}

fn binary(name: &str) -> Option<(&'static str, Bond)> {
    Some(match name {
        operators::EQUALS => ("==", Bond::Relation),
        operators::NOT_EQUALS => ("!=", Bond::Relation),
        operators::LESS => ("<", Bond::Relation),
        operators::LESS_EQUALS => ("<=", Bond::Relation),
        operators::GREATER => (">", Bond::Relation),
        operators::GREATER_EQUALS => (">=", Bond::Relation),
        operators::IN => ("in", Bond::Relation),
        operators::ADD => ("+", Bond::Sum),
        operators::SUBSTRACT => ("-", Bond::Sum),
        operators::MULTIPLY => ("*", Bond::Product),
        operators::DIVIDE => ("/", Bond::Product),
        operators::MODULO => ("%", Bond::Product),
        _ => return None,
    })
}

fn write_node(text: &mut String, node: &IdedExpr) {
    match &node.expr {
        Expr::Unspecified => {}
        Expr::Literal(value) => write_literal(text, value),
        Expr::Ident(name) => text.push_str(name),
        Expr::Select(select) => write_select(text, select),
        Expr::Call(call) => write_call(text, node, call),
        Expr::List(list) => {
            text.push('[');
            write_listed(text, &list.elements);
            text.push(']');
        }
        Expr::Map(map) => {
            text.push('{');
            write_entries(text, map.entries.iter().map(|entry| &entry.expr));
            text.push('}');
        }
        Expr::Struct(object) => {
            text.push_str(&object.type_name);
            text.push('{');
            write_entries(text, object.entries.iter().map(|entry| &entry.expr));
            text.push('}');
        }
        Expr::Comprehension(fold) => {
            if let Some(walked) = Macro::of(fold) {
                write_within(text, walked.range, Bond::Member);
                let _ = write!(text, ".{}({}", walked.kind.name(), walked.variable);
                for argument in walked.arguments() {
                    text.push_str(", ");
                    write_node(text, argument);
                }
                text.push(')');
            }
        }
    }
}

fn write_literal(text: &mut String, value: &LiteralValue) {
    match value {
        LiteralValue::Boolean(value) => text.push_str(if *value.inner() { "true" } else { "false" }),
        LiteralValue::Bytes(bytes) => text.push_str(&literal::bytes(bytes.inner(), '\'')),
        LiteralValue::Double(number) => text.push_str(&literal::double(*number.inner())),
        LiteralValue::Int(number) => text.push_str(&number.inner().to_string()),
        LiteralValue::Null => text.push_str("null"),
        LiteralValue::String(value) => text.push_str(&literal::text(value.inner(), '\'')),
        LiteralValue::UInt(number) => {
            let _ = write!(text, "{}u", number.inner());
        }
    }
}

fn write_select(text: &mut String, select: &SelectExpr) {
    if select.test {
        text.push_str("has(");
    }
    write_within(text, &select.operand, Bond::Member);
    text.push('.');
    text.push_str(&select.field);
    if select.test {
        text.push(')');
    }
}

fn write_call(text: &mut String, node: &IdedExpr, call: &CallExpr) {
    if let Some((operator, terms)) = chain(node) {
        let (sign, least) = match operator {
            operators::LOGICAL_AND => (" && ", Bond::And.tighter()),
            _ => (" || ", Bond::Or.tighter()),
        };
        for (place, term) in terms.into_iter().enumerate() {
            text.push_str(if place > 0 { sign } else { "" });
            write_within(text, term, least);
        }
        return;
    }
    match (call.func_name.as_str(), call.args.as_slice()) {
        (operators::CONDITIONAL, [condition, yes, no]) => {
            write_within(text, condition, Bond::Or);
            text.push_str(" ? ");
            write_within(text, yes, Bond::Or);
            text.push_str(" : ");
            write_within(text, no, Bond::Conditional);
        }
        (operators::LOGICAL_NOT, [operand]) => {
            text.push('!');
            write_within(text, operand, Bond::Member);
        }
        (operators::NEGATE, [operand]) => {
            text.push('-');
            // `-1` is a literal.
            let is_literal = matches!(operand.expr, Expr::Literal(_));
            text.push_str(if is_literal { "(" } else { "" });
            write_within(text, operand, if is_literal { Bond::Unary } else { Bond::Member });
            text.push_str(if is_literal { ")" } else { "" });
        }
        (operators::INDEX, [list, index]) => {
            write_within(text, list, Bond::Member);
            text.push('[');
            write_node(text, index);
            text.push(']');
        }
        (name, [left, right]) if let Some((sign, bond)) = binary(name) => {
            write_within(text, left, bond);
            let _ = write!(text, " {sign} ");
            write_within(text, right, bond.tighter());
        }
        (name, arguments) => {
            if let Some(target) = &call.target {
                write_within(text, target, Bond::Member);
                text.push('.');
            }
            text.push_str(name);
            text.push('(');
            write_listed(text, arguments);
            text.push(')');
        }
    }
}

fn write_listed(text: &mut String, items: &[IdedExpr]) {
    for (place, item) in items.iter().enumerate() {
        text.push_str(if place > 0 { ", " } else { "" });
        write_node(text, item);
    }
}

fn write_entries<'a>(text: &mut String, entries: impl Iterator<Item = &'a EntryExpr>) {
    for (place, entry) in entries.enumerate() {
        text.push_str(if place > 0 { ", " } else { "" });
        match entry {
            EntryExpr::StructField(field) => {
                let _ = write!(text, "{}: ", field.field);
                write_node(text, &field.value);
            }
            EntryExpr::MapEntry(entry) => {
                write_node(text, &entry.key);
                text.push_str(": ");
                write_node(text, &entry.value);
            }
        }
    }
}
