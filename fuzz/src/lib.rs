//! What the fuzz targets share.

use ordinate_import::{Limits, Log, Options, scan};

/// Scans a log under limits so small that a fuzzer's time goes into parsing, not into unpacking.
pub fn scan_within_limits(log: &Log) {
    let limits = Limits { line_bytes: 1 << 16, entry_bytes: 1 << 20, values: 1 << 16, total_bytes: 1 << 22, ratio: 100 };
    // Refusing is fine; panicking, hanging or eating memory is not.
    let _ = scan(log, &Options { limits, ..Options::default() });
}
