//! The table of all operations that are known, as Markdown for docs/operations.md.

use crate::dialect::{KnownOperation, known_operations};
use crate::request::Dialect;

/// One table per dialect.
pub(super) fn markdown() -> String {
    Dialect::ALL.into_iter().map(table).collect()
}

fn table(dialect: Dialect) -> String {
    let rows: String = known_operations(dialect).iter().map(row).collect();
    format!(
        "### {dialect}\n\n{}\n\n| method | path | `llm.operation` | account | model | body | cost | stream |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- |\n{rows}\n",
        also(dialect)
    )
}

/// Where the same operations are found again.
fn also(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Openai => "All of them also without `/v1`, for base URLs that end before it.",
        Dialect::Azure => "All of OpenAI's also below `/openai` without `/v1`, under an `api-version`.",
        Dialect::Anthropic => "The betas of managed agents are among them.",
        Dialect::Gemini => "`{version}` is `v1`, `v1beta`, `v1alpha` or Vertex's `v1beta1`.",
        Dialect::Vertex => {
            "`{project}` and `{location}` are those of the upstream's entry, `{version}` as for `gemini`."
        }
        Dialect::Bedrock => "`{arn}` and `{resource}` may be an ARN with `%2F` in it.",
    }
}

fn row(operation: &KnownOperation) -> String {
    let KnownOperation { method, path, name, account, model, body, cost, stream } = operation;
    format!("| {method} | `{path}` | `{name}` | {account} | {model} | {body} | {cost} | {stream} |\n")
}
