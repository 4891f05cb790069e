//! Bytes behind the magic number of Parquet: lighteval's details.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ordinate_import::Log;

fuzz_target!(|data: &[u8]| {
    let mut bytes = b"PAR1".to_vec();
    bytes.extend_from_slice(data.strip_prefix(b"PAR1").unwrap_or(data));
    ordinate_fuzz::scan_within_limits(&Log::from_bytes("details.parquet", &bytes));
});
