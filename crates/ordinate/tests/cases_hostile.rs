//! Every case of `../shared/cases/hostile`, by its name. Tests of the same kinds with invented data are in `bounds.rs`,
//! `damaged_models.rs`, `folder.rs`, `inputs.rs`, `kept.rs`, `replies.rs` and `secrets.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

#[path = "support/cases.rs"]
mod cases;
#[path = "support/small.rs"]
mod small;
mod support;

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use cases::{Served, case, replace};
use ordinate_faults::{FaultServer, Script};
use small::stored;
use support::{Desk, named};

const MOCK: &str = "127.0.0.1:8801";

/// Puts the port of a server into a task file.
fn at(desk: &Desk, task: &str, old: &str, server: &Served) {
    replace(desk, task, old, &format!("127.0.0.1:{}", server.port));
}

#[test]
fn case_01_nonfinite_verdict() {
    let Some(desk) = case("hostile/01-nonfinite-verdict") else { return };
    let refused = desk.ordinate(["run", "f_cost.toml", "--out", "o"]).refusal();
    assert!(refused.contains("f_cost.jsonl:1: cost_usd: 1e308"), "{refused}");
    // A program that says so is not believed, and the verdict is read again.
    let verdict = desk.verdict(&desk.path("costs.toml"), &[]);
    let bad = named(&verdict, "measured", "bad");
    assert_eq!((&bad["cost_usd"], &bad["tokens_unbelievable"]), (&().into(), &30.into()));
    for command in [&["report", "run"][..], &["ask", "run", "x"]] {
        let ran = desk.ordinate(command);
        assert_eq!(ran.status(), 0, "{command:?}: {}", ran.stderr());
    }
}

#[test]
fn case_02_bystander_timeouts() {
    let Some(desk) = case("hostile/02-bystander-timeouts") else { return };
    let honest = Served::start(&desk, "mock.py", &[]);
    let long = Served::start(&desk, "mock2.py", &["2000000"]);
    at(&desk, "hb2.toml", MOCK, &honest);
    at(&desk, "hb2.toml", "127.0.0.1:8811", &long);
    // Who writes megabytes in place of a label has no usable answer, and is told.
    let ran = desk.ordinate(["run", "hb2.toml", "--out", "o", "-q"]);
    assert_eq!(ran.status(), 1, "{}", ran.stderr());
    let of = "from answer where candidate = 'honest'";
    assert_eq!(stored(&desk, "o", &format!("select count(*), sum(error_kind is not null) {of}")), ["40\t0"]);
    let slowest: f64 = stored(&desk, "o", &format!("select max(latency_ms) {of}"))[0].parse().unwrap();
    assert!(slowest < 1_000.0, "{slowest} ms");
}

#[test]
fn case_03_cache_trusted() {
    let Some(desk) = case("hostile/03-cache-trusted") else { return };
    let quality = |verdict: &serde_json::Value| verdict["recommended"]["quality"]["mean"].clone();
    let before = desk.verdict(&desk.path("t.toml"), &[]);
    for entry in std::fs::read_dir(desk.path("cache/local")).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.extension().is_some_and(|end| end == "jsonl") {
            let text = std::fs::read_to_string(&entry).unwrap();
            std::fs::write(&entry, text.replace("\"score\":0.0", "\"score\":1.0")).unwrap();
        }
    }
    let after = desk.verdict(&desk.path("t.toml"), &[]);
    assert_eq!(quality(&before), quality(&after));
    assert!(after["assumed"].to_string().contains("changed since"), "{}", after["assumed"]);
}

/// A damaged or hostile model is refused with what is wrong with which file, soon.
fn model(name: &str, task: &str, parts: &[&str]) {
    let Some(desk) = case(name) else { return };
    let begun = Instant::now();
    let refused = desk.ordinate(["run", task, "-q", "--out", "o"]).refusal();
    assert!(parts.iter().all(|part| refused.contains(part)), "{refused}");
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

#[test]
fn case_04_tokenizer_bpe_panic() {
    model(
        "hostile/04-tokenizer-bpe-panic",
        "t_bpebad.toml",
        &["bpebad/tokenizer.json", "not in its vocabulary"],
    );
}

#[test]
fn case_05_gguf_alignment_panic() {
    model("hostile/05-gguf-alignment-panic", "t_align.toml", &["align.gguf", "general.alignment is 0"]);
}

#[test]
fn case_18_chat_template_list_doubling() {
    for task in ["t_d_list.toml", "t_d_double.toml"] {
        model("hostile/18-chat-template-list-doubling", task, &["tokenizer_config.json", "may never end"]);
    }
}

/// Runs the binary within 6 GB of address space, as the cases have it.
fn within_memory(desk: &Desk, arguments: &str) -> (i32, String) {
    let line = format!("ulimit -v 6000000; exec {} {arguments}", env!("CARGO_BIN_EXE_ordinate"));
    let Output { status, stderr, .. } =
        Command::new("sh").args(["-c", &line]).current_dir(desk.path("")).output().unwrap();
    (status.code().unwrap_or(-1), String::from_utf8_lossy(&stderr).into_owned())
}

#[cfg(target_os = "linux")]
#[test]
fn case_06_import_memory_bomb() {
    let Some(desk) = case("hostile/06-import-memory-bomb") else { return };
    assert!(Command::new("python3").arg("mk.py").current_dir(desk.path("")).status().unwrap().success());
    let (status, said) = within_memory(&desk, "import amp.eval --out o");
    assert_eq!(status, 2, "{said}");
    assert!(said.contains("amp.eval, samples/1_epoch_1.json") && !desk.path("o").exists(), "{said}");
}

/// What its script packs, 6 GB of outputs in some MB, is put together here of members of one gzip file: pyarrow is not had
/// everywhere.
#[cfg(target_os = "linux")]
#[test]
fn case_07_data_memory_bomb() {
    let Some(desk) = case("hostile/07-data-memory-bomb") else { return };
    let member = |text: &[u8]| {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut gz, text).unwrap();
        gz.finish().unwrap()
    };
    let (long, end) = (member(&vec![b'y'; 60 << 20]), member(b"\"}\n"));
    let mut packed = Vec::new();
    for at in 0..100 {
        let row = format!(
            "{{\"id\":\"i{}\",\"candidate\":\"{}\",\"score\":1,\"output\":\"",
            at / 2,
            ["a", "b"][at % 2]
        );
        packed.extend([member(row.as_bytes()), long.clone(), end.clone()].concat());
    }
    desk.write("bigrows.jsonl.gz", packed);
    for (task, file) in [("bigrows.toml", "bigrows.jsonl.gz"), ("dict.toml", "dict.parquet")] {
        let (status, said) = within_memory(&desk, &format!("run {task} --out o"));
        assert_eq!(status, 2, "{said}");
        assert!(said.contains(file) && !said.contains("memory allocation"), "{said}");
    }
}

#[test]
fn case_08_policy_file_collision() {
    let Some(desk) = case("hostile/08-policy-file-collision") else { return };
    let verdict = desk.verdict(&desk.path("bs.toml"), &[]);
    let recommended = &verdict["recommended"];
    assert_eq!((&recommended["name"], &recommended["kind"]), (&"by-slice".into(), &"single".into()));
    let file = recommended["file"].as_str().unwrap();
    let saved = std::fs::read_to_string(desk.path("run").join(file)).unwrap();
    assert!(saved.contains("\"single\"") && !saved.contains("\"lookup\""), "{file}: {saved}");
    assert!(desk.path("run/policies/by-slice.json").exists() && file != "policies/by-slice.json", "{file}");
    let asked = desk.ordinate(["ask", "run", "hi", "--slice", "s0"]);
    assert!(asked.stdout().starts_with("by-slice"), "{}", asked.stdout());
}

#[test]
fn case_09_secrets() {
    let Some(desk) = case("hostile/09-secrets") else { return };
    let server = Served::start(&desk, "mock.py", &[]);
    let key = "sk-SUPERSECRET99abcdefghijklmnopqrstuvwxyz0123";
    let is_leaked = |text: &str| {
        // Also the parts of it that cutting and clearing used to leave.
        ["SUPERSECRET", "ET99abc", "mnopqrstuvwxyz0123"].iter().any(|part| text.contains(part))
    };
    let tasks = ["echocut", "echook", "extra", "keyenvliteral", "qcode", "qkeyhdr", "qtoken"];
    for name in tasks.into_iter().chain(["userinfo2", "userinfo3", "userinfo4"]) {
        let task = format!("{name}.toml");
        at(&desk, &task, MOCK, &server);
        let out = format!("out-{name}");
        let ran = desk.ordinate_with(&[("MYKEY", key)], &["run", &task, "--out", &out]);
        let said = format!("{}{}", ran.stdout(), ran.stderr());
        assert!(!is_leaked(&said), "{name}: {said}");
        assert_eq!(
            ran.status(),
            if name == "echocut" {
                1
            } else if name == "echook" {
                0
            } else {
                2
            },
            "{said}"
        );
        for folder in [desk.path(&out), desk.path("cache")].into_iter().filter(|folder| folder.exists()) {
            for (file, bytes) in small::every_file(&folder) {
                assert!(!is_leaked(&String::from_utf8_lossy(&bytes)), "{name}: {file}");
            }
        }
    }
}

#[test]
fn case_11_run_folder_foreign_files() {
    let Some(desk) = case("hostile/11-run-folder-foreign-files") else { return };
    let own = [
        ("evidence.parquet", "my own"),
        ("task.toml", "my own task"),
        ("policies/mine.json", "{\"mine\":1}"),
    ];
    for (name, text) in own {
        desk.write(&format!("p3/{name}"), text);
    }
    let refused = desk.ordinate(["run", "t.toml", "--out", "p3"]).refusal();
    assert!(refused.contains("no run wrote this"), "{refused}");
    for (name, text) in own {
        assert_eq!(std::fs::read_to_string(desk.path("p3").join(name)).unwrap(), text);
    }
}

#[test]
fn case_12_live_run_deletes_last_verdict() {
    let Some(desk) = case("hostile/12-live-run-deletes-last-verdict") else { return };
    let server = Served::start(&desk, "mock.py", &[]);
    at(&desk, "m_ok1.toml", MOCK, &server);
    let ran = desk.ordinate(["run", "m_ok1.toml", "--out", "last"]);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    let before = small::files(&desk.path("last"));
    assert_eq!(desk.ordinate(["run", "m_ok1_dead.toml", "--out", "last"]).status(), 1);
    assert_eq!(small::files(&desk.path("last")), before);
    assert_eq!(desk.ordinate(["report", "last"]).status(), 0);
}

#[test]
fn case_14_answers_out_of_step() {
    let Some(desk) = case("hostile/14-answers-out-of-step") else { return };
    let ran = desk.ordinate(["run", "ahead.toml", "--out", "o"]);
    assert_eq!(ran.status(), 1, "{}", ran.stderr());
    assert!(ran.stderr().contains("which answer is to which item"), "{}", ran.stderr());
}

#[test]
fn case_15_unbelievable_usage() {
    let Some(desk) = case("hostile/15-unbelievable-usage") else { return };
    let server = Served::start(&desk, "mock.py", &[]);
    at(&desk, "u_huge2.toml", MOCK, &server);
    for _ in 0..2 {
        let verdict = desk.verdict(&desk.path("u_huge2.toml"), &[]);
        let huge = named(&verdict, "measured", "u_huge1");
        assert_eq!((&huge["cost_usd"], &huge["tokens_unbelievable"]), (&().into(), &20.into()));
        assert_eq!(named(&verdict, "measured", "ok0")["answered"], 20);
    }
}

#[test]
fn case_16_resume_with_empty_store() {
    let Some(desk) = case("hostile/16-resume-with-empty-store") else { return };
    desk.write("r/answers.sqlite", "");
    let refused = desk.ordinate(["run", "m_ok1.toml", "--out", "r", "--resume"]).refusal();
    assert!(refused.contains("holds no answers"), "{refused}");
}

#[test]
fn case_21_retry_after_hang() {
    let Some(desk) = case("hostile/21-retry-after-hang") else { return };
    let (mock, waits) = (Served::start(&desk, "mock.py", &[]), Served::start(&desk, "ra.py", &["3600"]));
    at(&desk, "ra3600.toml", MOCK, &mock);
    at(&desk, "ra3600.toml", "127.0.0.1:8841", &waits);
    at(&desk, "m_ra429huge.toml", MOCK, &mock);
    for (task, wait) in [("ra3600.toml", "60 min"), ("m_ra429huge.toml", "days")] {
        let begun = Instant::now();
        let ran = desk.ordinate(["run", task, "--out", &format!("o-{task}")]);
        assert_eq!(ran.status(), 1, "{}", ran.stderr());
        assert!(ran.stderr().contains("asks to wait") && ran.stderr().contains(wait), "{}", ran.stderr());
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn case_22_open_files_blamed_on_endpoint() {
    let Some(desk) = case("hostile/22-open-files-blamed-on-endpoint") else { return };
    let slow = Script::saying("up").with_latency(Duration::from_millis(400));
    let server = FaultServer::start(slow).await.unwrap();
    replace(&desk, "conc256.toml", "http://127.0.0.1:8831/v1", &server.base_url());
    let row = |i: usize| {
        format!(
            "{{\"id\":\"i{i}\",\"text\":\"headline number {i}\",\"label\":\"{}\"}}\n",
            ["up", "down"][i % 2]
        )
    };
    desk.write("small.jsonl", (0..1_000).map(row).collect::<String>());
    for files in [1_024, 256] {
        let run = format!("o-{files}");
        let line = format!(
            "ulimit -n {files}; exec {} run conc256.toml -q --out {run}",
            env!("CARGO_BIN_EXE_ordinate")
        );
        let output = Command::new("sh").args(["-c", &line]).current_dir(desk.path("")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(
            stored(&desk, &run, "select count(*), sum(error_kind is not null) from answer"),
            ["4000\t0"]
        );
    }
}
