//! Reads a log to its end without writing anything.

use std::path::Path;

use crate::error::{ImportError, Place};
use crate::formats::{FORMATS, Head};
use crate::log::Log;
use crate::metric::{Metrics, Outcome};
use crate::options::Options;
use crate::record::{OwnFigure, Record, Run, Sink};

/// What a log holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// The tool that wrote it.
    pub tool: &'static str,
    /// Answers with a score.
    pub scored: u64,
    /// Answers that are errors, or were not scored.
    pub errors: u64,
}

/// Reads one log, in memory or on disk, as [`crate::import`] would.
///
/// # Errors
/// [`ImportError::Log`] where [`crate::import`] would refuse the log.
pub fn scan(log: &Log, options: &Options) -> Result<Scan, ImportError> {
    options.check()?;
    let format = Head::of(log, &options.limits)?.format().ok_or_else(|| {
        let names = FORMATS.iter().map(|format| format.name).collect::<Vec<_>>().join(", ");
        log.place().refuse("is no log of a known format", format!("known are {names}"))
    })?;
    let mut counter = Counter {
        options,
        metrics: Metrics::default(),
        scan: Scan { tool: format.name, scored: 0, errors: 0 },
        variants: Vec::new(),
    };
    (format.read)(log, options, &mut counter)?;
    Ok(counter.scan)
}

struct Counter<'a> {
    options: &'a Options,
    metrics: Metrics,
    scan: Scan,
    variants: Vec<String>,
}

impl Sink for Counter<'_> {
    fn record(&mut self, record: Record, place: &Place) -> Result<(), ImportError> {
        let scored = record.error.is_none()
            && matches!(self.metrics.score(&record, self.options, place)?, Outcome::Score(_));
        if scored {
            self.scan.scored += 1;
        } else {
            self.scan.errors += 1;
        }
        Ok(())
    }

    fn run(&mut self, _: Run) {}

    fn own(&mut self, _: OwnFigure) {}

    fn rank(&mut self, variant: &str) -> usize {
        if let Some(known) = self.variants.iter().position(|known| known == variant) {
            return known;
        }
        self.variants.push(variant.to_owned());
        self.variants.len() - 1
    }

    fn used(&mut self, _: &Path) {}

    fn note(&mut self, _: String) {}

    fn warn(&mut self, _: String) {}
}
