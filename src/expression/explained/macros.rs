//! A macro such as `all`, as its author wrote it: the parser leaves only what it is made of.

use cel_interpreter::IdedExpr;
use cel_interpreter::common::ast::{ComprehensionExpr, Expr, LiteralValue, operators};

/// `range.name(variable, …)`.
pub(super) struct Macro<'a> {
    pub(super) kind: MacroKind,
    pub(super) range: &'a IdedExpr,
    pub(super) variable: &'a str,
    /// Which entries count, in `map` with three arguments.
    pub(super) condition: Option<&'a IdedExpr>,
    pub(super) body: &'a IdedExpr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MacroKind {
    All,
    Exists,
    ExistsOne,
    Map,
    Filter,
}

impl MacroKind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::All => operators::ALL,
            Self::Exists => operators::EXISTS,
            Self::ExistsOne => operators::EXISTS_ONE,
            Self::Map => operators::MAP,
            Self::Filter => operators::FILTER,
        }
    }

    /// What a body must give for the macro to be decided, whatever comes after and whatever erred before.
    pub(super) fn deciding(self) -> Option<bool> {
        match self {
            Self::All => Some(false),
            Self::Exists => Some(true),
            Self::ExistsOne | Self::Map | Self::Filter => None,
        }
    }
}

impl<'a> Macro<'a> {
    /// `None` for what no macro of this parser makes.
    pub(super) fn of(fold: &'a ComprehensionExpr) -> Option<Self> {
        let Expr::Call(step) = &fold.loop_step.expr else { return None };
        let whole = |kind, condition, body| Self {
            kind,
            range: &fold.iter_range,
            variable: &fold.iter_var,
            condition,
            body,
        };
        Some(match (step.func_name.as_str(), step.args.as_slice(), &fold.accu_init.expr) {
            (operators::LOGICAL_AND, [_, body], _) => whole(MacroKind::All, None, body),
            (operators::LOGICAL_OR, [_, body], _) => whole(MacroKind::Exists, None, body),
            (operators::CONDITIONAL, [body, _, _], Expr::Literal(LiteralValue::Int(_))) => {
                whole(MacroKind::ExistsOne, None, body)
            }
            (operators::CONDITIONAL, [condition, added, _], _) => {
                let body = added_item(added)?;
                match &body.expr {
                    // `map(x, condition, x)` is the same.
                    Expr::Ident(name) if *name == fold.iter_var => whole(MacroKind::Filter, None, condition),
                    _ => whole(MacroKind::Map, Some(condition), body),
                }
            }
            (operators::ADD, _, _) => whole(MacroKind::Map, None, added_item(&fold.loop_step)?),
            _ => return None,
        })
    }

    /// What stands in the parentheses behind the variable.
    pub(super) fn arguments(&self) -> impl Iterator<Item = &'a IdedExpr> {
        self.condition.into_iter().chain([self.body])
    }
}

/// What `@result + [item]` adds.
fn added_item(step: &IdedExpr) -> Option<&IdedExpr> {
    let Expr::Call(call) = &step.expr else { return None };
    let Expr::List(list) = &call.args.last()?.expr else { return None };
    list.elements.first()
}
