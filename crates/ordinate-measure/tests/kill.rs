//! Runs of the example `throughput` as a process of its own: killed at random moments and resumed, and with a
//! key that must be nowhere afterwards.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use ordinate_faults::{Fault, FaultServer, Script, Style, prompt_of};
use sqlx::Row;

const ITEMS: u64 = 1_500;
const CONCURRENCY: u64 = 24;

/// The example's program, which cargo builds beside the tests.
fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().and_then(Path::parent).unwrap();
    let program = folder.join("examples/throughput");
    assert!(program.exists(), "{} is not built: run `cargo test`, which builds examples", program.display());
    program
}

fn command(server: &FaultServer, store: &Path, items: u64) -> Command {
    let mut command = Command::new(program());
    command.args(["--base-url", &server.base_url(), "--items", &items.to_string()]);
    command.args(["--concurrency", &CONCURRENCY.to_string()]).arg("--store").arg(store);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A server whose answers depend on the item, so that a mix-up would show.
async fn server(latency_ms: u64) -> FaultServer {
    let style = Style {
        latency: Duration::from_millis(latency_ms),
        spread: Duration::from_millis(latency_ms),
        ..Style::default()
    };
    let script = Script::new(|body| {
        let sum: usize = prompt_of(body).bytes().map(usize::from).sum();
        ["up", "down", "neutral", "It is up, not down.", "up or down"][sum % 5].to_owned()
    });
    FaultServer::start(script.with_style(style)).await.unwrap()
}

/// The items that the store holds, read as another program would read it.
async fn committed(store: &Path) -> Vec<String> {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(store);
    let Ok(pool) = sqlx::SqlitePool::connect_with(options).await else { return Vec::new() };
    let rows = sqlx::query("SELECT item FROM answer").fetch_all(&pool).await.unwrap_or_default();
    pool.close().await;
    rows.iter().map(|row| row.get("item")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_ten_random_moments_and_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(15).await;
    let store = folder.path().join("answers.sqlite");
    let mut kills: u64 = 0;
    let mut kept_before_kill = 0;
    let asked = |server: &FaultServer| -> HashMap<String, u64> {
        server.counts().by_prompt.into_iter().map(|(prompt, count)| (prompt, count.asked)).collect()
    };
    // What was committed when a run was killed, and how often each had been asked then.
    let mut settled: HashMap<String, u64> = HashMap::new();
    while kills < 10 {
        let mut child = command(&server, &store, ITEMS).spawn().unwrap();
        // Long enough to commit something, short enough that ten kills fit into one run.
        let until = kept_before_kill + fastrand::u64(1..(ITEMS / 12));
        while server.counts().completed < until && child.try_wait().unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_micros(fastrand::u64(0..15_000))).await;
        child.kill().unwrap(); // SIGKILL
        child.wait().unwrap();
        kills += 1;
        tokio::time::sleep(Duration::from_millis(60)).await; // requests in flight reach their end
        kept_before_kill = server.counts().completed;
        let now = asked(&server);
        for item in committed(&store).await {
            let number: u64 = item.trim_start_matches("item-").parse().unwrap();
            let (prompt, times) =
                now.iter().find(|(prompt, _)| prompt.contains(&format!("headline {number}: "))).unwrap();
            settled.entry(prompt.clone()).or_insert(*times);
        }
    }
    assert!(settled.len() as u64 > ITEMS / 4, "the kills came too early: {}", settled.len());
    let rows = folder.path().join("resumed.jsonl");
    let output = command(&server, &store, ITEMS).arg("--rows").arg(&rows).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    // No committed answer was asked for again, and what was asked twice was in flight at a kill.
    let after = asked(&server);
    for (prompt, times) in &settled {
        assert_eq!(after[prompt], *times, "asked again after its answer was committed: {prompt}");
    }
    let total: u64 = after.values().sum();
    assert_eq!(after.len() as u64, ITEMS);
    assert!(total <= ITEMS + kills * CONCURRENCY, "{total}");

    // The evidence equals that of a run that nobody killed.
    let whole = folder.path().join("whole.jsonl");
    let fresh = folder.path().join("fresh.sqlite");
    let output = command(&server, &fresh, ITEMS).arg("--rows").arg(&whole).output().unwrap();
    assert!(output.status.success());
    let (resumed, whole) = (std::fs::read_to_string(rows).unwrap(), std::fs::read_to_string(whole).unwrap());
    assert_eq!(resumed.lines().count() as u64, ITEMS);
    assert_eq!(resumed, whole);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_is_nowhere_in_what_was_written() {
    const KEY: &str = "sk-proj-Zx9Qw7Er5Ty3Ui1OpAsDfGhJkLzXcVbNm2468";
    let folder = tempfile::tempdir().unwrap();
    let faults = [Fault::None, Fault::EchoKey, Fault::BrokenJson, Fault::Html, Fault::status(500)];
    for (at, fault) in faults.into_iter().enumerate() {
        let style = Style { key: Some(KEY.into()), ..Style::default() };
        let rule = fault.clone();
        let script = Script::saying("up").with_style(style).with_faults(move |_| rule.clone());
        let server = FaultServer::start(script).await.unwrap();
        let store = folder.path().join(format!("{at}.sqlite"));
        let rows = folder.path().join(format!("{at}.jsonl"));
        let mut command = command(&server, &store, 3);
        let output: Output = command
            .env("ORDINATE_TEST_KEY", KEY)
            .env("RUST_LOG", "trace")
            .env("RUST_BACKTRACE", "1")
            .args(["--key-env", "ORDINATE_TEST_KEY", "--rows"])
            .arg(&rows)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        if fault == Fault::None {
            assert_eq!(server.counts().completed, 3, "the key was sent");
        }
        std::fs::write(folder.path().join(format!("{at}.stdout")), &output.stdout).unwrap();
        std::fs::write(folder.path().join(format!("{at}.stderr")), &output.stderr).unwrap();
    }
    let mut files = 0;
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        files += 1;
        for part in [&KEY[..12], &KEY[12..24], &KEY[KEY.len() - 12..]] {
            let found = bytes.windows(part.len()).any(|window| window == part.as_bytes());
            assert!(!found, "{} holds a part of the key", path.display());
        }
    }
    assert!(files >= 20, "{files}");
    let denied = std::fs::read_to_string(folder.path().join("1.stdout")).unwrap();
    assert!(denied.contains("[key]"), "the server's message was cleared, not dropped: {denied}");
}
