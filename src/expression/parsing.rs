//! From text to a syntax tree, within bounds.

use cel_interpreter::IdedExpr;
use cel_interpreter::parser::PrattParser;

use crate::config::ConfigError;

/// The longest expression that is compiled, in bytes.
const LENGTH_BOUND: usize = 8 * 1024;
/// The deepest nesting that is compiled.
const NESTING_BOUND: u16 = 32;
/// The most nodes an expression may have.
const NODE_BOUND: usize = 1000;

/// A name in brackets is no field to it.
const HAS: &str = "; it takes a field, such as `has(principal.tenant)`: for a name in quotation marks write `'x-team' in request.headers`";

/// Parses `source`, which stands at `at`.
///
/// # Errors
/// Text that is not CEL, too long or too deeply nested.
pub(super) fn parse(at: &str, source: &str) -> Result<IdedExpr, ConfigError> {
    let error = |why: String| ConfigError::new(at, why);
    if source.len() > LENGTH_BOUND {
        return Err(error(format!("the expression has {} bytes; the bound is {LENGTH_BOUND}", source.len())));
    }
    // The crate takes comments, but not an expression of nothing else.
    if source.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with("//")) {
        return Err(error("there is no expression; write one that must be `true`".to_owned()));
    }
    PrattParser::new()
        .max_recursion_depth(NESTING_BOUND)
        .max_expression_node_count(NODE_BOUND)
        .parse(source)
        .map_err(|errors| {
            let first = errors.errors.first();
            let (line, column) = first.map_or((1, 1), |error| error.pos);
            let why = first.map_or("cannot be parsed", |error| error.msg.as_str()).to_lowercase();
            let remedy = if why.contains("has() macro") { HAS } else { "" };
            let text = usize::try_from(line).ok().and_then(|line| source.lines().nth(line.saturating_sub(1)));
            ConfigError::new(
                format!("{at}:{line}:{column}"),
                format!("`{}` is not CEL: {why}{remedy}", text.unwrap_or(source).trim()),
            )
        })
}
