//! What a caller adds: a kind of task, a method of training and a kind of candidate, a file each, run through the library;
//! and candidates that need the answers of others.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod support;
mod toys;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use ordinate::{CandidateKinds, Error, Options, Run, check, read_task_of, run};
use ordinate_faults::{FaultServer, Script, prompt_of};
use ordinate_models::Methods;
use ordinate_tasks::Kinds;
use support::Desk;

/// Sixty texts of one to four words.
fn items(desk: &Desk) {
    let mut text = String::new();
    for at in 0..60 {
        let words: Vec<String> = (0..=at % 4).map(|word| format!("w{}{word}", at % 7)).collect();
        let target = if words.len().is_multiple_of(2) { "even" } else { "odd" };
        let _ = writeln!(text, r#"{{"id":"i{at}","text":"{}-{at}","label":"{target}"}}"#, words.join(" "));
    }
    desk.write("items.jsonl", text);
}

fn options(desk: &Desk) -> Options {
    Options {
        folder: Some(desk.path("run")),
        cache: Some(desk.path("cache")),
        kinds: CandidateKinds::default().with(toys::candidate_kind::Counting),
        methods: Methods::default().with(toys::method::KIND),
        task_kinds: Kinds::builtin().with(&toys::task_kind::Parity),
        ..Options::default()
    }
}

fn task(desk: &Desk, candidates: &[(&str, &str)]) -> PathBuf {
    items(desk);
    let mut text = "[task]\nname = \"t\"\nkind = \"parity\"\n[data]\nitems = \"items.jsonl\"\ninput = \"text\"\ntarget = \"label\"\n[combine]\nkinds = [\"single\"]\n".to_owned();
    for (name, source) in candidates {
        let _ = write!(text, "[[candidate]]\nname = \"{name}\"\nlineage = \"general\"\n{source}\n");
    }
    desk.write("t.toml", text)
}

async fn ran(desk: &Desk, candidates: &[(&str, &str)]) -> Result<Run, Error> {
    let options = options(desk);
    let task = read_task_of(&task(desk, candidates), &options.task_kinds)?;
    run(&task, &options, Arc::new(())).await
}

fn quality(run: &Run, name: &str) -> f64 {
    let row = run.verdict.candidates.iter().find(|row| row.name.as_str() == name).unwrap();
    row.quality.mean
}

const COUNTING: &str = "custom = { kind = \"counting\" }";

#[tokio::test(flavor = "multi_thread")]
async fn three_toys_make_a_verdict() {
    let desk = Desk::new();
    let candidates = [("counts", COUNTING), ("heart", "local = { model = \"by-heart\" }")];
    let run = ran(&desk, &candidates).await.unwrap();
    assert!((quality(&run, "counts") - 1.0).abs() < 1e-9);
    assert!(quality(&run, "heart") < 0.9);
    assert_eq!(run.verdict.recommended.as_ref().unwrap().name, "counts");
    assert!(run.folder.path("models/heart/words.json").is_file());
    let options = options(&desk);
    let read = read_task_of(&desk.path("t.toml"), &options.task_kinds).unwrap();
    let said = check(&read, &options).await.unwrap().to_string();
    assert!(said.contains("counts (general), counts words") && said.contains("heart (general), runs here"));
}

/// A pupil is asked after its teacher, whose answers to every other item it takes.
#[tokio::test(flavor = "multi_thread")]
async fn a_pupil_comes_after_its_teacher() {
    let desk = Desk::new();
    let server = FaultServer::start(Script::new(|body| {
        // Wrong of everything.
        let text = prompt_of(body);
        let words = text.rsplit("? ").next().unwrap_or_default().trim().split(' ').count();
        if words.is_multiple_of(2) { "odd".to_owned() } else { "even".to_owned() }
    }))
    .await
    .unwrap();
    let live = format!("openai = {{ model = \"m\", base_url = \"{}\" }}", server.base_url());
    let pupil = |teacher: &str| {
        format!("custom = {{ kind = \"counting\", settings = {{ teacher = \"{teacher}\" }} }}")
    };
    // The pupil stands first in the file; its teacher needs another pupil's answers in turn.
    let candidates = [("third", &*pupil("second")), ("second", &pupil("live")), ("live", &live)];
    let run = ran(&desk, &candidates).await.unwrap();
    assert!(quality(&run, "live").abs() < 1e-9);
    assert!((quality(&run, "second") - 0.5).abs() < 1e-9, "wrong of what it was taught");
    assert!((quality(&run, "third") - 0.5).abs() < 1e-9);
    assert_eq!(server.counts().asked, 60, "nothing is asked twice");
    let circle = [("a", &*pupil("b")), ("b", &pupil("a"))];
    let error = ran(&desk, &circle).await.unwrap_err().to_string();
    assert!(error.contains("needs the answers of b"), "{error}");
}
