//! The format strings of Envoy's logs and headers.

/// The request headers that a format string prints: `%REQ(FIRST?SECOND)%`, or an expression that names them.
pub(in crate::cli) fn printed_headers(format: &str) -> Vec<String> {
    let format = format.to_ascii_lowercase();
    let after = |mark: &'static str| format.split(mark).skip(1);
    let operators = ["%req(", "%request_header("].into_iter().flat_map(after);
    let operands = operators.filter_map(|rest| rest.split(')').next());
    let mut names: Vec<String> = operands.flat_map(|names| names.split('?')).map(str::to_owned).collect();
    let expressions = after("%cel(").filter_map(|rest| rest.split(")%").next());
    names.extend(expressions.flat_map(|text| text.split(['\'', '"', '`'])).map(str::to_owned));
    names
}
