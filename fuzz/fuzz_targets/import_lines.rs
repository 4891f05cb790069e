//! Any bytes as a log: JSON and JSON Lines of every tool, compressed or not.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ordinate_import::Log;

fuzz_target!(|data: &[u8]| ordinate_fuzz::scan_within_limits(&Log::from_bytes("log", data)));
