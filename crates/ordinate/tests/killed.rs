//! A run over a decoder that is killed, and one whose folder is carried to another machine.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use support::hub::tiny;
use support::{Desk, root};

const ITEMS: usize = 1_000;

/// The answers in the store by item, with what no two askings share: their times. Read as another program would.
fn committed(desk: &Desk) -> BTreeMap<String, String> {
    let script = "import sqlite3\n\
                  c = sqlite3.connect('file:run/answers.sqlite?mode=ro', uri=True)\n\
                  try: rows = c.execute(\"SELECT item, latency_ms FROM answer WHERE candidate = 'one'\").fetchall()\n\
                  except sqlite3.OperationalError: rows = []\n\
                  for item, latency in rows: print(item, repr(latency))\n";
    let output = Command::new("python3").args(["-c", script]).current_dir(desk.path(".")).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.split_once(' ')).map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
}

/// Killing a decoder at item 900 of 1,000 loses at most the batch in flight.
#[test]
fn a_decoder_goes_on_where_it_was_killed() {
    let desk = Desk::new();
    let mut items = String::new();
    for at in 0..ITEMS {
        let label = ["ab", "xy"][at % 2];
        let _ = writeln!(items, r#"{{"id":"i{at}","text":"abc {at} xyz","label":"{label}"}}"#);
    }
    desk.write("items.jsonl", items);
    let mut task = "[task]\nname = \"t\"\nkind = \"classify\"\n[data]\nitems = \"items.jsonl\"\ninput = \"text\"\ntarget = \"label\"\n\
                    [prompt]\ntemplate = \"\"\"{{ input }}\"\"\"\n[combine]\nkinds = [\"single\"]\n"
        .to_owned();
    desk.write(
        "other.jsonl",
        (0..ITEMS).map(|at| format!("{{\"id\":\"i{at}\",\"output\":\"ab\"}}\n")).collect::<String>(),
    );
    let model = desk.write("m.gguf", tiny::gguf("llama-Q8_0"));
    let _ = write!(
        task,
        "[[candidate]]\nname = \"one\"\nlineage = \"general\"\nlocal = {{ model = {:?} }}\n\
         [[candidate]]\nname = \"two\"\nlineage = \"general\"\nrecorded = {{ path = \"other.jsonl\" }}\n",
        model.to_str().unwrap()
    );
    desk.write("t.toml", task);
    let mut child = desk.start(&["run", "t.toml", "--out", "run", "--quiet"]);
    let begun = Instant::now();
    let mut seen = 0;
    while seen < 900 && begun.elapsed() < Duration::from_secs(300) {
        assert!(child.try_wait().unwrap().is_none(), "it was over after {seen} items");
        std::thread::sleep(Duration::from_millis(50));
        seen = committed(&desk).len();
    }
    child.kill().unwrap(); // SIGKILL
    child.wait().unwrap();
    let before = committed(&desk);
    assert!(before.len() >= 900 && before.len() < ITEMS, "{}", before.len());
    let ran = desk.ordinate(["run", "t.toml", "--out", "run", "--resume"]);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    let after = committed(&desk);
    assert_eq!(after.len(), ITEMS);
    let kept = before.iter().filter(|(item, latency)| after.get(*item) == Some(latency)).count();
    assert_eq!(kept, before.len(), "what was committed is not asked again");
    assert!(desk.path("run/verdict.json").is_file());
}

/// The folder of a run, elsewhere: no data, no cache, and nothing but the folder.
#[test]
fn a_run_folder_is_whole() {
    let desk = Desk::new();
    desk.verdict(&root().join("examples/triage/ordinate.toml"), &[]);
    let other = Desk::new();
    copy(&desk.path("run"), &other.path("carried"));
    drop(desk);
    let asked = |policy: &str| {
        let ran = other.ordinate(["ask", "carried", "I cannot log in", "--policy", policy, "--json"]);
        assert_eq!(ran.status(), 0, "{}", ran.stderr());
        serde_json::from_str::<serde_json::Value>(&ran.stdout()).unwrap()
    };
    let labels = ["account", "billing", "bug", "delivery", "feature", "other", "returns"];
    // A vote was not seen to gain here, and asks whom the lookup asks.
    for (policy, answers) in [("by-slice", 1), ("vote", 1), ("stack", 3)] {
        let said = asked(policy);
        assert_eq!(said["answers"].as_array().unwrap().len(), answers, "{said}");
        assert!(labels.contains(&said["answer"].as_str().unwrap()), "{said}");
        assert!(said["answers"][0]["confidence"].as_f64().unwrap() > 0.0, "{said}");
    }
    // Many at once, answered by the same candidates, which are opened once.
    let items = ["I cannot log in", "退款什么时候到账？", "The parcel never came"];
    let lines = items.map(|text| serde_json::json!({"text": text, "channel": "chat"}).to_string() + "\n");
    other.write("items.jsonl", lines.concat());
    let ran = other.ordinate(["ask", "carried", "--items", "items.jsonl", "--policy", "stack"]);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    let decisions: Vec<serde_json::Value> =
        ran.stdout().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(decisions.iter().map(|one| one["id"].as_str().unwrap()).collect::<Vec<_>>(), ["1", "2", "3"]);
    let single = ["ask", "carried", items[0], "--slice", "chat", "--policy", "stack", "--json"];
    let single: serde_json::Value = serde_json::from_str(&other.ordinate(single).stdout()).unwrap();
    assert_eq!(decisions[0]["answer"], single["answer"]);
    for decision in &decisions {
        assert!(labels.contains(&decision["answer"].as_str().unwrap()), "{decision}");
        assert_eq!(decision["ask"].as_array().unwrap().len(), 3, "{decision}");
    }
    let text = other.ordinate(["ask", "carried", "I cannot log in", "--policy", "vote"]);
    assert!(text.stdout().contains("answer"), "{}", text.stdout());
    assert!(!other.path("cache").exists());
}

/// What a decoder is shown besides an input lies in the run folder too.
#[test]
fn a_decoder_is_shown_the_examples_of_its_run() {
    let desk = Desk::new();
    let lines = |from: usize, to: usize| -> String {
        (from..to)
            .map(|at| {
                let label = ["ab", "xy"][at % 2];
                format!("{{\"id\":\"i{at}\",\"text\":\"abc {at} xyz\",\"label\":\"{label}\"}}\n")
            })
            .collect()
    };
    desk.write("train.jsonl", lines(0, 30));
    desk.write("test.jsonl", lines(30, 60));
    let model = desk.write("m.gguf", tiny::gguf("llama-Q8_0"));
    let task = format!(
        "[task]\nname = \"t\"\nkind = \"classify\"\n[data]\ntrain = \"train.jsonl\"\ntest = \"test.jsonl\"\ninput = \"text\"\n\
         target = \"label\"\n[prompt]\nexamples = 2\nchoose_examples = \"nearest\"\n\
         template = \"{{% for example in examples %}}{{{{ example.input }}}} {{{{ example.target }}}} {{% endfor %}}{{{{ input }}}}\"\n[combine]\nkinds = [\"single\"]\n\
         [[candidate]]\nname = \"one\"\nlineage = \"general\"\nlocal = {{ model = {:?} }}\n\
         [[candidate]]\nname = \"two\"\nlineage = \"general\"\nrecorded = {{ path = \"other.jsonl\" }}\n",
        model.to_str().unwrap()
    );
    desk.write("t.toml", task);
    desk.write(
        "other.jsonl",
        (0..60).map(|at| format!("{{\"id\":\"i{at}\",\"output\":\"ab\"}}\n")).collect::<String>(),
    );
    let ran = desk.ordinate(["run", "t.toml", "--out", "run"]);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    let script = "import sqlite3\n\
                  c = sqlite3.connect('file:run/answers.sqlite?mode=ro', uri=True)\n\
                  print(c.execute(\"SELECT confidence FROM answer WHERE item = 'i41' AND candidate = 'one'\").fetchone()[0])\n";
    let kept = Command::new("python3").args(["-c", script]).current_dir(desk.path(".")).output().unwrap();
    let kept: f64 = String::from_utf8(kept.stdout).unwrap().trim().parse().unwrap();
    std::fs::remove_file(desk.path("train.jsonl")).unwrap();
    let asked = desk.ordinate(["ask", "run", "abc 41 xyz", "--policy", "one", "--json"]);
    assert_eq!(asked.status(), 0, "{}", asked.stderr());
    let said: serde_json::Value = serde_json::from_str(&asked.stdout()).unwrap();
    let sure = said["answers"][0]["confidence"].as_f64().unwrap();
    assert!((sure - kept).abs() < 1e-6, "{said} {kept}");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).map(drop).unwrap();
        }
    }
}

/// Time that is over stops a run as Ctrl-C does, and the next one goes on from there.
#[test]
fn a_run_ends_with_its_minutes_and_the_next_goes_on() {
    let desk = Desk::new();
    let items: String = (0..60)
        .map(|at| format!("{{\"id\":\"{at}\",\"input\":\"t{at}\",\"target\":\"{}\"}}\n", ["a", "b"][at % 2]))
        .collect();
    desk.write("items.jsonl", items);
    let recorded: String = (0..60).map(|at| format!("{{\"id\":\"{at}\",\"output\":\"a\"}}\n")).collect();
    desk.write("always.jsonl", recorded);
    desk.write("slow.sh", "while read -r line; do sleep 0.2; echo '{\"output\": \"b\"}'; done\n");
    desk.write(
        "t.toml",
        "[task]\nname = \"t\"\nkind = \"classify\"\n[data]\nitems = \"items.jsonl\"\n\
         [[candidate]]\nname = \"always\"\nlineage = \"general\"\nrecorded = { path = \"always.jsonl\" }\n\
         [[candidate]]\nname = \"slow\"\nlineage = \"vertical\"\ncommand = { run = [\"sh\", \"slow.sh\"] }\n",
    );
    let begun = Instant::now();
    let ended = desk.ordinate(["run", "t.toml", "--out", "run", "--max-minutes", "0.05"]);
    assert_eq!(ended.status(), 1, "{}", ended.stderr());
    assert!(ended.stderr().contains("--max-minutes 0.05: the time is over. "), "{}", ended.stderr());
    assert!(begun.elapsed() < Duration::from_secs(60), "it ends");
    assert!(!desk.path("run/verdict.json").exists());
    let on = desk.ordinate(["run", "t.toml", "--out", "run", "--resume", "--max-minutes", "5"]);
    assert_eq!(on.status(), 0, "{}", on.stderr());
    let refused = desk.ordinate(["run", "t.toml", "--max-minutes", "0"]).refusal();
    assert!(refused.contains("--max-minutes 0: give minutes, above 0"), "{refused}");
}
