//! Encoders that are trained, from the task file to the run folder.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

#[path = "../../ordinate-models/tests/tiny_encoder/mod.rs"]
mod tiny_encoder;

mod extraction;
#[path = "support/goes_on.rs"]
mod goes_on;
#[path = "support/served.rs"]
mod served;
mod support;

use std::fmt::Write as _;

use support::{Desk, named, number};

/// Items most of whose words say the label.
fn rows(from: usize, to: usize) -> String {
    (from..to).fold(String::new(), |mut text, at| {
        let (label, word) = [("stop", 5), ("go", 9), ("wait", 13)][at % 3];
        let _ = writeln!(
            text,
            r#"{{"id":"i{at}","text":"w{word} w{word} w{} w{} w{word}","label":"{label}"}}"#,
            14 + at * 7 % 25,
            14 + at * 11 % 25
        );
        text
    })
}

fn desk(data: &str, adapt: &[(&str, &str)]) -> Desk {
    let desk = Desk::new();
    std::fs::create_dir(desk.path("model")).unwrap();
    tiny_encoder::save_untrained(&tiny_encoder::golden()["cases"][0], &desk.path("model"));
    desk.write("train.jsonl", rows(0, 300));
    desk.write("test.jsonl", rows(300, 500));
    desk.write("items.jsonl", rows(0, 240));
    let mut task = format!(
        "[task]\nname = \"signals\"\nkind = \"classify\"\n[data]\n{data}\ninput = \"text\"\ntarget = \"label\"\n[combine]\nkinds = [\"single\"]\n\
         [[candidate]]\nname = \"ngram\"\nlineage = \"vertical\"\nlocal = {{ model = \"ngram-linear\", examples = 20 }}\n"
    );
    for (name, settings) in adapt {
        let _ = write!(
            task,
            "[[candidate]]\nname = \"{name}\"\nlineage = \"transferred\"\nadapt = {{ from = \"model\", {settings} }}\n"
        );
    }
    desk.write("t.toml", task);
    desk
}

const PARTS: &str = "train = \"train.jsonl\"\ntest = \"test.jsonl\"";

#[test]
fn trained_once_where_there_is_a_test_part() {
    let desk = desk(
        PARTS,
        &[
            ("full", "method = \"full\", epochs = 20"),
            ("lora", "method = \"lora\", epochs = 20"),
            ("pairs", "method = \"contrastive\""),
            ("auto", "method = \"auto\", epochs = 20"),
        ],
    );
    let checked = desk.ordinate(["check", "t.toml"]);
    assert!(checked.stdout().contains("full (transferred), runs here, trained once"), "{}", checked.stdout());
    let ran = desk.ordinate(["run", "t.toml", "--json", "--out", "run"]);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    let verdict: serde_json::Value = serde_json::from_str(&ran.stdout()).unwrap();
    let told = ran.stderr();
    assert!(told.contains("auto: full fine-tuning: 300 items"), "{told}");
    assert!(!told.contains("will be trained"), "{told}");
    for name in ["full", "lora", "pairs", "auto"] {
        let quality = number(named(&verdict, "candidates", name), "quality.mean");
        assert!(quality > 0.95, "{name}: {quality}");
        // The test part alone is answered.
        assert_eq!(number(named(&verdict, "candidates", name), "items"), 200.0);
        let card = std::fs::read_to_string(desk.path(&format!("run/models/{name}/README.md"))).unwrap();
        assert!(card.starts_with("---\nbase_model: ") && card.contains("model-index:"), "{card}");
        assert!(
            card.contains(&format!("value: {quality:.4}")) && card.contains("name: \"signals\""),
            "{card}"
        );
        let note = format!("{name} was trained (");
        assert!(verdict["assumed"].to_string().contains(&note), "{}", verdict["assumed"]);
    }
    for file in [
        "full/model.safetensors",
        "full/config.json",
        "lora/adapter_model.safetensors",
        "lora/adapter_config.json",
        "pairs/modules.json",
        "pairs/1_Pooling/config.json",
        "auto/tokenizer.json",
    ] {
        assert!(desk.path("run/models").join(file).is_file(), "{file}");
    }
    // What was made is a candidate for others.
    let mut task = std::fs::read_to_string(desk.path("t.toml")).unwrap();
    for name in ["full", "lora"] {
        let _ = write!(
            task,
            "[[candidate]]\nname = \"{name}-again\"\nlineage = \"vertical\"\nlocal = {{ model = \"run/models/{name}\" }}\n"
        );
    }
    desk.write("again.toml", task);
    let again = desk.ordinate(["run", "again.toml", "--json", "--out", "second"]);
    assert_eq!(again.status(), 0, "{}", again.stderr());
    assert!(again.stderr().contains("full: answers of an earlier run"), "{}", again.stderr());
    let second: serde_json::Value = serde_json::from_str(&again.stdout()).unwrap();
    for name in ["full", "lora"] {
        let of = |name: &str| number(named(&second, "candidates", name), "quality.mean");
        assert!((of(name) - of(&format!("{name}-again"))).abs() < 1e-9);
    }
    // And the run folder answers by itself.
    let asked = desk.ordinate(["ask", "run", "w9 w9 w23 w30 w9", "--json"]);
    assert!(
        asked.status() == 0 && asked.stdout().contains("\"go\""),
        "{} {}",
        asked.stdout(),
        asked.stderr()
    );
}

/// What answers in eight bits answers nearly the same, takes less memory, and is another candidate than what answers in 32.
#[test]
fn layers_in_eight_bits() {
    let desk = desk(
        PARTS,
        &[
            ("probe", "method = \"probe\""),
            ("probe-small", "method = \"probe\", precision = \"int8\""),
            ("means-small", "method = \"means\", precision = \"int8\""),
            ("full", "method = \"full\", epochs = 20"),
            ("lora", "method = \"lora\", epochs = 20"),
        ],
    );
    let run = |task: &str, out: &str| {
        let ran = desk.ordinate(["run", task, "--json", "--out", out]);
        assert_eq!(ran.status(), 0, "{}", ran.stderr());
        serde_json::from_str::<serde_json::Value>(&ran.stdout()).unwrap()
    };
    let first = run("t.toml", "run");
    let mut task = std::fs::read_to_string(desk.path("t.toml")).unwrap();
    for (name, from) in [("full-small", "full"), ("lora-small", "lora")] {
        let _ = write!(
            task,
            "[[candidate]]\nname = \"{name}\"\nlineage = \"vertical\"\n\
             local = {{ model = \"run/models/{from}\", precision = \"int8\" }}\n"
        );
    }
    desk.write("again.toml", &task);
    let second = run("again.toml", "second");
    for name in ["probe", "full", "lora"] {
        let of = |name: &str, key: &str| number(named(&second, "candidates", name), key);
        let small = format!("{name}-small");
        assert!((of(name, "quality.mean") - of(&small, "quality.mean")).abs() <= 0.02, "{name}");
        assert_eq!(of(name, "quality.mean"), number(named(&first, "candidates", name), "quality.mean"));
    }
    let said =
        |model: &str| std::fs::read_to_string(desk.path(&format!("second/models/{model}/manifest.json")));
    assert!(
        said("probe-small").unwrap().contains("\"precision\":\"int8\""),
        "{}",
        said("probe-small").unwrap()
    );
    assert!(!said("probe").unwrap().contains("precision"), "{}", said("probe").unwrap());
    // What answers without the files of the task says so too.
    let asked = desk.ordinate(["ask", "second", "w9 w9 w23 w30 w9", "--json"]);
    assert!(
        asked.status() == 0 && asked.stdout().contains("\"go\""),
        "{} {}",
        asked.stdout(),
        asked.stderr()
    );
    // What it is not for.
    for (was, is, part) in [
        (
            "method = \"full\"",
            "method = \"full\", precision = \"int8\"",
            "full: precision is for the vectors of encoders",
        ),
        (
            "\"ngram-linear\"",
            "\"ngram-linear\", precision = \"int8\"",
            "ngram: precision is for the vectors of encoders",
        ),
        (
            "from = \"model\", method = \"probe\", precision",
            "from = \"builtin\", method = \"probe\", precision",
            "the built-in one, which has no layers",
        ),
        ("\"int8\"", "\"int4\"", "it takes f32, int8"),
    ] {
        desk.write("bad.toml", task.replacen(was, is, 1));
        let refused = desk.ordinate(["check", "bad.toml"]);
        assert_eq!(refused.status(), 2, "{part}: {}", refused.stderr());
        assert!(refused.stderr().contains(part), "{part}: {}", refused.stderr());
    }
}

/// Without a test part each item is answered by a model that did not see it, and that is said before it begins.
#[test]
fn cross_fitted_without_a_test_part() {
    let desk = desk("items = \"items.jsonl\"", &[("lora", "method = \"lora\", epochs = 20")]);
    let checked = desk.ordinate(["check", "t.toml"]);
    assert!(checked.stdout().contains("trained 6 times"), "{}", checked.stdout());
    let ran = desk.ordinate(["run", "t.toml", "--json", "--out", "run"]);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    assert!(ran.stderr().contains("lora will be trained 6 times"), "{}", ran.stderr());
    let verdict: serde_json::Value = serde_json::from_str(&ran.stdout()).unwrap();
    let lora = named(&verdict, "candidates", "lora");
    assert!(number(lora, "quality.mean") > 0.9 && number(lora, "items") == 240.0, "{lora}");
    let left = std::fs::read_dir(desk.path("cache/local")).unwrap().flatten();
    let checkpoints: Vec<_> =
        left.filter(|file| file.path().extension().is_some_and(|end| end == "checkpoint")).collect();
    assert!(checkpoints.is_empty(), "{checkpoints:?}");
}

/// Killed in the midst of training, and run again: the weights of a run that was not killed.
#[test]
fn a_training_goes_on_where_it_was_killed() {
    let desk = || desk(PARTS, &[("full", "method = \"full\", epochs = 60, batch_size = 4")]);
    goes_on::as_if_not_killed(desk, "run/models/full/model.safetensors");
}

/// A desk with pupils: `train` items besides the 300 labelled ones, and a teacher that says the label after the right one.
fn school(pupils: &[(&str, &str)]) -> Desk {
    let desk = desk(PARTS, pupils);
    // Items without a target teach as well.
    let train = std::fs::read_to_string(desk.path("train.jsonl")).unwrap();
    let free = rows(600, 660).lines().fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "{}}}", line.split(",\"label\"").next().unwrap());
        text
    });
    desk.write("train.jsonl", train + &free);
    // Its answers to twenty train items are an error, not a label, or are not there.
    let wrong = (20..500).chain(600..660).fold(String::new(), |mut text, at| {
        let said = ["Go", "wait", "stop"][at % 3];
        let _ = match at {
            20..25 => writeln!(text, r#"{{"id":"i{at}","error":"timeout"}}"#),
            25..30 => writeln!(text, r#"{{"id":"i{at}","output":"who knows","score":0}}"#),
            _ => writeln!(text, r#"{{"id":"i{at}","output":"{said}","confidence":0.9,"score":0}}"#),
        };
        text
    });
    desk.write("wrong.jsonl", wrong);
    let task = std::fs::read_to_string(desk.path("t.toml")).unwrap();
    desk.write(
        "t.toml",
        task + "[[candidate]]\nname = \"all\"\nlineage = \"vertical\"\nlocal = { model = \"ngram-linear\" }\n\
                [[candidate]]\nname = \"wrong\"\nlineage = \"general\"\nrecorded = { path = \"wrong.jsonl\" }\n\
                [[candidate]]\nname = \"program\"\nlineage = \"general\"\n\
                command = { run = [\"sh\", \"-c\", \"while read line; do echo '{\\\"output\\\":\\\"go\\\"}'; done\"] }\n",
    );
    desk
}

/// A pupil learns what its teacher says, recorded or asked, and not the targets that it is not shown.
#[test]
fn pupils_learn_from_teachers() {
    let pupil =
        |teacher: &str| format!("method = \"distill\", teacher = \"{teacher}\", examples = 3, epochs = 12");
    let (own, misled, told) = (pupil("all"), pupil("wrong"), pupil("program"));
    let small = "method = \"distill\", teacher = \"all\", examples = 4";
    let desk = school(&[
        // A pupil's pupil stands before its teacher.
        ("second", "method = \"distill\", teacher = \"pupil\", examples = 3, epochs = 12"),
        ("pupil", &own),
        ("misled", &misled),
        ("told", &told),
        ("small", small),
    ]);
    let task = std::fs::read_to_string(desk.path("t.toml")).unwrap();
    desk.write(
        "t.toml",
        task.replace(&format!("from = \"model\", {small}"), &format!("from = \"builtin\", {small}")),
    );
    let checked = desk.ordinate(["check", "t.toml"]);
    assert!(checked.stdout().contains("trained once on what all says"), "{}", checked.stdout());
    // The program is asked about its pupil's train items as well.
    assert!(checked.stdout().contains("560"), "{}", checked.stdout());
    let ran = desk.ordinate(["run", "t.toml", "--json", "--out", "run"]);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    let verdict: serde_json::Value = serde_json::from_str(&ran.stdout()).unwrap();
    let of = |name: &str| number(named(&verdict, "candidates", name), "quality.mean");
    let all = ["pupil", "misled", "all", "told", "second", "small"].map(of);
    assert!(all[0] > 0.95 && all[1] < 0.1 && all[2] > 0.95, "{all:?}");
    assert!((all[3] - 1.0 / 3.0).abs() < 0.02 && all[4] > 0.9 && all[5] > 0.9, "{all:?}");
    let notes = verdict["assumed"].to_string();
    assert!(notes.contains("pupil learned from all, which answered 360 of 360 train items."), "{notes}");
    assert!(notes.contains("misled learned from wrong, which answered 335 of 360 train items."), "{notes}");
    assert!(desk.path("run/models/pupil/config.json").is_file());
    // Nothing is trained or asked again.
    let again = desk.ordinate(["run", "t.toml", "--json", "--out", "run"]);
    assert_eq!(again.status(), 0, "{}", again.stderr());
    assert!(again.stderr().contains("pupil: answers of an earlier run"), "{}", again.stderr());
    let rescored = desk.ordinate(["run", "t.toml", "--out", "run", "--rescore"]);
    assert_eq!(rescored.status(), 0, "{}", rescored.stderr());
}

#[test]
fn pupils_without_a_teacher_are_refused() {
    let desk = school(&[
        ("pupil", "method = \"distill\", teacher = \"all\", examples = 3"),
        ("other", "method = \"distill\", teacher = \"pupil\", examples = 3"),
    ]);
    let task = std::fs::read_to_string(desk.path("t.toml")).unwrap();
    for (was, is, part) in [
        ("teacher = \"all\", ", "", "learns from another candidate; name it: teacher"),
        ("teacher = \"all\"", "teacher = \"pupil\"", "teacher: it is its own teacher"),
        (
            "teacher = \"all\"",
            "teacher = \"nobody\"",
            "teacher: \"nobody\" is no candidate of this task; the others are",
        ),
        (
            "teacher = \"all\"",
            "teacher = \"other\"",
            "teacher: pupil learns from other learns from pupil: nobody in this circle",
        ),
        (PARTS, "items = \"train.jsonl\"", "needs train and test in [data]"),
        (
            "\"distill\", teacher = \"all\"",
            "\"full\", teacher = \"all\"",
            "teacher is of no use to method \"full\"",
        ),
    ] {
        desk.write("bad.toml", task.replacen(was, is, 1));
        for command in ["check", "run"] {
            let refused = desk.ordinate(
                [command, "bad.toml", "--out", "bad"].into_iter().take(if command == "check" {
                    2
                } else {
                    4
                }),
            );
            assert_eq!(refused.status(), 2, "{command} {part}: {}", refused.stderr());
            assert!(refused.stderr().contains(part), "{command} {part}: {}", refused.stderr());
        }
    }
    // A teacher with nothing to say to what its pupil is not shown.
    desk.write("bad.toml", task.replacen("teacher = \"all\", examples = 3", "teacher = \"wrong\"", 1));
    desk.write("train.jsonl", rows(0, 300));
    let wrong = std::fs::read_to_string(desk.path("wrong.jsonl")).unwrap();
    let labelled: Vec<&str> = wrong.lines().filter(|line| !line.contains("\"i6")).collect();
    desk.write("wrong.jsonl", labelled.join("\n"));
    let refused = desk.ordinate(["run", "bad.toml", "--out", "bad"]);
    assert!(refused.status() != 0 && refused.stderr().contains("show it fewer"), "{}", refused.stderr());
}
