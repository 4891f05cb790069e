//! `ordinate init` and `ordinate new`: what they write runs as it is; and the first hour as `docs/first-hour.md` has it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod support;

use support::{Desk, root, shared};

const TABLE: &str = "id,slice,candidate,score,cost_usd\n";

fn table() -> String {
    let row = |item: usize, candidate: &str, right: bool| {
        format!("i{item},s{},{candidate},{},0.001\n", item % 4, u8::from(right))
    };
    let rows = (0..60).map(|item| row(item, "alpha", item % 3 > 0) + &row(item, "beta", item % 2 > 0));
    TABLE.to_owned() + &rows.collect::<String>()
}

#[test]
fn a_table_becomes_a_task_that_runs_in_its_folder_and_in_another() {
    let desk = Desk::new();
    desk.write("data/scores.csv", table());
    for out in ["data/task.toml", "elsewhere.toml"] {
        assert_eq!(desk.ordinate(["init", "data/scores.csv", "--out", out]).status(), 0);
        // Lineage cannot be known: it is written to be edited, and has a value that runs.
        let verdict = desk.verdict(&desk.path(out), &[]);
        assert_eq!(verdict["basis"]["items"], 60);
        assert_eq!(desk.ordinate(["check", out]).status(), 0);
    }
    let again = desk.ordinate(["init", "data/scores.csv", "--out", "elsewhere.toml"]).refusal();
    assert!(again.contains("--force"), "{again}");
}

#[test]
fn a_folder_of_recorded_answers_becomes_a_task_that_runs() {
    let Some(folder) = shared("evidence/wmt24-en-zh") else { return };
    let desk = Desk::new();
    let data = folder.to_str().unwrap();
    assert_eq!(desk.ordinate(["init", data, "--out", "wmt.toml"]).status(), 0);
    let verdict = desk.verdict(&desk.path("wmt.toml"), &["--need", "margin=0.02"]);
    assert_eq!(verdict["basis"]["items"], 634);
    assert_eq!(verdict["candidates"].as_array().unwrap().len(), 12, "the human reference is no candidate");
}

/// The same of an invented folder, which a clone has.
#[test]
fn a_folder_of_invented_answers_becomes_a_task_that_runs() {
    let desk = Desk::new();
    let rows = |row: &dyn Fn(usize) -> String| (0..60).map(|at| row(at) + "\n").collect::<String>();
    desk.write(
        "data/items.jsonl",
        rows(&|at| format!("{{\"id\":\"i{at}\",\"input\":\"text {at}\",\"task\":\"t{}\"}}", at % 3)),
    );
    for (name, every) in [("big", 20), ("small", 2), ("human", 60)] {
        let row = |at: usize| {
            format!(
                "{{\"id\":\"i{at}\",\"score\":{},\"cost_usd\":0.001}}",
                u8::from(!at.is_multiple_of(every))
            )
        };
        desk.write(&format!("data/{name}.jsonl"), rows(&row));
    }
    let known = r#"[{"name":"big","lineage":"general"},{"name":"small","lineage":"vertical"},{"name":"human","lineage":"reference"}]"#;
    desk.write("data/candidates.json", known);
    assert_eq!(desk.ordinate(["init", "data", "--out", "t.toml"]).status(), 0);
    let verdict = desk.verdict(&desk.path("t.toml"), &[]);
    assert_eq!((&verdict["basis"]["items"], &verdict["outcome"]), (&60.into(), &"general".into()));
    assert_eq!(verdict["candidates"].as_array().unwrap().len(), 2, "the human reference is no candidate");
}

#[test]
fn completions_and_man_page_come_from_the_same_declaration() {
    let desk = Desk::new();
    for shell in ["bash", "zsh", "fish"] {
        assert!(desk.ordinate(["completions", shell]).stdout().contains("report"));
    }
    assert!(desk.ordinate(["man"]).stdout().contains(".TH ordinate"));
}

const KINDS: [&str; 5] = ["texts", "answers", "api", "images", "series"];

#[test]
fn every_example_is_in_order_and_nothing_is_overwritten() {
    let desk = Desk::new();
    for kind in KINDS {
        let made = desk.ordinate(["new", "--from", kind]);
        assert_eq!(made.status(), 0, "{}", made.stderr());
        let task = format!("{kind}/ordinate.toml");
        assert!(made.stderr().contains(&format!("Next: ordinate run {task}\n")), "{}", made.stderr());
        let checked = desk.ordinate(["check", &task]);
        assert_eq!(checked.status(), 0, "{kind}: {}", checked.stderr());
        let before = std::fs::read(desk.path(&task)).unwrap();
        let again = desk.ordinate(["new", kind, "--from", "texts"]).refusal();
        assert!(again.starts_with(&format!("error: {kind}: it is there already")), "{again}");
        assert_eq!(std::fs::read(desk.path(&task)).unwrap(), before);
    }
    std::fs::create_dir(desk.path("empty")).unwrap();
    assert_eq!(desk.ordinate(["new", "empty", "--from", "scores"]).status(), 0);
}

#[test]
fn what_new_cannot_begin_with_is_said() {
    let desk = Desk::new();
    desk.write("notes.txt", "");
    for (arguments, named) in [
        (vec!["new"], "texts, answers, api, images, series"),
        (vec!["new", "--from", "txts"], "did you mean \"texts\"?"),
        (vec!["new", "--from", "nowhere.csv"], "nowhere.csv: neither an example nor a file that is there"),
        (vec!["new", "mine", "--from", "notes.txt"], "notes.txt"),
    ] {
        let said = desk.ordinate(&arguments).refusal();
        assert!(said.contains(named), "{arguments:?}: {said}");
    }
    assert!(!desk.path("mine").exists(), "nothing is left of what could not be written");
    let plain_file = desk.ordinate(["new", "notes.txt", "--from", "answers"]).refusal();
    assert!(plain_file.starts_with("error: notes.txt: it is there already"), "{plain_file}");
}

/// The lines of a task file that are commented out for whoever has a key are in order too.
#[test]
fn the_candidate_behind_an_api_joins_when_its_lines_are_freed() {
    let desk = Desk::new();
    assert_eq!(desk.ordinate(["new", "--from", "api"]).status(), 0);
    let text = std::fs::read_to_string(desk.path("api/ordinate.toml")).unwrap();
    let of_gpt = ["# [[candidate]]", "# name = ", "# lineage = ", "# openai = "];
    let free = |line: &str| match of_gpt.iter().any(|begin| line.starts_with(begin)) {
        true => line.trim_start_matches("# ").to_owned() + "\n",
        false => line.to_owned() + "\n",
    };
    desk.write("api/freed.toml", text.lines().map(free).collect::<String>());
    let checked = desk.ordinate(["check", "api/freed.toml", "--show-prompt"]);
    assert_eq!(checked.status(), 0, "{}", checked.stderr());
    let told = checked.stdout() + &checked.stderr();
    assert!(["gpt", "probe", "n-grams"].iter().all(|name| told.contains(name)), "{told}");
}

/// A table as somebody has it: other headers than ours, yes and no.
fn own_scores() -> String {
    let mut table = "Model, Question ID, Topic, Correct?\n".to_owned();
    for at in 0..200 {
        let topic = ["contracts", "torts"][at % 2];
        for (model, right) in
            [("gpt-x", at % 10 < 8), ("lex-7b", if at % 2 == 0 { at % 10 < 9 } else { at % 10 < 4 })]
        {
            table += &format!("{model}, {at}, {topic}, {}\n", if right { "Yes" } else { "No" });
        }
    }
    table
}

/// The commands of a section of `docs/first-hour.md`, as a reader copies them.
fn commands(section: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(root().join("docs/first-hour.md")).unwrap();
    let (_, behind) =
        text.split_once(&format!("\n## {section}\n")).unwrap_or_else(|| panic!("no section {section}"));
    let own = behind.split("\n## ").next().unwrap_or_default();
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect();
    own.lines().filter_map(|line| line.strip_prefix("    ordinate ")).map(words).collect()
}

/// From `ordinate new` to a verdict on a table of one's own: two commands and one edit, the way the document tells it.
#[test]
fn from_new_to_a_verdict_on_ones_own_table() {
    let commands = commands("Your own scores");
    let [new, run] = commands.as_slice() else { panic!("two commands: {commands:?}") };
    let desk = Desk::new();
    desk.write("scores.csv", own_scores());
    let made = desk.ordinate(new);
    assert_eq!(made.status(), 0, "{}", made.stderr());
    let task = desk.path(run.last().unwrap());
    let text = std::fs::read_to_string(&task).unwrap();
    let own = "name = \"lex-7b\"\nlineage = ";
    assert!(text.contains(&format!("{own}\"general\"  # please check")), "{text}");
    std::fs::write(&task, text.replace(&format!("{own}\"general\""), &format!("{own}\"vertical\""))).unwrap();
    let told = desk.ordinate(run);
    assert_eq!(told.status(), 0, "{}", told.stderr());
    let verdict: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(desk.path("scores.ordinate/verdict.json")).unwrap())
            .unwrap();
    assert_eq!((&verdict["basis"]["items"], &verdict["basis"]["slices"]), (&200.into(), &2.into()));
    assert_eq!(verdict["outcome"], "combined", "{}", told.stdout());
}

/// The same from the example, whose file says how: one edit, of one file.
#[test]
fn from_the_example_of_answers_to_ones_own_table() {
    let desk = Desk::new();
    let mut commands = commands("See one run").into_iter();
    for command in commands.by_ref().take(2) {
        let ran = desk.ordinate(&command);
        assert_eq!(ran.status(), 0, "{}", ran.stderr());
        if command[0] == "run" {
            assert!(ran.stdout().starts_with("combined: "), "{}", ran.stdout());
        }
    }
    desk.write("answers/own.csv", own_scores());
    let text = std::fs::read_to_string(desk.path("answers/ordinate.toml")).unwrap();
    let (head, _) = text.split_once("[[candidate]]").unwrap();
    let entries: String = [("gpt-x", "general"), ("lex-7b", "vertical")]
        .map(|(name, lineage)| format!("[[candidate]]\nname = \"{name}\"\nlineage = \"{lineage}\"\n\n"))
        .concat();
    desk.write("answers/ordinate.toml", head.replace("\"scores.csv\"", "\"own.csv\"") + &entries);
    let verdict = desk.verdict(&desk.path("answers/ordinate.toml"), &[]);
    assert_eq!(verdict["outcome"], "combined");
}

#[test]
fn bare_ordinate_says_the_next_step() {
    let desk = Desk::new();
    let told = || {
        let ran = desk.ordinate(Vec::<&str>::new());
        assert_eq!(ran.status(), 0, "{}", ran.stderr());
        ran.stdout()
    };
    let mut all = told();
    desk.write("our scores.csv", own_scores());
    all += &told();
    assert_eq!(desk.ordinate(["init", "our scores.csv", "--out", "task.toml"]).status(), 0);
    all += &told();
    assert_eq!(desk.ordinate(["run", "task.toml", "--quiet"]).status(), 0);
    all += &told();
    insta::assert_snapshot!("next steps", all);
}
