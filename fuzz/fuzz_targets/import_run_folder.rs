//! The files of a HELM run, one after another, parted by a zero byte.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ordinate_import::Log;

const FILES: [&str; 4] =
    ["run_spec.json", "scenario_state.json", "per_instance_stats.json", "display_predictions.json"];

fuzz_target!(|data: &[u8]| {
    let parts = data.split(|byte| *byte == 0);
    let files = FILES.into_iter().zip(parts).map(|(name, bytes)| (name.to_owned(), bytes.to_owned()));
    ordinate_fuzz::scan_within_limits(&Log::from_folder("run", files.collect()));
});
