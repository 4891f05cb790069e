//! Live candidates through the real binary, over real headlines: an API (the fault server), a program and recorded
//! answers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, clippy::print_stdout)] // a test may

#[path = "support/live.rs"]
mod on_headlines;
#[path = "live/shared.rs"]
mod shared;
mod support;

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use on_headlines::{asked, headlines, measured, script, task, thumb};
use ordinate_faults::{Fault, FaultServer, PASSWORD, Postgres, Script, Style};
use support::{Desk, named, number};

const ITEMS: usize = 200;

fn start(desk: &Desk, arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_ordinate"))
        .args(arguments)
        .current_dir(desk.path("."))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The evidence that a run wrote, without what no two runs share: times.
fn evidence(desk: &Desk, run: &str) -> Vec<String> {
    let evidence = ordinate_data::read_evidence(&desk.path(run).join("evidence.parquet")).unwrap();
    let mut lines = Vec::new();
    for (column, candidate) in evidence.candidates().iter().enumerate() {
        let answers = evidence.answers(column);
        for row in 0..evidence.len() {
            lines.push(format!(
                "{} {} {:?} {:?} {:?} {:?} {:?}",
                candidate.name,
                evidence.items().id(row),
                answers.status(row),
                answers.score(row),
                answers.output(row),
                answers.cost_usd(row),
                answers.error(row),
            ));
        }
    }
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn three_kinds_of_candidate_make_one_verdict() {
    let desk = Desk::new();
    let rows = headlines(&desk, ITEMS);
    let server = FaultServer::start(script()).await.unwrap();
    let task = task(&desk, &server, "");
    let verdict = desk.verdict(&task, &[]);
    let counts = server.counts();
    assert_eq!((counts.asked, counts.completed), (200, 200));
    let mock = measured(&verdict, "mock");
    assert_eq!(mock["input_tokens"], counts.input_tokens);
    assert_eq!(mock["output_tokens"], counts.output_tokens);
    let cost = (counts.input_tokens as f64 * 2.0 + counts.output_tokens as f64 * 8.0) / 1e6;
    assert!((number(mock, "cost_usd") - cost).abs() < 1e-12, "{mock} {cost}");
    assert!((number(named(&verdict, "candidates", "mock"), "cost_per_1k") - cost * 5.0).abs() < 1e-9);
    assert!((number(measured(&verdict, "rule"), "cost_usd") - 0.02).abs() < 1e-9);
    // Quality is exactly what the answers deserve.
    let right = |answer: &dyn Fn(&str) -> &'static str| {
        let right =
            rows.iter().filter(|row| row["label"] == answer(&row["text"].as_str().unwrap().to_lowercase()));
        right.count() as f64 / rows.len() as f64
    };
    let quality = |name: &str| number(named(&verdict, "candidates", name), "quality.mean");
    assert!((quality("mock") - right(&|text| thumb(text))).abs() < 1e-9);
    assert!(
        (quality("rule")
            - right(&|text| if text.contains(" up") || text.contains("high") { "up" } else { "down" }))
        .abs()
            < 1e-9
    );
    let page = std::fs::read_to_string(desk.path("run/report.html")).unwrap();
    assert!(page.contains(&format!("{} tokens read", counts.input_tokens)), "the page says what was used");
    // Again: nothing is asked, and the evidence is the same.
    let before = evidence(&desk, "run");
    let again = desk.verdict(&task, &["--resume"]);
    assert_eq!(server.counts().asked, 200);
    assert_eq!(evidence(&desk, "run"), before);
    assert_eq!(again["recommended"], verdict["recommended"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_ten_random_moments_and_resumed() {
    let desk = Desk::new();
    headlines(&desk, 600);
    let style =
        Style { latency: Duration::from_millis(20), spread: Duration::from_millis(20), ..Style::default() };
    let server = FaultServer::start(script().with_style(style)).await.unwrap();
    let task = task(&desk, &server, "[measure]\nconcurrency = 12");
    let task = task.to_str().unwrap();
    let mut settled = std::collections::HashMap::new();
    for kill in 1..=10 {
        let mut child = start(&desk, &["run", task, "--out", "run", "--quiet"]);
        let until = server.counts().completed + fastrand::u64(1..45);
        while server.counts().completed < until && child.try_wait().unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_micros(fastrand::u64(0..20_000))).await;
        child.kill().unwrap(); // SIGKILL
        assert!(!child.wait().unwrap().success(), "run {kill} was over before it was killed");
        tokio::time::sleep(Duration::from_millis(80)).await; // what is in flight reaches its end
        let now = server.counts().by_prompt;
        for text in committed(&desk) {
            let (prompt, count) = now.iter().find(|(prompt, _)| prompt.contains(&text)).unwrap();
            settled.entry(prompt.clone()).or_insert(count.asked);
        }
    }
    assert!(settled.len() > 60, "the kills came too early: {}", settled.len());
    let child = start(&desk, &["run", task, "--out", "run", "--resume", "--json"]);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let counts = server.counts();
    for (prompt, times) in &settled {
        assert_eq!(counts.by_prompt[prompt].asked, *times, "asked again after it was committed: {prompt}");
    }
    assert!(counts.asked <= counts.by_prompt.len() as u64 + 10 * 12, "{}", counts.asked);
    // An uninterrupted run gives the same evidence.
    let fresh = desk.ordinate(["run", task, "--out", "whole", "--quiet"]);
    assert_eq!(fresh.status(), 0, "{}", fresh.stderr());
    assert_eq!(evidence(&desk, "run"), evidence(&desk, "whole"));
}

/// The texts of the items whose answer by `mock` is committed, read as another program would read them.
fn committed(desk: &Desk) -> Vec<String> {
    let script = "import json, sqlite3, sys\n\
                  texts = {r['id']: r['text'] for r in map(json.loads, open('test.jsonl'))}\n\
                  c = sqlite3.connect('run/answers.sqlite')\n\
                  try: rows = c.execute(\"SELECT item FROM answer WHERE candidate = 'mock'\").fetchall()\n\
                  except sqlite3.OperationalError: rows = []\n\
                  for (i,) in rows: print(texts[i])\n";
    let output = Command::new("python3").args(["-c", script]).current_dir(desk.path(".")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // As a line of a prompt: "gold" must not be found in "gold up".
    String::from_utf8(output.stdout).unwrap().lines().map(|text| format!("Text: {text}\n")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_keeps_every_answer() {
    let desk = Desk::new();
    headlines(&desk, 600);
    let server = FaultServer::start(script().with_latency(Duration::from_millis(60))).await.unwrap();
    let task = task(&desk, &server, "[measure]\nconcurrency = 8");
    let task = task.to_str().unwrap();
    let child = start(&desk, &["run", task, "--out", "run"]);
    while server.counts().completed < 40 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    let output = child.wait_with_output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("mock was stopped") && message.contains("run the same command"), "{message}");
    let counts = server.counts();
    assert_eq!(counts.asked, counts.completed, "what was sent was waited for");
    let resumed = desk.ordinate(["run", task, "--out", "run", "--resume"]);
    assert_eq!(resumed.status(), 0, "{}", resumed.stderr());
    assert!(server.counts().by_prompt.values().all(|count| count.asked == 1), "nothing was asked twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn max_spend_holds_and_more_money_goes_on() {
    let desk = Desk::new();
    headlines(&desk, ITEMS);
    let server = FaultServer::start(script()).await.unwrap();
    let task = task(&desk, &server, "");
    let task = task.to_str().unwrap();
    let limited = desk.ordinate(["run", task, "--out", "run", "--max-spend", "0.015"]);
    assert_eq!(limited.status(), 1, "{}", limited.stderr());
    assert!(limited.stderr().contains("max_spend"), "{}", limited.stderr());
    let counts = server.counts();
    assert!(counts.completed > 10 && counts.completed < 200, "{}", counts.completed);
    let rest = desk.ordinate(["run", task, "--out", "run", "--max-spend", "9", "--resume"]);
    assert_eq!(rest.status(), 0, "{}", rest.stderr());
    assert!(server.counts().by_prompt.values().all(|count| count.asked == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_endpoint_says_so_and_all_answers_are_kept() {
    let desk = Desk::new();
    headlines(&desk, ITEMS);
    let refuses = Fault::Status { code: 401, retry_after: None, message: "Incorrect API key".into() };
    let rule = move |call: &ordinate_faults::Call<'_>| {
        if call.number < 50 { Fault::None } else { refuses.clone() }
    };
    let dying = FaultServer::start(script().with_faults(rule)).await.unwrap();
    let address = dying.address();
    let path = task(&desk, &dying, "[measure]\nconcurrency = 4");
    let task = path.to_str().unwrap();
    let dead = desk.ordinate(["run", task, "--out", "run"]);
    assert_eq!(dead.status(), 1, "{}", dead.stderr());
    let message = dead.stderr();
    assert!(
        message.contains("mock cannot be asked any more") && message.contains("Incorrect API key"),
        "{message}"
    );
    assert!(message.contains("rule: done; 200 of 200"), "the other candidate went on: {message}");
    assert!(!desk.path("run/verdict.json").exists());
    dying.stop();
    // The same address comes to life again: only the other items are asked.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let alive = FaultServer::start_at(script(), address).await.unwrap();
    let resumed = desk.ordinate(["run", task, "--out", "run", "--resume"]);
    assert_eq!(resumed.status(), 0, "{}", resumed.stderr());
    assert_eq!(alive.counts().asked, 150);
    alive.stop();
    let nobody = desk.ordinate(["run", task, "--out", "other"]);
    assert_eq!(nobody.status(), 1);
    assert!(nobody.stderr().contains("no connection to"), "{}", nobody.stderr());
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_a_dead_endpoint_are_asked_again_when_told() {
    let desk = Desk::new();
    headlines(&desk, ITEMS);
    let rejects = Fault::Status { code: 400, retry_after: None, message: "started without logits".into() };
    let wrong = FaultServer::start(script().with_faults(move |_| rejects.clone())).await.unwrap();
    let address = wrong.address();
    let path = task(&desk, &wrong, "[measure]\nconcurrency = 1");
    let task = path.to_str().unwrap();
    let dead = desk.ordinate(["run", task, "--out", "run"]);
    assert_eq!(dead.status(), 1, "{}", dead.stderr());
    let said = dead.stderr().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("started without logits") && said.contains("10 such errors stand"), "{said}");
    wrong.stop();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let right = FaultServer::start_at(script(), address).await.unwrap();
    let again = desk.ordinate(["run", task, "--out", "run", "--retry-errors"]);
    assert_eq!(again.status(), 0, "{}", again.stderr());
    assert_eq!(right.counts().asked, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_empty_and_unreadable_answers_are_told_apart() {
    let desk = Desk::new();
    headlines(&desk, ITEMS);
    let faulty = Script::new(|body| {
        if asked(body).len() % 10 == 3 { "up or down".to_owned() } else { thumb(&asked(body)).to_owned() }
    })
    .with_faults(|call| match asked(call.body).len() % 10 {
        1 => Fault::Refusal,
        2 => Fault::Empty,
        4 if call.repeat == 0 => Fault::CutBody,
        5 if call.repeat == 0 => Fault::slow_down("0.05"),
        6 if call.repeat == 0 => Fault::BrokenUtf8,
        _ => Fault::None,
    });
    let server = FaultServer::start(faulty).await.unwrap();
    let task = task(&desk, &server, "");
    let verdict = desk.verdict(&task, &[]);
    let errors = measured(&verdict, "mock")["errors"].clone();
    let kinds: Vec<&str> = errors.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(kinds, ["empty", "refused", "unreadable"], "what passes leaves no error: {errors}");
    let total: u64 = errors.as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(named(&verdict, "candidates", "mock")["errors"], total);
    assert!(
        evidence(&desk, "run").iter().any(|line| line.contains("refused: I can't help")),
        "kept in the evidence"
    );
    // Errors stand, until they are to be asked again.
    let before = server.counts().asked;
    desk.verdict(&task, &[]);
    assert_eq!(server.counts().asked, before);
    desk.verdict(&task, &["--retry-errors"]);
    let again = server.counts().asked - before;
    let unreadable = errors["unreadable"].as_u64().unwrap();
    assert_eq!(again, total - unreadable, "an unreadable answer was answered: it is not paid for again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_nowhere_in_what_a_run_wrote() {
    const KEY: &str = "sk-proj-Zx9Qw7Er5Ty3Ui1OpAsDfGhJkLzXcVbNm2468";
    let desk = Desk::new();
    headlines(&desk, 30);
    for (run, fault) in [("good", Fault::None), ("echo", Fault::EchoKey)] {
        let rule = fault.clone();
        let style = Style { key: Some(KEY.into()), ..Style::default() };
        let server =
            FaultServer::start(script().with_style(style).with_faults(move |_| rule.clone())).await.unwrap();
        let path = task(&desk, &server, "");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("model = \"m\",", "model = \"m\", key_env = \"PLANTED_KEY\","))
            .unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_ordinate"))
            .args(["run", path.to_str().unwrap(), "--out", run])
            .current_dir(desk.path("."))
            .env("PLANTED_KEY", KEY)
            .env("RUST_LOG", "trace")
            .env("RUST_BACKTRACE", "1")
            .output()
            .unwrap();
        assert_eq!(
            output.status.success(),
            fault == Fault::None,
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        if fault == Fault::None {
            assert_eq!(server.counts().completed, 30, "the key was sent");
        } else {
            assert!(String::from_utf8_lossy(&output.stderr).contains("[key]"), "cleared, not dropped");
        }
        desk.write(&format!("{run}/stdout"), &output.stdout);
        desk.write(&format!("{run}/stderr"), &output.stderr);
        let mut todo = vec![desk.path(run)];
        let mut files = 0;
        while let Some(path) = todo.pop() {
            if path.is_dir() {
                todo.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
                continue;
            }
            files += 1;
            let bytes = std::fs::read(&path).unwrap();
            for part in [&KEY[..12], &KEY[12..24], &KEY[KEY.len() - 12..]] {
                let found = bytes.windows(part.len()).any(|window| window == part.as_bytes());
                assert!(!found, "{} holds a part of the key", path.display());
            }
        }
        assert!(files >= 3, "{files}");
    }
}
