//! `claimgate report`: what audit records add up to, and whether Envoy's counters say the same.
//!
//! It reads logs as streams and holds the sums alone, so that the length of a log does not matter. Money is what
//! the records say, or what they come to by another price table.

mod billed_record;
mod dimension;
mod envoy_counters;
mod failure;
mod log;
mod log_line;
mod period;
mod pricing;
mod rendering;
mod sums;
mod totals;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::terminal::{Exit, Terminal};
use dimension::Dimension;
use envoy_counters::EnvoyCounters;
use failure::{Failure, unreadable};
use log::{LineCounts, Log};
use period::Period;
use pricing::Pricing;
use rendering::Layout;
use sums::Sums;

const EXAMPLES: &str = "\
Examples:
  claimgate report audit.log                                             by tenant
  claimgate report --by tenant,model --from 2026-11-01 --to 2026-12-01 --format csv audit.log*
  zcat audit.log.*.gz | claimgate report --by day,service_account -
  claimgate report --by model --prices prices.yaml audit.log             what it would have cost by these prices
  claimgate report --by quota --counters stats.txt audit.log             after `curl localhost:9901/stats > stats.txt`

A line is an audit record, or ends with one, or is a JSON object with one in it, as Envoy's access log has them. What cannot
be read is told with its place and left out. A file that is given twice counts twice.

requests             that were allowed or refused; requests of the `open` list are not counted
refused              by the gateway, of these
failed               allowed, and answered with an error by the provider or by Envoy
incomplete           whose answer was cut off, or did not tell all that it cost
input, cached, …     model tokens, as far as the providers told them; cached ones are a part of the input
dollars              by the prices in force when each request came, or by those of --prices; CSV and JSON have microdollars
unpriced             answered by a model without a price, and so without money
charged              with --by quota: in the quota's unit, what was held included where an answer did not tell its cost.
                     A request that several quotas charged stands in the row of each, and counts once in the total.

Exit status: 0 fine, 1 the counters differ, 2 the input is wrong, or a line with --strict.";

/// Sums up audit records by tenant, model and so on, and compares them with Envoy's counters
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Report {
    /// Logs with audit records; `-` reads the input
    #[arg(required = true, value_name = "FILE")]
    logs: Vec<PathBuf>,
    /// What there is a row for each of
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Dimension::Tenant])]
    by: Vec<Dimension>,
    /// And for each value of this label, which the section `record` of the configuration puts into records; may be repeated
    #[arg(long, value_name = "LABEL", value_delimiter = ',')]
    by_label: Vec<String>,
    #[command(flatten)]
    period: Period,
    /// The output of Envoy's /stats or /stats/prometheus; may be repeated, for the Envoys that wrote the logs. They count
    /// from their start, so the logs must, too
    #[arg(long, value_name = "FILE", conflicts_with_all = ["from", "to"])]
    counters: Vec<PathBuf>,
    /// Works out what each answer costs by the section `prices` of this file, such as a configuration, in place of what the
    /// records say. The quotas' charges stay as they were
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
    /// A line that cannot be read is an error
    #[arg(long)]
    strict: bool,
    /// How the sums are written
    #[arg(long, value_enum, default_value_t)]
    format: Layout,
}

impl Report {
    pub(super) fn run(&self, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
        match self.report(terminal) {
            Ok(exit) => Ok(exit),
            Err(Failure::Output(error)) => Err(error),
            Err(Failure::Prices(findings)) => {
                findings.iter().try_for_each(|finding| terminal.tell(finding))?;
                Ok(Exit::Wrong)
            }
            Err(Failure::Input(why)) => {
                writeln!(terminal.errors, "error: {why}")?;
                Ok(Exit::Wrong)
            }
        }
    }

    fn report(&self, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
        let counters = self.read_counters()?;
        let pricing = self.prices.as_deref().map(Pricing::read).transpose().map_err(Failure::Prices)?;
        let mut sums = Sums::by(&self.by, &self.by_label);
        let mut line_counts = LineCounts::default();
        for path in &self.logs {
            self.add(path, pricing.as_ref(), (&mut sums, &mut line_counts), terminal)?;
        }
        let differences =
            counters.as_ref().map(|counters| counters.differences(sums.charged())).unwrap_or_default();
        rendering::write(self.format, &sums, &line_counts, &differences, terminal)?;
        line_counts.tell(terminal.errors)?;
        for difference in &differences {
            writeln!(terminal.errors, "error: {difference}")?;
        }
        Ok(match (line_counts.damaged(), differences.is_empty()) {
            (1.., _) if self.strict => Exit::Wrong,
            (_, false) => Exit::Differs,
            (_, true) => Exit::Fine,
        })
    }

    fn read_counters(&self) -> Result<Option<EnvoyCounters>, Failure> {
        if self.counters.is_empty() {
            return Ok(None);
        }
        let mut counters = EnvoyCounters::default();
        for path in &self.counters {
            let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
            counters.add(&text).map_err(|why| Failure::Input(format!("{}: {why}", path.display())))?;
        }
        Ok(Some(counters))
    }

    fn add(
        &self,
        path: &Path,
        pricing: Option<&Pricing>,
        (sums, line_counts): (&mut Sums<'_>, &mut LineCounts),
        terminal: &mut Terminal<'_>,
    ) -> Result<(), Failure> {
        let is_input = path == Path::new("-");
        let mut file;
        let source: &mut dyn Read = if is_input {
            &mut *terminal.input
        } else {
            file = File::open(path).map_err(|error| unreadable(path, &error))?;
            &mut file
        };
        let mut log = Log::new(path, source);
        while let Some(line) = log.next_line().map_err(|error| unreadable(path, &error))? {
            let place = line.place();
            let taken = line.read(&mut |mut record| {
                if !self.period.holds(&record) {
                    return Ok(());
                }
                if let Some(pricing) = pricing {
                    pricing.reprice(&mut record);
                }
                sums.add(&record)
            });
            line_counts.count(place, taken, terminal.errors)?;
        }
        Ok(())
    }
}
