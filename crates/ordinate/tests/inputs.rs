//! Files as people have them, through the real binary: what is read, what is told, and what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod support;

use std::io::{Cursor, Write};
use std::process::Command;

use serde_json::{Value, json};
use support::{Desk, named, number};
use zip::write::{SimpleFileOptions, ZipWriter};

/// A log of lm-evaluation-harness: items 0 to `count`, of which those are right that `right` says.
fn log(desk: &Desk, model: &str, time: &str, count: usize, right: &dyn Fn(usize) -> bool) {
    let row = |doc: usize| {
        json!({"doc_id": doc, "doc": {"question": format!("q{doc}")}, "target": "7",
            "arguments": {"gen_args_0": {"arg_0": format!("Q: q{doc}\nA:"), "arg_1": {"until": ["Q:"]}}},
            "resps": [["7"]], "filtered_resps": ["7"], "filter": "none", "metrics": ["exact_match"],
            "doc_hash": format!("d{doc}"), "exact_match": f64::from(u8::from(right(doc)))})
    };
    let rows = (0..count).map(|doc| format!("{}\n", row(doc))).collect::<String>();
    let folder = format!("logs/{}", model.replace('/', "__"));
    desk.write(&format!("{folder}/results_{time}.json"), json!({"model_name": model}).to_string());
    desk.write(&format!("{folder}/samples_pebbles_{time}.jsonl"), rows);
}

const MORNING: &str = "2026-03-01T09-00-00.000001";
const NOON: &str = "2026-03-01T12-00-00.000001";

fn import(desk: &Desk, further: &[&str]) -> String {
    let mut arguments = vec!["import", "logs", "--out", "mine"];
    arguments.extend(further);
    let ran = desk.ordinate(arguments);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    ran.stdout()
}

#[test]
fn a_trial_is_not_mixed_into_the_full_run() {
    for (further, candidates) in [(&[][..], 3), (&["--runs", "latest"], 2)] {
        let desk = Desk::new();
        log(&desk, "org/alpha", MORNING, 30, &|_| false);
        log(&desk, "org/alpha", NOON, 100, &|doc| doc % 10 != 0);
        // Wrong wherever alpha is and elsewhere too: nothing in the numbers of the questions could be learned from.
        log(&desk, "org/beta", NOON, 100, &|doc| doc % 10 != 0 && ![3, 7, 11].contains(&(doc % 20)));
        let said = import(&desk, further);
        assert!(said.contains(&format!("{candidates} candidates")), "{said}");
        assert!(!said.contains("passed over") && !said.contains("0.630"), "{said}");
        let text = std::fs::read_to_string(desk.path("mine/ordinate.toml")).unwrap();
        let vertical = text.replace(
            "name = \"org/beta\"\nlineage = \"general\"",
            "name = \"org/beta\"\nlineage = \"vertical\"",
        );
        desk.write("mine/ordinate.toml", vertical);
        let verdict = desk.verdict(&desk.path("mine/ordinate.toml"), &[]);
        let best = if candidates == 3 { "org/alpha (run 2)" } else { "org/alpha" };
        assert!((number(named(&verdict, "candidates", best), "quality.mean") - 0.9).abs() < 1e-12);
        assert_eq!((&verdict["outcome"], &verdict["recommended"]["name"]), (&"general".into(), &best.into()));
    }
}

#[test]
fn cells_that_say_no_error_are_none() {
    let desk = Desk::new();
    let rows = (0..80).map(|at| {
        format!("q{at},gen-a,{},\nq{at},vert-b,{},None\n", u8::from(at % 2 > 0), u8::from(at % 7 > 0))
    });
    desk.write("scores.csv", format!("id,candidate,score,error\n{}", rows.collect::<String>()));
    desk.write("t.toml", "[task]\nname = \"t\"\nkind = \"scored\"\n[data]\nevidence = \"scores.csv\"\n[[candidate]]\nname = \"gen-a\"\nlineage = \"general\"\n[[candidate]]\nname = \"vert-b\"\nlineage = \"vertical\"\n");
    let verdict = desk.verdict(&desk.path("t.toml"), &[]);
    assert_eq!(
        (&verdict["outcome"], &named(&verdict, "candidates", "vert-b")["errors"]),
        (&"vertical".into(), &0.into())
    );
}

#[test]
fn bare_numbers_as_labels_are_told_and_can_be_named() {
    let desk = Desk::new();
    let rows = (0..40).map(|at| format!("text number {at},{}\n", at % 2)).collect::<String>();
    desk.write("items.csv", format!("text,label\n{rows}"));
    let task = |labels: &str| {
        format!(
            "[task]\nname = \"t\"\nkind = \"classify\"\n[data]\nitems = \"items.csv\"\ninput = \"text\"\ntarget = \"label\"\n{labels}\n[[candidate]]\nname = \"gpt\"\nlineage = \"general\"\nopenai = {{ model = \"m\", base_url = \"http://127.0.0.1:1/v1\" }}\n[[candidate]]\nname = \"probe\"\nlineage = \"transferred\"\nadapt = {{ from = \"builtin\", method = \"probe\" }}\n"
        )
    };
    desk.write("bare.toml", task(""));
    desk.write("named.toml", task("labels = { 0 = \"negative\", 1 = \"positive\" }"));
    let check = |name: &str| {
        let ran = desk.ordinate(["check", name, "--show-prompt"]);
        assert_eq!(ran.status(), 0, "{}", ran.stderr());
        ran.stdout()
    };
    assert!(check("bare.toml").contains("bare numbers (0, 1)"), "{}", check("bare.toml"));
    let named = check("named.toml");
    assert!(
        !named.contains("bare numbers") && named.contains("negative") && named.contains("positive"),
        "{named}"
    );
}

#[test]
fn init_writes_what_runs() {
    let desk = Desk::new();
    let rows = (0..60).map(|at| {
        let truth = |truth: bool| if truth { "True" } else { "False" };
        format!("\"Question {at}?\",{},{},0.004,0.0002\n", truth(at % 3 > 0), truth(at % 2 > 0))
    });
    desk.write(
        "wide/responses.csv",
        format!(
            "prompt,org/big-model,med-7b,org/big-model|total_cost,med-7b|total_cost\n{}",
            rows.collect::<String>()
        ),
    );
    let labelled = (0..90).map(|at| {
        format!(
            "{{\"text\": \"the {} of number {at}\", \"label\": \"{}\"}}\n",
            ["cat", "dog", "cow"][at % 3],
            ["c", "d", "w"][at % 3]
        )
    });
    desk.write("items/data.jsonl", labelled.collect::<String>());
    for (data, out) in [("wide/responses.csv", "wide/t.toml"), ("items/data.jsonl", "items/t.toml")] {
        let ran = desk.ordinate(["init", data, "--out", out]);
        assert_eq!(ran.status(), 0, "{}", ran.stderr());
        let ran = desk.ordinate(["check", out]);
        assert_eq!(ran.status(), 0, "{}", ran.stderr());
        let verdict = desk.verdict(&desk.path(out), &[]);
        assert_eq!(verdict["candidates"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn one_model_alone_is_reported() {
    let desk = Desk::new();
    log(&desk, "org/alpha", NOON, 40, &|doc| doc % 4 != 0);
    import(&desk, &[]);
    let ran = desk.ordinate(["check", "mine/ordinate.toml"]);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    let ran = desk.ordinate(["run", "mine/ordinate.toml", "--out", "run"]);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    let said = ran.stdout();
    assert!(said.contains("Nothing to compare yet") && said.contains("0.750"), "{said}");
    let verdict: Value =
        serde_json::from_slice(&std::fs::read(desk.path("run/verdict.json")).unwrap()).unwrap();
    assert_eq!(verdict["outcome"], "undecided");
}

#[test]
fn candidates_of_one_lineage_are_not_called_the_right_choice() {
    let desk = Desk::new();
    log(&desk, "org/alpha", NOON, 100, &|doc| doc % 10 != 0);
    log(&desk, "org/beta", NOON, 100, &|doc| doc % 2 != 0);
    import(&desk, &[]);
    let ran = desk.ordinate(["run", "mine/ordinate.toml", "--out", "run"]);
    let said = ran.stdout();
    assert!(said.contains("no other kind competes") && !said.contains("right choice"), "{said}");
    assert!(said.contains("Every candidate is called general"), "{said}");
}

#[test]
fn a_candidate_may_be_called_as_a_kind_of_policy_is() {
    let desk = Desk::new();
    let rows = (0..90).map(|at| {
        let right = |right: bool| u8::from(right);
        format!(
            "i{at},s{},by-slice,{}\ni{at},s{},b,{}\n",
            at % 3,
            right(at % 9 > 0),
            at % 3,
            right(at % 7 == 0)
        )
    });
    desk.write("scores.csv", format!("id,slice,candidate,score\n{}", rows.collect::<String>()));
    desk.write("t.toml", "[task]\nname = \"t\"\nkind = \"scored\"\n[data]\nevidence = \"scores.csv\"\n[[candidate]]\nname = \"by-slice\"\nlineage = \"general\"\n[[candidate]]\nname = \"b\"\nlineage = \"vertical\"\n");
    let verdict = desk.verdict(&desk.path("t.toml"), &[]);
    assert_eq!(
        (&verdict["recommended"]["name"], &verdict["recommended"]["kind"]),
        (&"by-slice".into(), &"single".into())
    );
    let file = verdict["recommended"]["file"].as_str().unwrap();
    let saved = std::fs::read_to_string(desk.path("run").join(file)).unwrap();
    assert!(file != "policies/by-slice.json" && saved.contains("\"single\""), "{file}: {saved}");
    assert!(
        std::fs::read_to_string(desk.path("run/policies/by-slice.json")).unwrap().contains("\"by-slice\"")
    );
}

/// Runs the binary within 2 GB of address space.
#[cfg(target_os = "linux")]
fn within_memory(desk: &Desk, arguments: &str) -> (i32, String) {
    let script = format!("ulimit -v 2000000; exec {} {arguments}", env!("CARGO_BIN_EXE_ordinate"));
    let output = Command::new("sh").arg("-c").arg(script).current_dir(desk.path("")).output().unwrap();
    (output.status.code().unwrap_or(-1), String::from_utf8(output.stderr).unwrap())
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_packed_small_and_is_large_in_memory_is_refused() {
    let desk = Desk::new();
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("header.json", SimpleFileOptions::default()).unwrap();
    zip.write_all(br#"{"version":2,"status":"success","eval":{"task":"t","model":"m/x"}}"#).unwrap();
    zip.start_file("samples/1_epoch_1.json", SimpleFileOptions::default()).unwrap();
    let start = br#"{"id":1,"epoch":1,"target":"a","scores":{"match":{"value":"C"}},"input":["#;
    zip.write_all(start).unwrap();
    let zeros = "0,".repeat(1 << 20);
    for _ in 0..100 {
        zip.write_all(zeros.as_bytes()).unwrap();
    }
    zip.write_all(b"0]}").unwrap();
    desk.write("amp.eval", zip.finish().unwrap().into_inner());
    let (status, said) = within_memory(&desk, "import amp.eval --out o");
    assert!(
        status == 2 && said.contains("JSON values") && said.contains("samples/1_epoch_1.json"),
        "{status}: {said}"
    );
    assert!(!desk.path("o").exists(), "nothing is left behind");

    // 40 outputs of 20 MB, each harmless; packed two hundred times, as is no bomb.
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let long = vec![b'y'; 20 << 20];
    for at in 0..40 {
        let candidate = ["a", "b"][at % 2];
        write!(gz, "{{\"id\":\"i{}\",\"candidate\":\"{candidate}\",\"score\":1,\"output\":\"", at / 2)
            .unwrap();
        gz.write_all(&long).unwrap();
        gz.write_all(b"\"}\n").unwrap();
    }
    desk.write("rows.jsonl.gz", gz.finish().unwrap());
    desk.write("t.toml", "[task]\nname = \"t\"\nkind = \"scored\"\n[data]\nevidence = \"rows.jsonl.gz\"\n[[candidate]]\nname = \"a\"\nlineage = \"general\"\n[[candidate]]\nname = \"b\"\nlineage = \"vertical\"\n");
    let (status, said) = within_memory(&desk, "check t.toml");
    assert!(status == 2 && said.contains("free memory that texts may take"), "{status}: {said}");
}
