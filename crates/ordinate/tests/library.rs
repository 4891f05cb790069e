//! The run as a library: the example program, runs inside of a server, and runs that are stopped.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod support;

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use ordinate::{Error, Event, Fault, Observer, Options, Run, read_task, run};
use support::{Desk, root};

/// What a run told.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Observer for Told {
    fn see(&self, event: Event<'_>) {
        if let Event::Step(step) = event {
            self.0.lock().unwrap().push(step.to_string());
        }
    }
}

fn triage() -> std::path::PathBuf {
    root().join("examples/triage/ordinate.toml")
}

#[test]
fn the_example_program_runs_a_task() {
    let desk = Desk::new();
    // Examples lie beside the binary.
    let program = Path::new(env!("CARGO_BIN_EXE_ordinate")).parent().unwrap().join("examples/run_a_task");
    let output = Command::new(program)
        .args([triage(), desk.path("run")])
        .env("ORDINATE_CACHE", desk.path("cache"))
        .output()
        .unwrap();
    let (said, told) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{told}");
    let verdict = ordinate::Folder::open(&desk.path("run")).unwrap().verdict().unwrap();
    let recommended = verdict.recommended.unwrap().name;
    assert_eq!(said.trim(), format!("{:?}: {recommended}", verdict.outcome));
    assert!(told.contains("training and answering") && told.contains("written to"), "{told}");
    assert!(verdict.deployment.is_empty());
    let unmeasured = "was not measured: no program to measure it with was named";
    assert!(verdict.assumed.iter().any(|note| note.contains(unmeasured)), "{:?}", verdict.assumed);
}

/// Two runs at once on a server's threads, each as the binary would have it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_in_a_server() {
    let desk = Desk::new();
    let start = |name: &str| {
        let options = Options {
            folder: Some(desk.path(name)),
            cache: Some(desk.path(&format!("cache-{name}"))),
            ..Options::default()
        };
        let told = Arc::new(Told::default());
        let seen = Arc::clone(&told);
        let running: tokio::task::JoinHandle<Result<Run, Error>> = tokio::spawn(async move {
            let task = read_task(&triage())?;
            run(&task, &options, seen).await
        });
        (running, told)
    };
    let ((one, told), (two, _)) = (start("one"), start("two"));
    let (one, two) = (one.await.unwrap().unwrap(), two.await.unwrap().unwrap());
    let recommended = |run: &Run| run.verdict.recommended.as_ref().map(|one| (one.name.clone(), one.quality));
    assert_eq!(recommended(&one), recommended(&two));
    let told = told.0.lock().unwrap();
    assert!(
        told.last().unwrap().starts_with("written to") && told.iter().any(|line| line.contains("judged"))
    );
    let json = std::fs::read_to_string(one.folder.path("verdict.json")).unwrap();
    assert_eq!(json, one.json);
    let binary = desk.verdict(&triage(), &[]);
    let mine: serde_json::Value = serde_json::from_str(&one.json).unwrap();
    assert_eq!(mine["recommended"]["quality"], binary["recommended"]["quality"]);
}

#[tokio::test]
async fn a_run_that_is_stopped_says_so() {
    let desk = Desk::new();
    let options =
        Options { folder: Some(desk.path("run")), cache: Some(desk.path("cache")), ..Options::default() };
    options.cancel.cancel();
    let task = read_task(&triage()).unwrap();
    let error = run(&task, &options, Arc::new(())).await.unwrap_err();
    assert!(matches!(error, Error::Stopped) && error.fault() == Fault::Run, "{error}");
    assert!(!desk.path("run/verdict.json").exists());
}

#[tokio::test]
async fn what_is_wrong_is_a_value() {
    let desk = Desk::new();
    let text = std::fs::read_to_string(triage()).unwrap().replace("messages.jsonl", "none.jsonl");
    let error = Error::from(read_task(&desk.write("t.toml", text)).unwrap_err());
    assert!(error.fault() == Fault::Input && error.to_string().contains("none.jsonl"), "{error}");
}
