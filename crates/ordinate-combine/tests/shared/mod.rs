//! The real evidence beside the repository.

use std::path::Path;

use ordinate_core::Evidence;
use ordinate_data::{infer_task_for, load_evidence, read_task};

/// Reads a folder of recorded answers as `ordinate init` and `ordinate run` do.
pub(crate) fn read(folder: &Path) -> Evidence {
    let scratch = tempfile::tempdir().unwrap();
    let task = scratch.path().join("ordinate.toml");
    std::fs::write(&task, infer_task_for(folder, scratch.path()).unwrap()).unwrap();
    load_evidence(&read_task(&task).unwrap()).unwrap().evidence
}

/// One of the folders of `../shared/data/evidence`; `None` where they are not there, and then it says so.
#[allow(dead_code)] // examples read folders that are named
pub(crate) fn evidence(name: &str) -> Option<Evidence> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/evidence").join(name);
    if !folder.is_dir() {
        eprintln!("skipped: {} is not here", folder.display());
        return None;
    }
    Some(read(&folder))
}
