//! What one server or program does is its own: not its neighbour's, not this machine's, and not without an end.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

#[path = "support/small.rs"]
mod small;
mod support;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ordinate_faults::{Fault, FaultServer, Script};
use small::{api, recorded, signal, start, stored, task};
use support::Desk;

/// Hostile case 02: three servers send two megabytes each time; the fourth answers after 50 ms, and that is its latency.
#[tokio::test(flavor = "multi_thread")]
async fn long_answers_of_others_are_not_a_candidates_latency() {
    let desk = Desk::new();
    let honest = Script::saying("up").with_latency(Duration::from_millis(50));
    let honest = FaultServer::start(honest).await.unwrap();
    let mut hows = vec![("honest".to_owned(), api(&honest.base_url(), ""))];
    let mut servers = Vec::new();
    for (name, text) in [("up", "up "), ("list", "[\"up\"] "), ("not", "not up ")] {
        let server = FaultServer::start(Script::saying(&text.repeat(2_000_000 / text.len()))).await.unwrap();
        hows.push((name.to_owned(), api(&server.base_url(), "")));
        servers.push(server);
    }
    // Longer than any label, and read all the same.
    let long = FaultServer::start(Script::saying(&"up ".repeat(5_000))).await.unwrap();
    hows.push(("long".to_owned(), api(&long.base_url(), "")));
    let candidates: Vec<(&str, &str, &str)> =
        hows.iter().map(|(name, how)| (name.as_str(), "general", how.as_str())).collect();
    let path = task(&desk, 40, "[measure]\ntries = 1\nconcurrency = 4", &candidates);
    let ran = desk.ordinate(["run", path.to_str().unwrap(), "--out", "run", "--quiet"]);
    // Whoever has no usable answer was not measured, and that is said.
    assert_eq!(ran.status(), 1, "{}", ran.stderr());
    assert!(ran.stderr().contains("far more than"), "{}", ran.stderr());
    let of = |name: &str, what: &str| {
        stored(&desk, "run", &format!("select {what} from answer where candidate = '{name}'")).concat()
    };
    assert_eq!(of("honest", "count(*), sum(error_kind is not null)"), "40\t0");
    let slowest: f64 = of("honest", "max(latency_ms)").parse().unwrap();
    assert!(slowest < 1_000.0, "{slowest} ms");
    for name in ["up", "list", "not"] {
        assert_eq!(
            of(name, "count(*) > 0, min(error_kind), max(error_kind), max(length(text))"),
            "1\ttoo-large\ttoo-large\tNone"
        );
    }
    assert_eq!(of("long", "count(*), sum(error_kind is not null)"), "40\t0");
}

/// Hostile case 14: what a program writes unasked makes every answer of it uncertain.
#[test]
fn answers_out_of_step_end_the_program_with_a_reason() {
    let ahead = "import sys\nprint('{\"output\":\"down\"}\\n'*5, flush=True)\nfor l in sys.stdin: print('{\"output\":\"up\"}', flush=True)\n";
    let apart = "import sys, time\nfor n in range(5): print('{\"output\":\"down\"}', flush=True); time.sleep(0.02)\n\
                 for l in sys.stdin: print('{\"output\":\"up\"}', flush=True)\n";
    let twice =
        "import sys\nfor l in sys.stdin: print('{\"output\":\"up\"}\\n{\"output\":\"down\"}', flush=True)\n";
    let later = "import sys, time\nfor l in sys.stdin:\n print('{\"output\":\"up\"}', flush=True)\n time.sleep(0.01)\n print('{\"done\":1}', flush=True)\n";
    for (name, program) in [("ahead", ahead), ("apart", apart), ("twice", twice), ("later", later)] {
        let desk = Desk::new();
        let old = recorded(&desk, 20);
        desk.write("program.py", program);
        let how = "command = { run = [\"python3\", \"program.py\"], timeout_s = 5.0, start_s = 20.0 }";
        let path =
            task(&desk, 20, "[measure]\ntries = 2", &[("bad", "vertical", how), ("old", "general", old)]);
        let ran = desk.ordinate(["run", path.to_str().unwrap(), "--out", "run", "--quiet"]);
        assert_eq!(ran.status(), 1, "{name}: {}", ran.stderr());
        let said = ran.stderr();
        assert!(
            said.contains("bad cannot be asked any more") && said.contains("which answer is to which item"),
            "{name}: {said}"
        );
        assert!(!desk.path("run/verdict.json").exists());
    }
    // Empty lines are no answers.
    let blank = "import sys\nfor l in sys.stdin: print('\\n{\"output\":\"up\"}\\n\\n', flush=True)\n";
    let desk = Desk::new();
    let old = recorded(&desk, 20);
    desk.write("program.py", blank);
    let how = "command = { run = [\"python3\", \"program.py\"] }";
    let path = task(&desk, 20, "", &[("good", "vertical", how), ("old", "general", old)]);
    desk.verdict(&path, &[]);
}

/// What a program counts beyond belief is not believed, and what Python's `json` writes for what is no number is none.
#[test]
fn what_a_program_counts_beyond_belief_is_unknown() {
    let desk = Desk::new();
    let old = recorded(&desk, 20);
    let says = "'{\"output\":\"up\",\"cost_usd\":1e308,\"input_tokens\":18446744073709551615,\"output_tokens\":18446744073709551615,\"confidence\":NaN}'";
    desk.write("program.py", format!("import sys\nfor l in sys.stdin: print({says}, flush=True)\n"));
    let how = "command = { run = [\"python3\", \"program.py\"] }";
    let path = task(&desk, 20, "", &[("program", "vertical", how), ("old", "general", old)]);
    let verdict = desk.verdict(&path, &[]);
    let measured = support::named(&verdict, "measured", "program");
    assert_eq!((&measured["cost_usd"], &measured["tokens_unbelievable"]), (&().into(), &20.into()));
    assert!(verdict["assumed"].to_string().contains("cannot be"), "{}", verdict["assumed"]);
    assert_eq!(desk.ordinate(["report", "run"]).status(), 0);
}

/// Whether a process runs: one that has ended and that nobody has asked after does not.
fn runs(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// A program that starts children, of which one lets go of everything that it was given.
const PARENT: &str = r#"
import json, os, subprocess, sys, time
null = open(os.devnull, "r+")
child = subprocess.Popen(["sleep", "600"], stdin=null, stdout=null, stderr=null)
other = subprocess.Popen(["sh", "-c", "sleep 600; true"])
with open("pids", "a") as pids: print(os.getpid(), child.pid, other.pid, file=pids, flush=True)
for line in sys.stdin:
    item = json.loads(line)
    time.sleep(0.05)
    if item["id"] == "i3" and not os.path.exists("crashed"): open("crashed", "w"); os._exit(3)
    print(json.dumps({"output": "up"}), flush=True)
"#;

/// A program is ended with its children: at the end of the run, after a crash, and whatever ends the run.
#[cfg(target_os = "linux")]
#[test]
fn a_program_is_ended_with_its_children() {
    // Under `nohup` a hang-up is to be survived.
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap().trim();
    let is_nohup = u64::from_str_radix(ignored, 16).unwrap() & 1 == 1;
    for how_it_ends in ["by itself", "INT", "TERM", "HUP", "KILL", "INT twice"] {
        if is_nohup && how_it_ends == "HUP" {
            continue;
        }
        let desk = Desk::new();
        let old = recorded(&desk, 400);
        desk.write("parent.py", PARENT);
        let how = "command = { run = [\"python3\", \"parent.py\"], workers = 2 }";
        let items = if how_it_ends == "by itself" { 12 } else { 400 };
        let path = task(&desk, items, "", &[("program", "vertical", how), ("old", "general", old)]);
        let child = start(&desk, &["run", path.to_str().unwrap(), "--out", "run", "--quiet"]);
        let pids = || std::fs::read_to_string(desk.path("pids")).unwrap_or_default();
        let begun = Instant::now();
        // Two workers, and one that came after the crash.
        while how_it_ends != "by itself"
            && pids().lines().count() < 3
            && begun.elapsed() < Duration::from_secs(60)
        {
            std::thread::sleep(Duration::from_millis(20));
        }
        for name in how_it_ends.split(' ').take(1).filter(|name| *name != "by") {
            signal(&child, name);
        }
        if how_it_ends == "INT twice" {
            std::thread::sleep(Duration::from_millis(30));
            signal(&child, "INT");
        }
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            output.status.success(),
            how_it_ends == "by itself",
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let all: Vec<String> = pids().split_whitespace().map(str::to_owned).collect();
        assert!(all.len() >= 6, "{how_it_ends}: {all:?}");
        let ended = Instant::now();
        while all.iter().any(|pid| runs(pid)) {
            let left: Vec<_> = all.iter().filter(|pid| runs(pid)).collect();
            assert!(
                ended.elapsed() < Duration::from_secs(10),
                "{how_it_ends}: {left:?} of {all:?} are still there"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Hostile case 21: a server that asks for an hour, or for ever, ends its candidate at once; the others are asked to the end.
#[tokio::test(flavor = "multi_thread")]
async fn who_asks_to_wait_for_hours_is_not_waited_for() {
    // Some say it in the text alone.
    let worded = "Rate limit reached on requests per day. Please try again in 24h0m0s.";
    let worded = Fault::Status { code: 429, retry_after: None, message: worded.into() };
    for (wait, says) in [
        (Fault::slow_down("3600"), "60 min"),
        (Fault::slow_down("99999999999999"), "days"),
        (Fault::slow_down("Sun, 21 Oct 2125 07:28:00 GMT"), "days"),
        (worded, "asks to wait 24 h, which"),
    ] {
        let desk = Desk::new();
        let rule =
            move |call: &ordinate_faults::Call<'_>| if call.number == 4 { wait.clone() } else { Fault::None };
        let asks = FaultServer::start(Script::saying("up").with_faults(rule)).await.unwrap();
        let other = FaultServer::start(Script::saying("up")).await.unwrap();
        let (asks_how, other_how) = (api(&asks.base_url(), ""), api(&other.base_url(), ""));
        let path = task(
            &desk,
            20,
            "[measure]\nconcurrency = 2",
            &[("asks", "general", &asks_how), ("other", "vertical", &other_how)],
        );
        let begun = Instant::now();
        let ran = desk.ordinate(["run", path.to_str().unwrap(), "--out", "run"]);
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
        assert_eq!(ran.status(), 1, "{}", ran.stderr());
        let said = ran.stderr();
        assert!(
            said.contains("asks cannot be asked any more")
                && said.contains(says)
                && said.contains("run again then"),
            "{said}"
        );
        assert!(!said.contains(" h ") && said.contains("other: done; 20 of 20"), "{said}");
        let again = desk.ordinate(["run", path.to_str().unwrap(), "--out", "run", "--resume"]);
        assert_eq!(again.status(), 0, "{}", again.stderr());
        assert_eq!(
            (asks.counts().asked, other.counts().asked),
            (21, 20),
            "only what was not answered was asked again"
        );
    }
}

/// Runs a task with this many open files, which the program cannot raise.
fn with_files(desk: &Desk, files: usize, run: &str) -> std::process::Output {
    let line = format!(
        "ulimit -n {files}; exec {} run task.toml --out {run} --quiet",
        env!("CARGO_BIN_EXE_ordinate")
    );
    let mut command = Command::new("sh");
    command.args(["-c", &line]).current_dir(desk.path(".")).stdin(Stdio::null());
    command.env("ORDINATE_CACHE", desk.path("cache")).output().unwrap()
}

/// Hostile case 22: open files are this machine's, and no error of anybody.
#[tokio::test(flavor = "multi_thread")]
async fn open_files_are_shared_and_blamed_on_nobody() {
    const ITEMS: usize = 1_200;
    let desk = Desk::new();
    let server =
        FaultServer::start(Script::saying("up").with_latency(Duration::from_millis(150))).await.unwrap();
    let how = api(&server.base_url(), "");
    let candidates = [("m0", "general"), ("m1", "vertical"), ("m2", "general"), ("m3", "vertical")];
    let hows: Vec<String> =
        candidates.iter().map(|(name, _)| how.replace("\"m\"", &format!("\"{name}\""))).collect();
    let all: Vec<(&str, &str, &str)> =
        candidates.iter().zip(&hows).map(|(&(name, lineage), how)| (name, lineage, how.as_str())).collect();
    task(&desk, ITEMS, "[measure]\nconcurrency = 5000", &all);
    let output = with_files(&desk, 256, "run");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(server.counts().most_open <= 256, "{}", server.counts().most_open);
    let count = stored(&desk, "run", "select count(*), sum(error_kind is not null), max(tries) from answer");
    assert_eq!(count, [format!("{}\t0\t1", 4 * ITEMS)]);
    // With next to none it goes on one by one, or says whose limit it is; and nothing is recorded that nobody answered.
    task(&desk, 40, "[measure]\nconcurrency = 50", &all);
    for files in [24, 28, 32, 40] {
        let run = format!("few-{files}");
        let output = with_files(&desk, files, &run);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() || !said.contains("no connection to"), "{files}: {said}");
        if desk.path(&run).join("answers.sqlite").exists() {
            let errors =
                stored(&desk, &run, "select distinct error_kind from answer where error_kind is not null");
            assert!(errors.is_empty(), "{files}: {errors:?}: {said}");
        }
    }
}
