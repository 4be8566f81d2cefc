//! How sums are written: as a table for people, as CSV for a spreadsheet, as JSON for programs.

use std::borrow::Cow;
use std::io;

use clap::ValueEnum;
use serde_json::{Map, Value, json};

use super::envoy_counters::Difference;
use super::log::LineCounts;
use super::sums::{Key, Row, Sums};
use super::totals::Totals;
use crate::cli::terminal::Terminal;

/// How sums are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Layout {
    #[default]
    Table,
    Csv,
    Json,
}

const MONEY: &str = "microdollars";
const CHARGED: &str = "charged";
/// What stands where the records have no value.
const ABSENT: &str = "-";

pub(super) fn write(
    layout: Layout,
    sums: &Sums<'_>,
    line_counts: &LineCounts,
    differences: &[Difference],
    terminal: &mut Terminal<'_>,
) -> io::Result<()> {
    match layout {
        Layout::Table => write_table(sums, terminal),
        Layout::Csv => write_csv(sums, terminal),
        Layout::Json => {
            let document = json!({
                "rows": sums.rows().map(|(key, row)| object(sums, key, row)).collect::<Vec<_>>(),
                "total": Value::Object(members(sums.total()).collect()),
                "lines": line_counts,
                "differences": differences,
            });
            writeln!(terminal.output, "{document:#}")
        }
    }
}

fn write_table(sums: &Sums<'_>, terminal: &mut Terminal<'_>) -> io::Result<()> {
    let labels: Vec<_> = sums.columns().collect();
    let charged = sums.has_quotas().then_some(CHARGED);
    let names = Totals::default().named().map(|(name, _)| heading(name));
    let header = labels
        .iter()
        .map(|label| label.to_string())
        .chain(names.into_iter().chain(charged).map(str::to_owned))
        .collect();
    let row = |(key, row): (&Key, &Row)| {
        let texts = key.iter().map(|value| value.as_deref().map_or(ABSENT.to_owned(), printable));
        let charged = sums.has_quotas().then(|| row.charged.to_string());
        texts.chain(numbers(&row.totals)).chain(charged).collect()
    };
    let mut total: Vec<String> = vec![String::new(); labels.len()];
    if let Some(first) = total.first_mut() {
        "all".clone_into(first);
    }
    total.extend(numbers(sums.total()));
    let lines: Vec<Vec<String>> = [header].into_iter().chain(sums.rows().map(row)).chain([total]).collect();
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..lines.first().map_or(0, Vec::len)).map(width).collect();
    for line in &lines {
        let cells = line.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            if column < labels.len() { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        writeln!(terminal.output, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

/// The name of a sum in as much room as a table has.
fn heading(name: &str) -> &str {
    match name {
        "cached_input_tokens" => "cached",
        MONEY => "dollars",
        _ => name.trim_end_matches("_tokens"),
    }
}

fn numbers(totals: &Totals) -> [String; 10] {
    totals.named().map(|(name, sum)| match name {
        MONEY => format!("{}.{:06}", sum / 1_000_000, sum % 1_000_000),
        _ => sum.to_string(),
    })
}

/// A caller's text must not move the cursor.
fn printable(text: &str) -> String {
    let printable =
        |letter: char| if letter.is_control() { letter.escape_default().to_string() } else { letter.into() };
    text.chars().map(printable).collect()
}

/// RFC 4180, with lines that end as elsewhere on Unix; the total is not among the rows.
fn write_csv(sums: &Sums<'_>, terminal: &mut Terminal<'_>) -> io::Result<()> {
    let names = Totals::default().named().map(|(name, _)| name);
    let numbers = names.into_iter().chain(sums.has_quotas().then_some(CHARGED)).map(Cow::Borrowed);
    let header = sums.columns().chain(numbers);
    writeln!(terminal.output, "{}", header.collect::<Vec<_>>().join(","))?;
    for (key, row) in sums.rows() {
        let texts = key.iter().map(|value| value.as_deref().map(quoted).unwrap_or_default());
        let numbers = row.totals.named().map(|(_, sum)| sum.to_string());
        let charged = sums.has_quotas().then(|| row.charged.to_string());
        let cells = texts.chain(numbers).chain(charged).collect::<Vec<_>>();
        writeln!(terminal.output, "{}", cells.join(","))?;
    }
    Ok(())
}

/// One cell. What a spreadsheet would take for a formula gets an apostrophe: a caller may have written it.
fn quoted(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if is_formula { format!("'{text}") } else { text.to_owned() };
    match text.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

fn object(sums: &Sums<'_>, key: &Key, row: &Row) -> Value {
    let texts = sums.columns().zip(key).map(|(column, value)| (column.into_owned(), json!(value)));
    let mut object: Map<String, Value> = texts.collect();
    object.extend(members(&row.totals));
    if sums.has_quotas() {
        object.insert(CHARGED.to_owned(), json!(row.charged));
    }
    Value::Object(object)
}

fn members(totals: &Totals) -> impl Iterator<Item = (String, Value)> + use<> {
    totals.named().into_iter().map(|(name, sum)| (name.to_owned(), json!(sum)))
}
