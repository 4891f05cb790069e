//! Runs that share a store, and what is asked no more.

use super::*;

/// Two runs of one task share a database: every item is asked once, both verdicts are that of a run by itself, and the password
/// in the URL is nowhere.
#[tokio::test(flavor = "multi_thread")]
async fn two_runs_share_a_database() {
    let Some(database) = Postgres::start().unwrap() else {
        println!("skipped: no PostgreSQL; install it (Debian: postgresql)");
        return;
    };
    let desk = Desk::new();
    headlines(&desk, ITEMS);
    let server = FaultServer::start(script().with_latency(Duration::from_millis(20))).await.unwrap();
    let path = task(&desk, &server, "[measure]\nconcurrency = 4");
    let (task, url) = (path.to_str().unwrap(), database.url());
    let one = start(&desk, &["run", task, "--out", "one", "--store", &url]);
    let two = Command::new(env!("CARGO_BIN_EXE_ordinate"))
        .args(["run", task, "--out", "two"])
        .current_dir(desk.path("."))
        .env("ORDINATE_STORE", &url)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    for child in [one, two] {
        let output = child.wait_with_output().unwrap();
        said += &String::from_utf8_lossy(&output.stderr);
        said += &String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}");
    }
    assert_eq!(server.counts().asked, ITEMS as u64, "each of them asked about a part");
    assert!(server.counts().by_prompt.values().all(|count| count.asked == 1));
    assert_eq!(evidence(&desk, "one"), evidence(&desk, "two"));
    assert!(!desk.path("one/answers.sqlite").exists());
    // A folder that never was here goes on with the same answers.
    let third = desk.ordinate(["run", task, "--out", "three", "--resume", "--store", &url]);
    assert_eq!(third.status(), 0, "{}", third.stderr());
    let checked = desk.ordinate(["check", task, "--store", &url]);
    assert!(checked.stdout().contains("mock: 0 of 200 items to ask"), "{}", checked.stdout());
    assert_eq!(server.counts().asked, ITEMS as u64);
    // By itself it says the same; what it has is not asked again when its answers come to be shared.
    let alone = desk.ordinate(["run", task, "--out", "alone", "--quiet"]);
    assert_eq!(alone.status(), 0, "{}", alone.stderr());
    assert_eq!(evidence(&desk, "alone"), evidence(&desk, "one"));
    for (bad, status, part) in [
        ("mysql://me:hush@db/answers", 2, "--store: a shared answer store is postgres://"),
        ("postgres://me:hu/sh@db/answers", 2, "%2F"),
        ("postgres://me:hush@127.0.0.1:9/answers", 1, "postgres://me@127.0.0.1:9/answers: "),
    ] {
        let ran = desk.ordinate(["run", task, "--out", "bad", "--store", bad]);
        assert_eq!(ran.status(), status, "{}", ran.stderr());
        assert!(ran.stderr().contains(part) && !ran.stderr().contains("hu"), "{}", ran.stderr());
        said += &ran.stderr();
    }
    desk.write("said", said + &third.stderr() + &checked.stdout());
    let encoded: String = PASSWORD.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let mut todo = vec![desk.path(".")];
    let mut files = 0;
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            todo.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        files += 1;
        let bytes = std::fs::read(&path).unwrap();
        for part in [&PASSWORD[..8], &encoded[..24]] {
            let found = bytes.windows(part.len()).any(|window| window == part.as_bytes());
            assert!(!found, "{} holds a part of the password", path.display());
        }
    }
    assert!(files > 20, "{files}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_beaten_candidate_is_stopped_and_what_that_saved_is_said() {
    let desk = Desk::new();
    let rows = headlines(&desk, 2_000);
    let right: std::collections::HashMap<String, String> = rows
        .iter()
        .map(|row| {
            (row["text"].as_str().unwrap().trim().to_lowercase(), row["label"].as_str().unwrap().to_owned())
        })
        .collect();
    let good = Script::new(move |body| right.get(&asked(body)).cloned().unwrap_or_else(|| "none".into()));
    let server = FaultServer::start(good.with_latency(Duration::from_millis(3))).await.unwrap();
    let path = task(&desk, &server, "[measure]\nstop_early = true\nconcurrency = 8");
    let verdict = desk.verdict(&path, &[]);
    let rule = measured(&verdict, "rule");
    assert!(number(rule, "stopped.saved_items") > 500.0, "{rule}");
    assert!(measured(&verdict, "mock")["stopped"].is_null(), "the better one is asked about everything");
    assert!(verdict["assumed"].to_string().contains("stopped early"), "{}", verdict["assumed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn check_shows_the_prompt_and_the_estimate_and_asks_nothing() {
    let desk = Desk::new();
    let rows = headlines(&desk, ITEMS);
    let server = FaultServer::start(script()).await.unwrap();
    let task = task(&desk, &server, "[prompt]\ninstruction = \"Which way did gold go?\"");
    let checked = desk.ordinate(["check", task.to_str().unwrap(), "--show-prompt"]);
    assert_eq!(checked.status(), 0, "{}", checked.stderr());
    let said = checked.stdout();
    for part in [
        "mock: 200 of 200 items to ask",
        "estimate $",
        "Which way did gold go?",
        rows[0]["text"].as_str().unwrap(),
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(server.counts().asked, 0);
    assert!(!desk.path("headlines.ordinate").exists(), "looking leaves nothing behind");
}
