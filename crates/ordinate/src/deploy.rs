//! What hosting a candidate takes that runs in this process: measured once for the same model and machine, in a process
//! of its own, and kept beside its answers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ordinate_core::verdict::{Deployment, Machine};
use ordinate_core::{CandidateName, Items};
use ordinate_models::gauge::{Gauged, Order};
use ordinate_models::{Facts, Manifest, Reads};
use sha2::{Digest as _, Sha256};

use crate::observe::{Doing, Observer, Step, step};
use crate::options::Options;

/// Raised when something is measured in another way.
const VERSION: u32 = 1;

/// The most items that are answered for it.
const SAMPLE: usize = 256;

/// Where the figures of one model on this machine are kept.
pub(crate) struct Site<'a> {
    name: &'a CandidateName,
    folder: &'a Path,
    file: PathBuf,
    machine: Machine,
    /// The program that measures.
    helper: Option<&'a Path>,
}

impl<'a> Site<'a> {
    /// Of the candidate whose answers are kept in `folder` under `key`.
    pub(crate) fn new(name: &'a CandidateName, folder: &'a Path, key: &str, options: &'a Options) -> Self {
        let machine = machine();
        // A build without optimisation is another machine, so to say.
        let threads = std::env::var_os("RAYON_NUM_THREADS");
        let (version, debug) = (env!("CARGO_PKG_VERSION"), cfg!(debug_assertions));
        let seen = format!("{VERSION} {version} {machine:?} {debug} {threads:?}");
        let digest = Sha256::digest(seen);
        let short: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let helper = options.hosting_helper.as_deref();
        Self { name, folder, file: folder.join(format!("{key}-{short}.json")), machine, helper }
    }

    /// Tells that it is measured, where it can be.
    pub(crate) fn tell(&self, seen: &dyn Observer) {
        if self.helper.is_some() {
            step(seen, Step::Candidate(self.name, Doing::Gauging));
        }
    }

    /// What was measured on this machine before.
    pub(crate) fn kept(&self) -> Option<Deployment> {
        let kept: Deployment = serde_json::from_str(&fs::read_to_string(&self.file).ok()?).ok()?;
        Some(Deployment { name: self.name.clone(), ..kept })
    }

    /// Measures the trained model in a folder, and keeps what was found; or says why that could not be done.
    pub(crate) fn model(
        &self,
        folder: &Path,
        manifest: &Manifest,
        items: &Items,
    ) -> Result<Deployment, String> {
        let rows: Vec<usize> = (0..items.len()).filter(|&row| items.target(row).is_some()).collect();
        // Trees read the fields, whatever the text of an item is.
        let input = |row: usize| match items.features().is_empty() || manifest.reads == Reads::Text {
            true => items.input(row).unwrap_or_default().to_owned(),
            false => items.features().lines(row),
        };
        let inputs = spread(rows.len()).map(|place| input(rows[place])).collect();
        let order = Order::Model { saved: folder.to_owned(), inputs };
        self.measured(&order, manifest.facts(), manifest.disk_bytes)
    }

    /// Carries an order out in a process of its own, and keeps what was found.
    pub(crate) fn measured(&self, order: &Order, facts: Facts, disk: u64) -> Result<Deployment, String> {
        let helper = self.helper.ok_or("no program to measure it with was named")?;
        let found = asked(helper, order)?;
        let deployment = Deployment {
            name: self.name.clone(),
            parameters: facts.parameters,
            disk_bytes: disk,
            memory_bytes: facts.bytes,
            peak_memory_bytes: found.peak_memory_bytes,
            load_ms: found.load_ms,
            latency_ms: found.latency_ms,
            items: found.items,
            per_second: found.per_second,
            best_batch: found.best_batch,
            best_per_second: found.best_per_second,
            threads: found.threads,
            machine: self.machine.clone(),
        };
        let text = serde_json::to_string(&deployment).map_err(|error| error.to_string())?;
        crate::local::write(self.folder, &self.file, &text).map_err(|failure| failure.to_string())?;
        Ok(deployment)
    }
}

/// Places of some items out of so many, evenly spread.
pub(crate) fn spread(items: usize) -> impl Iterator<Item = usize> {
    let some = items.min(SAMPLE);
    (0..some).map(move |at| at * items / some)
}

/// Starts the program with an order, and reads what it found.
fn asked(program: &Path, order: &Order) -> Result<Gauged, String> {
    let desk = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
    let file = desk.path().join("order.json");
    let text = serde_json::to_string(order).map_err(|error| error.to_string())?;
    fs::write(&file, text).map_err(|error| format!("{}: cannot be written: {error}", file.display()))?;
    let output = Command::new(program)
        .arg("gauge")
        .arg(&file)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{}: cannot be started: {error}", program.display()))?;
    if !output.status.success() {
        let told = String::from_utf8_lossy(&output.stderr);
        let last = told.lines().last().map(|line| line.trim_start_matches("error: ")).unwrap_or_default();
        return Err(if last.is_empty() {
            format!("its process ended with {}", output.status)
        } else {
            last.to_owned()
        });
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("its process said what is no figure: {error}"))
}

fn machine() -> Machine {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let named = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let cpu = named.map_or(std::env::consts::ARCH, |(_, name)| name.trim());
    Machine { cpu: cpu.to_owned(), cores }
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn samples_are_spread() {
        assert_eq!(spread(3).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(spread(0).count(), 0);
        let many: Vec<usize> = spread(1_000).collect();
        assert_eq!((many.len(), many[0], many[128], many[255]), (256, 0, 500, 996));
    }
}
