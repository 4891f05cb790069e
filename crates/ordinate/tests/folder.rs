//! What is in a run folder stays until something whole takes its place, whatever befalls a run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

#[path = "support/small.rs"]
mod small;
mod support;

use std::path::Path;
use std::time::Duration;

use ordinate_faults::{Fault, FaultServer, Script};
use small::{api, files, recorded, signal, start, task};
use support::Desk;

const ITEMS: usize = 20;

/// A task whose first candidate is behind `base`, and whose second is recorded.
fn two(desk: &Desk, items: usize, base: &str, further: &str) -> String {
    let old = recorded(desk, items);
    let how = api(base, "");
    let path = task(desk, items, further, &[("api", "general", how.as_str()), ("old", "vertical", old)]);
    path.to_str().unwrap().to_owned()
}

/// Hostile case 12: a whole run, and then others into its folder that fail.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_fails_changes_nothing_but_the_answers() {
    let desk = Desk::new();
    let server = FaultServer::start(Script::saying("up")).await.unwrap();
    let path = two(&desk, ITEMS, &server.base_url(), "");
    desk.verdict(Path::new(&path), &[]);
    let before = files(&desk.path("run"));
    let has = |start: &str| before.keys().any(|name| name.starts_with(start));
    assert!(has("verdict.json") && has("policies/"), "{:?}", before.keys());
    let whole = std::fs::read_to_string(&path).unwrap();
    let dead = "http://127.0.0.1:1/v1";
    for (what, text, arguments) in [
        ("a dead endpoint", whole.replace(&server.base_url(), dead), vec![]),
        (
            "no key",
            whole.replace("model = \"m\",", "model = \"m\", key_env = \"ORDINATE_TEST_UNSET\","),
            vec![],
        ),
        (
            "no money",
            whole.replace("gold", "silver").replace("model = \"m\"", "model = \"n\""),
            vec!["--max-spend", "0.0000001"],
        ),
        ("no such candidate", whole.replace("recorded = {", "local = { model = \"none\" } #"), vec![]),
        ("no such file", whole.replace("items.jsonl", "none.jsonl"), vec![]),
    ] {
        std::fs::write(&path, text).unwrap();
        let mut all = vec!["run", path.as_str(), "--out", "run"];
        all.extend(arguments);
        let ran = desk.ordinate(all);
        assert!(ran.status() == 1 || ran.status() == 2, "{what}: {}", ran.stderr());
        assert_eq!(files(&desk.path("run")), before, "{what}: {}", ran.stderr());
        let report = desk.ordinate(["report", "run"]);
        assert_eq!(report.status(), 0, "{what}: {}", report.stderr());
        assert!(!desk.path("run.1").exists(), "{what}");
    }
}

/// Hostile case 11: names are not enough; a verdict that a run wrote, or its answers, are.
#[test]
fn files_that_no_run_wrote_are_refused_whatever_they_are_called() {
    let desk = Desk::new();
    let old = recorded(&desk, ITEMS);
    let path = task(&desk, ITEMS, "", &[("a", "general", old), ("b", "vertical", old)]);
    let path = path.to_str().unwrap();
    let mine = [
        ("evidence.parquet", "my own"),
        ("task.toml", "my own task"),
        ("policies/mine.json", "{\"mine\":1}"),
        ("verdict.json", "{\"version\":1,\"task\":\"mine\"}"),
        ("report.html", "<p>mine</p>"),
        ("models/mine/manifest.json", "{}"),
        ("candidates.json", "{}"),
        ("trials.zst", "mine"),
        ("answers.sqlite", "mine"),
    ];
    for (name, text) in mine {
        let folder = format!("with-{}", name.replace('/', "-"));
        desk.write(&format!("{folder}/{name}"), text);
        let message = desk.ordinate(["run", path, "--out", &folder]).refusal();
        assert!(message.contains("no run wrote this") && message.contains(&folder), "{message}");
        assert_eq!(std::fs::read_to_string(desk.path(&folder).join(name)).unwrap(), text);
        assert_eq!(std::fs::read_dir(desk.path(&folder)).unwrap().count(), 1, "nothing beside it");
    }
    let foreign = "import sqlite3\nc = sqlite3.connect('db/answers.sqlite')\nc.execute('CREATE TABLE mine (a)')\nc.commit()";
    std::fs::create_dir(desk.path("db")).unwrap();
    let made =
        std::process::Command::new("python3").args(["-c", foreign]).current_dir(desk.path(".")).status();
    assert!(made.unwrap().success());
    let message = desk.ordinate(["run", path, "--out", "db"]).refusal();
    assert!(message.contains("no run wrote this"), "{message}");
    // What a run wrote may be run into again, and an empty folder may be run into.
    std::fs::create_dir(desk.path("run")).unwrap();
    for _ in 0..2 {
        let ran = desk.ordinate(["run", path, "--out", "run"]);
        assert_eq!(ran.status(), 0, "{}", ran.stderr());
    }
    let names: Vec<_> =
        std::fs::read_dir(desk.path("run")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.iter().all(|name| !name.to_string_lossy().starts_with('.')), "{names:?}");
    assert!(!desk.path("run.1").exists(), "the same verdict again is kept once");
}

/// Hostile case 16: `--resume` wants answers, and such as are asked for.
#[tokio::test(flavor = "multi_thread")]
async fn resume_wants_answers_and_not_a_file() {
    let desk = Desk::new();
    let server = FaultServer::start(Script::saying("up")).await.unwrap();
    let path = two(&desk, ITEMS, &server.base_url(), "");
    desk.write("r/answers.sqlite", "");
    for (run, says) in [("r", "holds no answers"), ("nowhere", "there is no answers.sqlite")] {
        let message = desk.ordinate(["run", &path, "--out", run, "--resume"]).refusal();
        assert!(message.contains(says) && message.contains("--resume"), "{message}");
    }
    assert!(!desk.path("nowhere").exists(), "looking makes no folder");
    assert_eq!(desk.ordinate(["run", &path, "--out", "r"]).status(), 0);
    let asked = server.counts().asked;
    assert_eq!(desk.ordinate(["run", &path, "--out", "r", "--resume"]).status(), 0);
    // Answers of another model are nothing to go on with.
    let text = std::fs::read_to_string(&path).unwrap().replace("model = \"m\"", "model = \"n\"");
    std::fs::write(&path, &text).unwrap();
    let message = desk.ordinate(["run", &path, "--out", "r", "--resume", "-q"]).refusal();
    assert!(message.contains("holds 20 answers, and none of them"), "{message}");
    // A store that was emptied.
    std::fs::write(&path, text.replace("model = \"n\"", "model = \"m\"")).unwrap();
    let emptied = "import sqlite3\nc = sqlite3.connect('r/answers.sqlite')\nc.execute('DELETE FROM answer')\nc.commit()";
    let done =
        std::process::Command::new("python3").args(["-c", emptied]).current_dir(desk.path(".")).status();
    assert!(done.unwrap().success());
    let message = desk.ordinate(["run", &path, "--out", "r", "--resume", "-q"]).refusal();
    assert!(message.contains("holds no answers"), "{message}");
    assert_eq!(server.counts().asked, asked);
}

/// A verdict that says anything else does not take the place of the one before without a trace.
#[test]
fn the_verdict_before_is_kept_beside_it() {
    let desk = Desk::new();
    let old = recorded(&desk, ITEMS);
    let path = task(&desk, ITEMS, "", &[("a", "general", old), ("b", "vertical", old)]);
    let path = path.to_str().unwrap();
    let mut befores = Vec::new();
    for margin in ["0.01", "0.02", "0.03"] {
        let need = format!("margin={margin}");
        let ran = desk.ordinate(["run", path, "--need", &need, "--out", "out/last"]);
        assert_eq!(ran.status(), 0, "{}", ran.stderr());
        assert_eq!(
            befores.is_empty(),
            !ran.stderr().contains("the verdict before is kept in"),
            "{}",
            ran.stderr()
        );
        befores.push(files(&desk.path("out/last")));
    }
    assert_eq!(files(&desk.path("out/last.1")), befores[0]);
    assert_eq!(files(&desk.path("out/last.2")), befores[1]);
    assert_eq!(std::fs::read_dir(desk.path("out")).unwrap().count(), 3, "and nothing else is left beside it");
    assert_eq!(desk.ordinate(["report", "out/last.1"]).status(), 0);
    assert_eq!(desk.ordinate(["judge", "out/last.2"]).status(), 0);
    assert_eq!(files(&desk.path("out/last")), befores[2]);
    // The folder that a task has by itself goes on working.
    for margin in ["margin=0.01", "margin=0.02"] {
        assert_eq!(desk.ordinate(["run", path, "--need", margin]).status(), 0);
    }
    assert!(
        desk.path("small.ordinate/verdict.json").is_file()
            && desk.path("small.ordinate.1/verdict.json").is_file()
    );
}

/// Two runs into one folder: the second is told, and disturbs nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_into_a_folder_waits_for_nothing_and_breaks_nothing() {
    let desk = Desk::new();
    let slow = Script::saying("up").with_latency(Duration::from_millis(400));
    let server = FaultServer::start(slow).await.unwrap();
    let path = two(&desk, ITEMS, &server.base_url(), "[measure]\nconcurrency = 2");
    let first = start(&desk, &["run", &path, "--out", "run"]);
    while server.counts().completed < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let second = desk.ordinate(["run", &path, "--out", "run", "--quiet"]);
    assert_eq!(second.status(), 1, "{}", second.stderr());
    assert!(second.stderr().contains("another run is writing into this folder"), "{}", second.stderr());
    let output = first.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(server.counts().asked, ITEMS as u64);
    assert!(desk.path("run/verdict.json").is_file());
}

/// Killed, interrupted, hung up on: what was there before is there after.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_there_before_a_kill_is_there_after_it() {
    let desk = Desk::new();
    let script = Script::saying("up").with_latency(Duration::from_millis(10));
    let server = FaultServer::start(script).await.unwrap();
    let path = two(&desk, 200, &server.base_url(), "[measure]\nconcurrency = 4");
    desk.verdict(Path::new(&path), &[]);
    let mut expected = files(&desk.path("run"));
    let whole = std::fs::read_to_string(&path).unwrap();
    let mut through = 0;
    for at in 0..26 {
        let name = ["KILL", "KILL", "KILL", "INT", "TERM", "HUP"][at % 6];
        // Another model each time, so that there is something to ask about.
        std::fs::write(&path, whole.replace("model = \"m\"", &format!("model = \"m{at}\""))).unwrap();
        let mut child = start(&desk, &["run", &path, "--out", "run"]);
        // From the first moment to about when it would be done.
        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..900))).await;
        if child.try_wait().unwrap().is_none() {
            signal(&child, name);
        }
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!said.contains("panicked"), "{said}");
        let report = desk.ordinate(["report", "run"]);
        assert_eq!(report.status(), 0, "{name}: {}", report.stderr());
        let now = files(&desk.path("run"));
        if String::from_utf8_lossy(&now["task.toml"]).contains(&format!("\"m{at}\"")) {
            through += 1; // the signal came when the result was whole
            expected = now;
        } else {
            assert!(!output.status.success());
            assert!(now == expected, "{name} at {at}: {said}");
        }
    }
    assert!(through < 20, "the kills came too late: {through}");
    // And the folder can be used as if nothing had been: with the model of before, whose answers it has.
    std::fs::write(&path, &whole).unwrap();
    let ran = desk.ordinate(["run", &path, "--out", "run", "--resume"]);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
}

/// No room on the disk: the shell's limit on the length of a file stands for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_costs_nothing_that_was_there() {
    let desk = Desk::new();
    let server = FaultServer::start(Script::saying("up")).await.unwrap();
    let path = two(&desk, 400, &server.base_url(), "");
    desk.verdict(Path::new(&path), &[]);
    let before = files(&desk.path("run"));
    let whole = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, whole.replace("model = \"m\"", "model = \"n\"")).unwrap();
    let mut failed = 0;
    // Blocks of 512 bytes: too few for the answers, then for the result, then enough.
    for blocks in [8, 64, 128, 256, 300, 400] {
        let script = format!(
            "ulimit -f {blocks}; trap '' XFSZ; exec {} run task.toml --out run --quiet",
            env!("CARGO_BIN_EXE_ordinate")
        );
        let output = std::process::Command::new("sh")
            .args(["-c", &script])
            .current_dir(desk.path("."))
            .env("ORDINATE_CACHE", desk.path("cache"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() {
            break;
        }
        failed += 1;
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.starts_with("error: ") && !said.contains("panicked"), "{said}");
        assert_eq!(files(&desk.path("run")), before, "{blocks}: {said}");
    }
    assert!(failed > 0);
    let ran = desk.ordinate(["run", &path, "--out", "run"]);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    assert_eq!(files(&desk.path("run.1")), before, "the earlier verdict");
}

/// A result that a killed run had begun to move in is moved in by whoever comes next.
#[test]
fn a_half_moved_result_is_finished() {
    let desk = Desk::new();
    let old = recorded(&desk, ITEMS);
    let path = task(&desk, ITEMS, "", &[("a", "general", old), ("b", "vertical", old)]);
    let path = path.to_str().unwrap();
    for (run, margin) in [("run", "margin=0.01"), ("other", "margin=0.02")] {
        assert_eq!(desk.ordinate(["run", path, "--out", run, "--need", margin]).status(), 0);
    }
    let new = files(&desk.path("other"));
    // As it is when the process dies in between: some of the new parts have their place, the verdict has not.
    std::fs::create_dir(desk.path("run/.ordinate-new")).unwrap();
    for name in ["evidence.parquet", "trials.zst"] {
        std::fs::rename(desk.path("other").join(name), desk.path("run").join(name)).unwrap();
    }
    for name in ["policies", "models", "candidates.json", "task.toml", "report.html", "verdict.json"] {
        std::fs::rename(desk.path("other").join(name), desk.path("run/.ordinate-new").join(name)).unwrap();
    }
    let judged = desk.ordinate(["judge", "run"]);
    assert_eq!(judged.status(), 0, "{}", judged.stderr());
    assert_eq!(files(&desk.path("run")), new);
    assert!(!desk.path("run/.ordinate-new").exists());
}

/// What is wrong with the folder is said before anything is asked.
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_written_is_told_first() {
    let desk = Desk::new();
    let server = FaultServer::start(Script::saying("up").with_faults(|_| Fault::None)).await.unwrap();
    let path = two(&desk, ITEMS, &server.base_url(), "");
    desk.write("file", "no folder");
    for out in ["file", "file/run", "/proc/run"] {
        let ran = desk.ordinate(["run", &path, "--out", out, "--quiet"]);
        assert_eq!(ran.status(), 1, "{}", ran.stderr());
        assert!(ran.stderr().contains("the run folder cannot be made"), "{}", ran.stderr());
    }
    assert_eq!(server.counts().asked, 0);
}

/// Stored answers are read anew by the metric and the extraction of now; nobody is asked, and no key is wanted.
#[tokio::test(flavor = "multi_thread")]
async fn answers_are_scored_again_without_being_paid_for_again() {
    let desk = Desk::new();
    let server = FaultServer::start(Script::saying("up")).await.unwrap();
    let path = two(&desk, ITEMS, &server.base_url(), "");
    let none = desk.ordinate(["run", &path, "--out", "run", "--rescore"]).refusal();
    assert!(none.contains("there is no answers.sqlite to read anew"), "{none}");
    desk.verdict(Path::new(&path), &[]);
    server.stop();
    // As if an earlier version had read some of them otherwise.
    let reads = "import sqlite3\nc = sqlite3.connect('run/answers.sqlite')\n\
                 c.execute(\"UPDATE answer SET text = 'down it goes' WHERE item IN ('i1', 'i3', 'i5')\")\nc.commit()";
    let done = std::process::Command::new("python3").args(["-c", reads]).current_dir(desk.path(".")).status();
    assert!(done.unwrap().success());
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(
        &path,
        text.replace("model = \"m\",", "model = \"m\", key_env = \"ORDINATE_TEST_UNSET\","),
    )
    .unwrap();
    let ran = desk.ordinate(["run", &path, "--out", "run", "--rescore"]);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    let said = ran.stderr();
    assert!(said.contains("api: 3 of 20 answers read otherwise; quality 0.500 -> 0.650"), "{said}");
    assert!(said.contains("old: 0 of 20 answers read otherwise; quality 0.500 -> 0.500"), "{said}");
    let verdict = std::fs::read_to_string(desk.path("run/verdict.json")).unwrap();
    assert!(verdict.contains("Read anew: api: 3 of 20"), "{verdict}");
    assert!(desk.path("run.1/verdict.json").is_file());
    // Answers to another prompt are not mixed in.
    std::fs::write(&path, text.replace("[combine]", "[prompt]\ninstruction = \"Which way?\"\n[combine]"))
        .unwrap();
    let message = desk.ordinate(["run", &path, "--out", "run", "--rescore", "-q"]).refusal();
    assert!(message.contains("20 of 20 answers of api are not in answers.sqlite"), "{message}");
}

/// A key that is not set is told before anything is fetched, trained or asked; looking wants none.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_key_is_told_before_the_work_and_looking_needs_none() {
    let desk = Desk::new();
    let server = FaultServer::start(Script::saying("up")).await.unwrap();
    let how = api(&server.base_url(), ", key_env = \"ORDINATE_TEST_UNSET\"");
    let candidates =
        [("ngram", "vertical", "local = { model = \"ngram-linear\" }"), ("api", "general", how.as_str())];
    let path = task(&desk, ITEMS, "", &candidates);
    let path = path.to_str().unwrap();
    let ran = desk.ordinate(["run", path, "--out", "run"]);
    let message = ran.refusal();
    assert!(message.contains("ORDINATE_TEST_UNSET is not set") && !message.contains("training"), "{message}");
    assert!(!desk.path("run").exists() && !desk.path("cache").exists());
    let checked = desk.ordinate(["check", path, "--show-prompt"]);
    assert_eq!(checked.status(), 0, "{}", checked.stderr());
    assert!(checked.stdout().contains("prompt of api for the first item"), "{}", checked.stdout());
    assert!(
        checked.stdout().contains("api cannot be asked yet: the environment variable ORDINATE_TEST_UNSET"),
        "{}",
        checked.stdout()
    );
    // Two tasks with names of one beginning have folders of their own.
    let recorded = recorded(&desk, ITEMS);
    let text = std::fs::read_to_string(task(
        &desk,
        ITEMS,
        "",
        &[("a", "general", recorded), ("b", "vertical", recorded)],
    ))
    .unwrap();
    for end in ["one", "two"] {
        let name = format!("{}-{end}", "long-name".repeat(10));
        desk.write("long.toml", text.replace("\"small\"", &format!("{name:?}")));
        let ran = desk.ordinate(["run", "long.toml", "--quiet"]);
        assert_eq!(ran.status(), 0, "{}", ran.stderr());
    }
    let is_run = |entry: &std::fs::DirEntry| entry.file_name().to_string_lossy().ends_with(".ordinate");
    let runs =
        std::fs::read_dir(desk.path(".")).unwrap().filter(|entry| is_run(entry.as_ref().unwrap())).count();
    assert_eq!(runs, 2);
}
