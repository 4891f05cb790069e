//! Trainings that are killed and run again.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::Desk;

/// Runs the task `t.toml` of a desk through, and on another such desk kills it (SIGKILL) in the midst of training and runs it again:
/// the weights in this file are the same.
pub(crate) fn as_if_not_killed(desk: impl Fn() -> Desk, weights: &str) {
    let run = |desk: &Desk| {
        let ran = desk.ordinate(["run", "t.toml", "--out", "run"]);
        assert_eq!(ran.status(), 0, "{}", ran.stderr());
        std::fs::read(desk.path(weights)).unwrap()
    };
    let killed = desk();
    let mut child = killed.start(&["run", "t.toml", "--out", "run", "--quiet"]);
    let begun = Instant::now();
    let checkpoint = || {
        let files = std::fs::read_dir(killed.path("cache/local")).into_iter().flatten().flatten();
        files.map(|file| file.path()).find(|path| path.extension().is_some_and(|end| end == "checkpoint"))
    };
    while checkpoint().is_none() && begun.elapsed() < Duration::from_secs(120) {
        assert!(child.try_wait().unwrap().is_none(), "it was over before it was killed");
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(is_under_way(&checkpoint().unwrap()), "training was over before it was killed");
    assert!(!killed.path("run/verdict.json").is_file());
    assert!(run(&desk()) == run(&killed), "other weights than those of a run that was not killed");
}

/// Whether a checkpoint is of a training that is not over.
fn is_under_way(checkpoint: &Path) -> bool {
    let bytes = std::fs::read(checkpoint).unwrap();
    String::from_utf8_lossy(&bytes).contains("\"first.")
}
