//! The token that a command reads, and the examples of the commands that read one.

use std::io::{self, Read};

use crate::cli::terminal::{Exit, Terminal};

pub(super) const EXAMPLES: &str = "\
Examples:
  claimgate token inspect < token.txt
  pbpaste | claimgate token verify

The token is never an argument, because shells keep those.
Exit status: 0 fine, 1 the token is refused (verify), 2 the configuration or the input is wrong.";

pub(super) fn read_token(terminal: &mut Terminal<'_>) -> io::Result<Result<String, Exit>> {
    const LONGEST: u64 = 64 * 1024;
    let mut text = String::new();
    terminal.input.take(LONGEST).read_to_string(&mut text)?;
    let token = text.trim();
    let token = token.strip_prefix("Bearer ").unwrap_or(token);
    if token.is_empty() || token.contains(char::is_whitespace) {
        let why = "standard input must hold one token; write `claimgate token inspect < file`";
        writeln!(terminal.errors, "error: {why}")?;
        return Ok(Err(Exit::Wrong));
    }
    Ok(Ok(token.to_owned()))
}
