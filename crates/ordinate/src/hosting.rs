//! What hosting a candidate takes that runs in this process: measured once for the same model and machine, by a program of
//! its own so that its peak memory is that of one model, and kept beside its answers.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use ordinate_core::verdict::{Deployment, Machine};
use ordinate_core::{Candidate, CandidateName, Evidence, Hosting, Part};
use ordinate_models::gauge::{Gauged, Order};

use crate::cache::{check_file, digest, read_json, write_json};
use crate::error::Error;
use crate::kinds::{HereFacts, InProcess};
use crate::observe::{Doing, Seen, Step, step};
use crate::options::Options;
use crate::work::aside;

/// Raised when something is measured in another way.
const VERSION: u32 = 1;

/// The most items that are answered for it.
const SAMPLE: usize = 256;

/// What is known of how a candidate is hosted.
pub(crate) struct Hosted {
    facts: HereFacts,
    /// The figures, or why there are none.
    pub(crate) measured: Result<Deployment, String>,
}

impl Hosted {
    /// Says what is known where the task file does not.
    pub(crate) fn describe(&self, candidate: &mut Candidate) {
        let billion = |number: u64| number as f64 / 1e9;
        let memory = match &self.measured {
            Ok(measured) => measured.peak_memory_bytes.unwrap_or(measured.memory_bytes),
            Err(_) => self.facts.memory_bytes,
        };
        candidate.hosting.get_or_insert(Hosting::Local);
        candidate.memory_gb.get_or_insert(billion(memory));
        candidate.parameters_billion.get_or_insert(billion(self.facts.parameters));
    }
}

/// Holds the latencies of candidates in this process to what a single request takes: in a run they answer one item after
/// another, with everything at hand, which nobody does who asks them once in a while. Every latency is stretched alike, so that
/// the 95th percentile of the items that are scored is the one that was measured for hosting. What was changed, in words.
pub(crate) fn latencies(evidence: &mut Evidence, deployment: &[Deployment]) -> Option<String> {
    let mut names = Vec::new();
    for one in deployment {
        let Some(column) = evidence.column_of(&one.name) else { continue };
        let test = evidence.part(Part::Test).rows;
        let scored = if test.is_empty() { evidence.view().rows } else { test };
        let answers = evidence.answers(column);
        let took: Vec<f64> = scored.into_iter().filter_map(|row| answers.latency_ms(row)).collect();
        let in_run = ordinate_score::quantile::p95(&took).filter(|in_run| *in_run > 0.0);
        let factor = in_run.map(|in_run| one.latency_ms.p95 / in_run).filter(|factor| factor.is_finite());
        if let Some(factor) = factor {
            evidence.scale_latency(column, factor);
            names.push(one.name.as_str().to_owned());
        }
    }
    (!names.is_empty()).then(|| {
        format!(
            "Latencies of {} are those of single requests, as measured for hosting on this machine: those of the run, which answers \
             one item after another, are stretched to the same 95th percentile.",
            names.join(", ")
        )
    })
}

/// Measures what hosting a candidate takes, unless that was done on this machine before; `None` for one that cannot be
/// hosted here.
///
/// # Errors
/// [`Error`] where nothing is known of it at all, and when the run is stopped.
pub(crate) async fn hosted(
    here: &Arc<dyn InProcess>,
    name: &CandidateName,
    options: &Options,
    seen: &Seen,
    notes: &mut Vec<String>,
) -> Result<Option<Hosted>, Error> {
    let machine = machine();
    // A build without optimisation is another machine, so to say.
    let threads = std::env::var_os("RAYON_NUM_THREADS");
    let build = format!("{VERSION} {} {}", env!("CARGO_PKG_VERSION"), cfg!(debug_assertions));
    let on = format!("{} {} {threads:?}", machine.cpu, machine.cores);
    let kept = here.kept_as(&format!("-{}.json", &digest([build.as_str(), on.as_str()])[..12]));
    if let Some(note) = check_file(&kept) {
        step(seen.as_ref(), Step::Note(&note));
        notes.push(note);
    }
    let model = Arc::clone(here);
    let facts = aside(&options.cancel, move || model.facts()).await?;
    if let Some(known) = read_json::<Deployment>(&kept) {
        let measured = Ok(Deployment { name: name.clone(), ..known });
        return Ok(Some(Hosted { facts, measured }));
    }
    let Some(helper) = &options.hosting_helper else {
        let why = "no program to measure it with was named".to_owned();
        return Ok(Some(Hosted { facts, measured: Err(why) }));
    };
    let model = Arc::clone(here);
    let order = match aside(&options.cancel, move || Ok(model.order())).await? {
        Ok(Some(order)) => order,
        Ok(None) => return Ok(None),
        Err(why) => return Ok(Some(Hosted { facts, measured: Err(why) })),
    };
    step(seen.as_ref(), Step::Candidate(name, Doing::Gauging));
    let found = tokio::select! {
        biased;
        () = options.cancel.cancelled() => return Err(Error::Stopped),
        found = carried_out(helper, &order) => found,
    };
    let measured = found.map(|found| Deployment {
        name: name.clone(),
        parameters: facts.parameters,
        disk_bytes: facts.disk_bytes,
        memory_bytes: facts.memory_bytes,
        peak_memory_bytes: found.peak_memory_bytes,
        load_ms: found.load_ms,
        latency_ms: found.latency_ms,
        items: found.items,
        per_second: found.per_second,
        best_batch: found.best_batch,
        best_per_second: found.best_per_second,
        threads: found.threads,
        machine,
    });
    if let Ok(measured) = &measured {
        write_json(&kept, measured)?;
    }
    Ok(Some(Hosted { facts, measured }))
}

/// Places of some items out of so many, evenly spread.
pub(crate) fn spread(items: usize) -> impl Iterator<Item = usize> {
    let some = items.min(SAMPLE);
    (0..some).map(move |at| at * items / some)
}

/// Starts the program with an order, and reads what it found.
async fn carried_out(program: &Path, order: &Order) -> Result<Gauged, String> {
    let desk = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
    let file = desk.path().join("order.json");
    let text = serde_json::to_string(order).map_err(|error| error.to_string())?;
    fs::write(&file, text).map_err(|error| format!("{}: cannot be written: {error}", file.display()))?;
    let output = tokio::process::Command::new(program)
        .arg("gauge")
        .arg(&file)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
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
