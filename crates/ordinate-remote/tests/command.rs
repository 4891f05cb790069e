//! Programs that behave and programs that do not, in `sh` and Python.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use ordinate_core::Item;
use ordinate_core::task::Command as Entry;
use ordinate_remote::{Command, FailureKind};
use ordinate_tasks::kinds::Classify;

fn command(folder: &std::path::Path, script: &str, timeout_s: f64) -> Command {
    let entry = Entry {
        run: vec!["python3".into(), "-c".into(), script.into()],
        timeout_s: Some(timeout_s),
        start_s: Some(20.0),
        ..Entry::default()
    };
    Command::new(&entry, folder, &Classify, &["up".into(), "down".into()]).unwrap()
}

fn item(input: &str) -> Item {
    Item { id: input.into(), input: input.into(), ..Item::default() }
}

const MODEL: &str = r#"
import sys, json, os, time
for line in sys.stdin:
    item = json.loads(line)
    text = item["input"]
    if text == "crash": print("Traceback: no such tensor", file=sys.stderr); os._exit(3)
    if text == "slow": time.sleep(60)
    if text == "chatty": print("loading weights...", flush=True); continue
    if text == "latin": sys.stdout.buffer.write(b'{"output": "\xc3\x28"}\n'); sys.stdout.flush(); continue
    answer = {"id": item["id"], "output": item["labels"][0], "confidence": 0.9, "cost_usd": 0.5, "pid": os.getpid()}
    if text == "sorry": answer = {"error": "the text is too long"}
    if text == "empty": answer = {"output": None}
    if text == "other": answer["id"] = "another"
    if text == "pid": answer["output"] = os.getpid()
    print(json.dumps(answer), flush=True)
"#;

#[tokio::test]
async fn it_is_started_once_and_again_after_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let command = command(folder.path(), MODEL, 1.0);
    let ask = async |text: &str| command.ask(&command.line(&item(text))).await;
    let first = ask("pid").await.unwrap();
    assert_eq!((first.confidence, first.cost_usd), (Some(0.9), Some(0.5)));
    assert_eq!(ask("pid").await.unwrap().text, first.text, "the same process");
    assert_eq!(ask("fine").await.unwrap().text, "up");

    for (text, kind, says, survives) in [
        ("sorry", FailureKind::Reported, "too long", true),
        ("empty", FailureKind::Empty, "no output", true),
        ("crash", FailureKind::Cut, "no such tensor", false),
        ("slow", FailureKind::TotalTimeout, "within 1 s", false),
        ("chatty", FailureKind::BrokenJson, "loading weights", false),
        ("latin", FailureKind::BrokenText, "UTF-8", false),
        ("other", FailureKind::Shape, "another", false),
    ] {
        let before = ask("pid").await.unwrap().text;
        let failure = ask(text).await.unwrap_err();
        assert_eq!(failure.kind, kind, "{text}: {failure}");
        assert!(failure.message.contains(says), "{text}: {failure}");
        let after = ask("pid").await.unwrap().text;
        assert_eq!(before == after, survives, "{text}");
    }
    let failure = ask("crash").await.unwrap_err();
    assert!(failure.message.contains("exit status: 3"), "{failure}");
}

#[tokio::test]
async fn what_cannot_be_started_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let entry = Entry { run: vec!["no-such-program-here".into()], ..Entry::default() };
    let command = Command::new(&entry, folder.path(), &Classify, &[]).unwrap();
    let failure = command.ask(&command.line(&item("x"))).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotFound);
    assert!(failure.message.contains("no-such-program-here"), "{failure}");
}

#[test]
fn a_change_of_the_script_is_another_candidate() {
    let folder = tempfile::tempdir().unwrap();
    let identity = || {
        let entry = Entry { run: vec!["python3".into(), "model.py".into()], ..Entry::default() };
        Command::new(&entry, folder.path(), &Classify, &[]).unwrap().identity().to_owned()
    };
    std::fs::write(folder.path().join("model.py"), "a = 1").unwrap();
    let before = identity();
    assert_eq!(before, identity());
    std::fs::write(folder.path().join("model.py"), "a = 2").unwrap();
    assert_ne!(before, identity());
}
