//! What `infer_task` writes is a task file that runs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)] // tests

mod common;

use std::path::Path;

use common::{Files, gzip, shared};
use ordinate_core::Lineage;
use ordinate_data::{Loaded, Task, infer_task, load_evidence, parse_task};

/// Writes a task for `path`, and runs it as if it lay in the folder of the data.
fn runs(path: &Path) -> (String, Task, Loaded) {
    let text = infer_task(path).unwrap();
    let dir = if path.is_dir() { path } else { path.parent().unwrap() };
    let task =
        parse_task(&dir.join("ordinate.toml"), &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let loaded = load_evidence(&task).unwrap_or_else(|error| panic!("{error}\n{text}"));
    (text, task, loaded)
}

#[test]
fn an_evidence_table() {
    let files = Files::new(&[(
        "scores.csv",
        b"item_id,topic,candidate,score\n1,x,gpt \"4\",1\n1,x,b,0\n2,y,gpt \"4\",0\n2,y,b,1\n",
    )]);
    let (text, task, loaded) = runs(&files.path("scores.csv"));
    insta::assert_snapshot!(text);
    assert_eq!(task.file.task.name, "scores");
    assert_eq!(loaded.evidence.len(), 2);
    assert!(loaded.evidence.items().has_slices());
}

#[test]
fn items_and_recorded_answers_in_a_folder() {
    let rows =
        |score: u32| (0..6).map(|id| format!("{{\"id\": {id}, \"score\": {score}}}\n")).collect::<String>();
    let items = (0..6)
        .map(|id| {
            format!("{{\"id\": {id}, \"text\": \"q\", \"label\": \"l{}\", \"doc\": {}}}\n", id % 2, id / 3)
        })
        .collect::<String>();
    let files = Files::new(&[
        ("items.jsonl.gz", &gzip(items.as_bytes())),
        ("b.jsonl.gz", &gzip(rows(1).as_bytes())),
        ("a-model.jsonl", rows(0).as_bytes()),
        ("human.jsonl", rows(1).as_bytes()),
        ("notes.csv", b"what,ever\n1,2\n"),
        ("README.md", b"# about"),
        (
            "candidates.json",
            br#"[{"name": "b", "lineage": "vertical", "parameters_billion": 7, "more": 1,
                  "price_usd_per_million_input_tokens": 0.2, "price_usd_per_million_output_tokens": 0.4},
                 {"name": "human", "lineage": "reference", "parameters_billion": null}]"#,
        ),
    ]);
    let (text, task, loaded) = runs(files.dir());
    let name = task.file.task.name.clone();
    insta::assert_snapshot!(text.replace(&name, "FOLDER"));
    assert_eq!(task.kind.name(), "scored");
    assert_eq!(loaded.evidence.candidates()[0].lineage, Lineage::Vertical);
    assert!(loaded.evidence.items().has_groups());
    // The file of items is as good as the folder.
    assert_eq!(infer_task(&files.path("items.jsonl.gz")).unwrap(), text);
}

#[test]
fn items_without_answers() {
    let rows = |labels: usize| -> String {
        (0..60).map(|id| format!("{{\"text\": \"t{id}\", \"label\": \"l{}\"}}\n", id % labels)).collect()
    };
    let files = Files::new(&[("train.jsonl", rows(3).as_bytes()), ("test.jsonl", rows(3).as_bytes())]);
    let text = infer_task(files.dir()).unwrap();
    let task = parse_task(&files.path("ordinate.toml"), &text).unwrap();
    assert_eq!(task.kind.name(), "classify");
    assert_eq!(task.file.data.train.as_deref(), Some("train.jsonl"));
    assert_eq!(task.file.data.test.as_deref(), Some("test.jsonl"));
    assert_eq!(task.file.data.target.as_deref(), Some("label"));
    files.write("test.jsonl", rows(60).as_bytes());
    std::fs::remove_file(files.path("train.jsonl")).unwrap();
    let text = infer_task(&files.path("test.jsonl")).unwrap();
    assert!(text.contains("kind = \"generate\"") && text.contains("items = \"test.jsonl\""), "{text}");
}

#[test]
fn what_no_task_can_be_made_of() {
    let files = Files::new(&[
        ("a.jsonl", b"{\"id\": 1, \"score\": 1}\n"),
        ("b.jsonl", b"{\"id\": 1, \"score\": 1}\n"),
    ]);
    let mut text = String::new();
    for path in [files.path("a.jsonl"), files.dir().to_owned(), files.path("c.jsonl")] {
        let message = files.plain(&infer_task(&path).unwrap_err());
        text.push_str(&format!("{}\n", message.replace(&files.dir().display().to_string(), "FOLDER")));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn real_folders() {
    for (name, items, candidates, groups) in
        [("lawbench", 8_477, 16, false), ("routellm-mmlu", 14_037, 2, false), ("wmt24-en-zh", 634, 12, true)]
    {
        let Some(dir) = shared(name) else { return };
        let (text, task, loaded) = runs(&dir);
        assert_eq!(task.file.task.name, name);
        assert_eq!(
            (loaded.evidence.len(), loaded.evidence.candidates().len()),
            (items, candidates),
            "{text}"
        );
        assert!(loaded.evidence.items().has_slices() && loaded.evidence.items().has_inputs(), "{text}");
        assert_eq!(loaded.evidence.items().has_groups(), groups, "{text}");
        assert!(!text.contains("PLEASE CHECK"), "{text}");
    }
    // A table with its candidates beside it, as the project carries it.
    let figures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/figures/lawbench.csv.gz");
    let (text, _, loaded) = runs(&figures);
    assert_eq!(
        loaded.evidence.candidates().iter().filter(|c| c.lineage == Lineage::Vertical).count(),
        7,
        "{text}"
    );
}

/// Public sets as they lie in their folders: what is asked, by the columns alone.
#[test]
fn real_sets_of_items() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/tasks");
    if !root.exists() {
        println!("skipped: {} is not there", root.display());
        return;
    }
    for (name, kind, files, others) in [
        ("ag_news", "classify", 2, ""),
        ("banking77", "classify", 2, ""),
        ("fiqa_sa", "classify", 2, "dev.jsonl"),
        ("wdbc", "classify", 2, ""),
        ("medmcqa", "choose", 2, ""),
        ("medqa_usmle", "choose", 1, ""),
        ("pubmedqa_l", "choose", 2, ""),
        ("squad_small", "extract", 2, ""),
        ("bioasq_factoid", "extract", 2, ""),
        ("multi30k", "translate", 2, "dev.jsonl"),
        ("tico19_en_fr", "translate", 2, ""),
        ("meqsum", "generate", 2, ""),
        ("mts_dialog", "generate", 2, "\"dev.jsonl\", \"test2.jsonl\""),
    ] {
        let text = infer_task(&root.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let task = parse_task(&root.join(name).join("ordinate.toml"), &text)
            .unwrap_or_else(|error| panic!("{name}: {error}\n{text}"));
        assert!(text.contains(&format!("kind = \"{kind}\"")), "{name}: {text}");
        let data = &task.file.data;
        let named = [&data.items, &data.train, &data.test].into_iter().flatten().count();
        assert_eq!(named, files, "{name}: {text}");
        assert!(data.target.is_some() && (data.input.is_some() || data.features.is_some()), "{name}: {text}");
        assert!(text.contains(others), "{name}: {text}");
        assert_eq!(data.features.is_some(), name == "wdbc", "{name}: {text}");
        assert_eq!(!task.file.candidate.is_empty(), kind == "classify", "{name}: {text}");
    }
}
