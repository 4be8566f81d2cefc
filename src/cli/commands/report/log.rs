//! A log as a stream of lines, and what there is to tell of them.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

use serde::Serialize;

use super::billed_record::BilledRecord;
use super::failure::Failure;
use super::log_line::{self, Damage, Found};
use super::sums::TooManyRows;

/// The longest line that is read; a record has a few kilobytes.
const LONGEST: usize = 1024 * 1024;
/// How many lines that cannot be read are told one by one.
const MOST_TOLD: u64 = 20;

/// One log.
pub(super) struct Log<'a> {
    path: &'a Path,
    source: BufReader<&'a mut dyn Read>,
    line: Vec<u8>,
    number: u64,
}

/// One line of it.
pub(super) struct Line<'a> {
    path: &'a Path,
    number: u64,
    /// `None` where it is too long.
    text: Option<&'a [u8]>,
}

/// Where a line stands.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    path: &'a Path,
    line: u64,
}

/// What has been read.
#[derive(Debug, Default, Serialize)]
pub(super) struct LineCounts {
    /// Records, those outside of the period included.
    records: u64,
    /// Lines of requests that the filter never saw, and empty ones.
    without_record: u64,
    damaged: u64,
}

impl<'a> Log<'a> {
    pub(super) fn new(path: &'a Path, source: &'a mut dyn Read) -> Self {
        Self { path, source: BufReader::with_capacity(256 * 1024, source), line: Vec::new(), number: 0 }
    }

    /// The next line, without its end; `None` where there is none.
    pub(super) fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        self.line.clear();
        let length = self.source.by_ref().take(LONGEST as u64).read_until(b'\n', &mut self.line)?;
        if length == 0 {
            return Ok(None);
        }
        self.number = self.number.saturating_add(1);
        let is_whole = self.line.ends_with(b"\n") || self.ends_here()?;
        if !is_whole {
            self.source.skip_until(b'\n')?;
        }
        let text = is_whole.then_some(self.line.as_slice());
        Ok(Some(Line { path: self.path, number: self.number, text }))
    }

    fn ends_here(&mut self) -> io::Result<bool> {
        Ok(self.source.fill_buf()?.is_empty())
    }
}

impl<'a> Line<'a> {
    pub(super) fn place(&self) -> Place<'a> {
        Place { path: self.path, line: self.number }
    }

    /// Hands the record in it to `take`.
    pub(super) fn read(
        &self,
        take: &mut dyn FnMut(BilledRecord<'_>) -> Result<(), TooManyRows>,
    ) -> Result<Found, TooManyRows> {
        match self.text {
            Some(text) => log_line::read(text, take),
            None => Ok(Found::Damaged(Damage::TooLong)),
        }
    }
}

impl LineCounts {
    /// Counts a line, and tells of one that cannot be read.
    pub(super) fn count(
        &mut self,
        place: Place<'_>,
        taken: Result<Found, TooManyRows>,
        errors: &mut dyn Write,
    ) -> Result<(), Failure> {
        let count = match taken {
            Ok(Found::Record) => &mut self.records,
            Ok(Found::Nothing) => &mut self.without_record,
            Ok(Found::Damaged(damage)) => {
                if self.damaged < MOST_TOLD {
                    writeln!(errors, "warning: {}:{}: {damage}", place.path.display(), place.line)?;
                }
                &mut self.damaged
            }
            Err(TooManyRows) => {
                let Place { path, line } = place;
                return Err(Failure::Input(format!(
                    "{}:{line}: there are too many rows to hold; sum by less, or over a shorter period",
                    path.display()
                )));
            }
        };
        *count = count.saturating_add(1);
        Ok(())
    }

    pub(super) fn damaged(&self) -> u64 {
        self.damaged
    }

    /// Tells how many lines could not be read.
    pub(super) fn tell(&self, errors: &mut dyn Write) -> io::Result<()> {
        match self.damaged {
            0 => Ok(()),
            1 => writeln!(errors, "warning: 1 line could not be read, and is not in the sums"),
            damaged => {
                writeln!(errors, "warning: {damaged} lines could not be read, and are not in the sums")
            }
        }
    }
}
