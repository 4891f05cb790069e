//! What is wrong is refused with one paragraph and exit status 2.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod support;

use std::io::Write;

use support::Desk;

const HEADER: &str = "id,slice,candidate,score,cost_usd\n";

/// Two candidates on `items` items.
fn good(items: usize) -> String {
    let mut text = HEADER.to_owned();
    for item in 0..items {
        for (candidate, score) in [("alpha", item % 3), ("beta", item % 2)] {
            text += &format!("i{item},s{},{candidate},{},0.001\n", item % 4, score.min(1));
        }
    }
    text
}

const TASK: &str = r#"[task]
name = "small"
kind = "scored"
[data]
evidence = "scores.csv"
[[candidate]]
name = "alpha"
lineage = "general"
[[candidate]]
name = "beta"
lineage = "vertical"
"#;

/// What `ordinate run` says about this table.
fn refusal(table: impl AsRef<[u8]>) -> String {
    refusal_of(table, TASK)
}

fn refusal_of(table: impl AsRef<[u8]>, task: &str) -> String {
    let desk = Desk::new();
    desk.write("scores.csv", table);
    desk.write("task.toml", task);
    desk.ordinate(["run", "task.toml"]).refusal()
}

#[test]
fn the_good_table_is_good() {
    let desk = Desk::new();
    desk.write("scores.csv", good(40));
    let task = desk.write("task.toml", TASK);
    desk.verdict(&task, &[]);
}

#[test]
fn tables_that_are_no_tables() {
    insta::assert_snapshot!("empty file", refusal(""));
    insta::assert_snapshot!("header only", refusal(HEADER));
    insta::assert_snapshot!("ragged", refusal(good(20) + "i99,s1,alpha\n"));
    insta::assert_snapshot!("no score column", refusal("id,candidate\n1,alpha\n"));
    insta::assert_snapshot!("not utf-8", refusal([good(3).as_bytes(), b"i9,\xff\xfe,alpha,1,0\n"].concat()));
}

#[test]
fn tables_too_small_to_compare() {
    insta::assert_snapshot!("one item", refusal(good(1)));
}

#[test]
fn rows_that_contradict() {
    insta::assert_snapshot!("duplicate", refusal(good(20) + "i3,s3,alpha,1,0.001\n"));
    insta::assert_snapshot!("stray candidate", refusal(good(20) + "i3,s3,alpa,1,0.001\n"));
    insta::assert_snapshot!(
        "unknown candidate",
        refusal_of(good(20), &TASK.replace("\"beta\"", "\"betta\""))
    );
}

#[test]
fn scores_that_are_no_scores() {
    for (name, score) in
        [("nan", "NaN"), ("above one", "1.2"), ("negative", "-0.1"), ("a word", "good"), ("absent", "")]
    {
        insta::assert_snapshot!(
            format!("score {name}"),
            refusal(good(20) + &format!("i77,s1,alpha,{score},0\n"))
        );
    }
}

#[test]
fn files_that_cannot_be_read() {
    let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    zipped.write_all(good(2000).as_bytes()).unwrap();
    let zipped = zipped.finish().unwrap();
    insta::assert_snapshot!("cut gzip", refusal(&zipped[..zipped.len() / 2]));
    let mut broken = zipped.clone();
    for byte in &mut broken[200..260] {
        *byte ^= 0x5a;
    }
    insta::assert_snapshot!("broken gzip", refusal(broken));
    let desk = Desk::new();
    desk.write("task.toml", TASK);
    insta::assert_snapshot!("no such file", desk.ordinate(["run", "task.toml"]).refusal());
    std::fs::create_dir(desk.path("scores.csv")).unwrap();
    insta::assert_snapshot!("a folder", desk.ordinate(["run", "task.toml"]).refusal());
    insta::assert_snapshot!("no task file", desk.ordinate(["run", "nowhere.toml"]).refusal());
}

#[test]
fn a_parquet_file_that_claims_ten_gigabytes() {
    // The footer's length field says 0xFFFFFF00 bytes.
    let mut bytes = b"PAR1".to_vec();
    bytes.extend([0; 64]);
    bytes.extend(0xFFFF_FF00_u32.to_le_bytes());
    bytes.extend(b"PAR1");
    insta::assert_snapshot!(refusal_of(&bytes, TASK));
}

#[test]
fn task_files_with_mistakes() {
    let with = |from: &str, to: &str| refusal_of(good(20), &TASK.replace(from, to));
    insta::assert_snapshot!("misspelt key", with("[data]\n", "[needs]\ngoel = \"cost\"\n[data]\n"));
    insta::assert_snapshot!("misspelt section", with("[data]\n", "[needz]\nmargin = 0.1\n[data]\n"));
    insta::assert_snapshot!("wrong lineage", with("\"vertical\"", "\"verticle\""));
    insta::assert_snapshot!("wrong kind", with("\"scored\"", "\"score\""));
    insta::assert_snapshot!("margin out of range", with("[data]\n", "[needs]\nmargin = 3\n[data]\n"));
    insta::assert_snapshot!("no toml", with("[data]", "[data"));
    insta::assert_snapshot!("no data", with("evidence = \"scores.csv\"\n", ""));
    insta::assert_snapshot!("same name twice", with("\"beta\"", "\"alpha\""));
    insta::assert_snapshot!(
        "unknown policy",
        with("[data]\n", "[combine]\nkinds = [\"by-slise\"]\n[data]\n")
    );
}

#[test]
fn needs_with_mistakes() {
    let desk = Desk::new();
    desk.write("scores.csv", good(40));
    desk.write("task.toml", TASK);
    let said = |need: &str| desk.ordinate(["run", "task.toml", "--need", need]).refusal();
    insta::assert_snapshot!("need unknown", said("max_cost=1"));
    insta::assert_snapshot!("need without value", said("margin"));
    insta::assert_snapshot!("need no number", said("margin=abc"));
}

#[test]
fn a_cluster_without_the_python_package() {
    let desk = Desk::new();
    desk.write("scores.csv", good(40));
    desk.write("task.toml", TASK);
    let nobody = [("ORDINATE_PYTHON", "/nowhere/python")];
    let ran = desk.ordinate_with(&nobody, &["run", "task.toml", "--on", "ray"]);
    assert_eq!(ran.status(), 1, "{}", ran.stderr());
    assert!(ran.stderr().contains("/nowhere/python cannot be started"), "{}", ran.stderr());
    assert!(ran.stderr().contains("install Ordinate's wheel"), "{}", ran.stderr());
}
