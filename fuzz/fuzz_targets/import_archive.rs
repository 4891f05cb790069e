//! Bytes behind the magic number of a zip: Inspect's logs.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ordinate_import::Log;

fuzz_target!(|data: &[u8]| {
    let mut bytes = b"PK\x03\x04".to_vec();
    bytes.extend_from_slice(data.strip_prefix(b"PK\x03\x04").unwrap_or(data));
    ordinate_fuzz::scan_within_limits(&Log::from_bytes("log.eval", &bytes));
});
