//! The configuration reference, written from the types: as Markdown for docs/reference.md, as JSON Schema for
//! editors; and the table of known operations.

mod fields;
mod operations;

use std::io;

use clap::Args;

use crate::cli::terminal::{Exit, Terminal};

/// Prints the reference of gateway.yaml: every field, its values and its default.
#[derive(Debug, Args)]
pub(in crate::cli) struct Reference {
    /// Print a JSON Schema instead, for editors.
    #[arg(long, conflicts_with = "operations")]
    schema: bool,
    /// Print all operations that are known instead, for docs/operations.md.
    #[arg(long)]
    operations: bool,
}

impl Reference {
    pub(super) fn run(&self, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
        match (self.schema, self.operations) {
            (true, _) => writeln!(terminal.output, "{:#}", fields::schema())?,
            (false, true) => write!(terminal.output, "{}", operations::markdown())?,
            (false, false) => write!(terminal.output, "{}", fields::markdown())?,
        }
        Ok(Exit::Fine)
    }
}
