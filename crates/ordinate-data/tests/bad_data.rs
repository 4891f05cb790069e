//! Every way in which data can be wrong gives one paragraph that names file, line or row, and field.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)] // tests

mod common;

use common::{Files, gzip, table_task};

/// A table that is right: two candidates, four items.
const RIGHT: &str = "id,slice,candidate,score,cost_usd\n\
                     1,x,a,1,0.1\n1,x,b,0,0.2\n2,y,a,0.5,0.1\n2,y,b,1,0.2\n3,x,a,1,0.1\n3,x,b,0,0.2\n4,y,a,0,0.1\n4,y,b,1,0.2\n";

/// The message about a table of this name and content.
fn about(name: &str, content: &[u8]) -> String {
    let files = Files::new(&[(name, content), ("t.toml", table_task(name, &["a", "b"]).as_bytes())]);
    files.message("t.toml")
}

fn csv(from: &str, to: &str) -> String {
    assert!(RIGHT.contains(from), "{from}");
    about("scores.csv", RIGHT.replacen(from, to, 1).as_bytes())
}

#[test]
fn a_table_that_is_right() {
    for (name, content) in [
        ("scores.csv", RIGHT.as_bytes().to_vec()),
        ("scores.csv.gz", gzip(RIGHT.as_bytes())),
        // Compression is told by the content, not by the name.
        ("scores.csv", gzip(RIGHT.as_bytes())),
        ("scores.csv.gz", RIGHT.as_bytes().to_vec()),
        ("scores", RIGHT.as_bytes().to_vec()),
        ("scores.txt", RIGHT.replace(',', "\t").into_bytes()),
        // gzip of several members, as bgzip and concatenation make it.
        ("scores.csv.gz", [gzip(&RIGHT.as_bytes()[..50]), gzip(&RIGHT.as_bytes()[50..])].concat()),
        ("scores.csv.zst", zstd::encode_all(RIGHT.as_bytes(), 1).unwrap()),
        ("scores.csv", format!("\u{feff}{}\r\n\r\n  \r\n", RIGHT.replace('\n', "\r\n")).into_bytes()),
    ] {
        let files = Files::new(&[(name, &content), ("t.toml", table_task(name, &["a", "b"]).as_bytes())]);
        let loaded = files.load("t.toml").unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(loaded.evidence.len(), 4, "{name}");
        assert_eq!(loaded.evidence.answers(0).score(1), Some(0.5));
        assert_eq!(loaded.evidence.items().slices().get(1), Some("y"));
        assert!(loaded.notes.is_empty());
    }
}

#[test]
fn messages_about_tables() {
    let mut text = String::new();
    let mut say = |case: &str, message: String| text.push_str(&format!("{case}\n    {message}\n"));
    say("an empty file", about("scores.csv", b""));
    say("blank lines only", about("scores.csv", b"\n\r\n  \n"));
    say("a header only", about("scores.csv", b"id,candidate,score\n"));
    say("an empty JSONL", about("scores.jsonl", b"\n\n"));
    say("one item", about("scores.csv", b"id,candidate,score\n1,a,1\n1,b,0\n"));
    say("a repeated answer", csv("2,y,b", "1,x,b"));
    say("NaN", csv("0.5", "NaN"));
    say("a score above 1", csv("0.5", "1.5"));
    say("a score below 0", csv("0.5", "-0.5"));
    say("a score beyond 100 per cent", csv("0.5", "150 %"));
    say("a score in words that say nothing", csv("0.5", "so so"));
    say("a cost beyond belief", csv("0.5,0.1", "0.5,1e12"));
    say("no score", csv("0.5", ""));
    say("a negative cost", csv("0.5,0.1", "0.5,-0.1"));
    say("an infinite cost", csv("0.5,0.1", "0.5,inf"));
    say("no id", csv("2,y,a", ",y,a"));
    say("no candidate", csv("2,y,a", "2,y,"));
    say("a row too short", csv("2,y,a,0.5,0.1", "2,y,a,0.5"));
    say("a row too long", csv("2,y,a,0.5,0.1", "2,y,a,0,5,0.1"));
    say("an unclosed quote", csv("2,y,a", "\"2,y,a"));
    say("a slice that changes", csv("2,y,b", "2,x,b"));
    say("a column that is missing", csv("candidate", "model"));
    say("a column that is misspelt", csv("score", "scor"));
    say("a column twice", csv("cost_usd", "score"));
    say("not UTF-8", about("scores.csv", b"id,candidate,score\n1,a,1\n\xff,b,1\n"));
    say("UTF-16 of other columns", about("scores.csv", b"\xff\xfei\0d\0,\0"));
    say(
        "a line after CRLF and blank lines",
        about("scores.csv", b"id,candidate,score\r\n\r\n1,a,1\r\n\r\n\"1\r\n\",b,1\r\n2,b,3\r\n"),
    );
    say("a stray candidate", csv("3,x,b", "3,x,bb"));

    let packed = gzip(RIGHT.as_bytes());
    say("gzip cut off", about("scores.csv.gz", &packed[..packed.len() / 2]));
    let mut damaged = packed.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0xff;
    say("gzip damaged", about("scores.csv.gz", &damaged));
    say("gzip with rubbish after it", about("scores.csv.gz", &[packed.as_slice(), b"rubbish"].concat()));
    say("no gzip at all", about("scores.csv.gz", b"\x00\x01\x02\xff"));
    let zst = zstd::encode_all(RIGHT.as_bytes(), 1).unwrap();
    say("zstd cut off", about("scores.csv.zst", &zst[..zst.len() / 2]));

    let json = |line: &str| {
        let right = "{\"id\": \"1\", \"candidate\": \"a\", \"score\": 1}\n";
        about("scores.jsonl", format!("{right}{line}\n").as_bytes())
    };
    say("JSON: NaN", json("{\"id\": \"2\", \"candidate\": \"a\", \"score\": NaN}"));
    say("JSON: no score", json("{\"id\": \"2\", \"candidate\": \"a\", \"score\": null}"));
    say("JSON: a text for a score", json("{\"id\": \"2\", \"candidate\": \"a\", \"score\": \"good\"}"));
    say("JSON: an object for a score", json("{\"id\": \"2\", \"candidate\": \"a\", \"score\": {\"f1\": 1}}"));
    say("JSON: cut off", json("{\"id\": \"2\", \"candidate\": \"a\", \"sc"));
    say("JSON: no object", json("[1, 2]"));
    say("JSON: a field twice", json("{\"id\": \"2\", \"id\": \"3\", \"candidate\": \"a\", \"score\": 1}"));
    say(
        "JSON: a half of a surrogate pair",
        json("{\"id\": \"\\ud800\", \"candidate\": \"a\", \"score\": 1}"),
    );
    say(
        "JSON: a column that is missing",
        about("s.jsonl", b"{\"id\": \"1\", \"model\": \"a\", \"score\": 1}\n"),
    );
    say("JSON: an array of other rows", about("scores.json", b"[{\"id\": \"1\"}]"));
    insta::assert_snapshot!(text);
}

#[test]
fn a_line_without_end_is_refused_before_it_fills_memory() {
    // 200 MB of one line are 200 kB of gzip.
    let packed = gzip(&vec![b'x'; 200 << 20]);
    assert!(about("scores.jsonl", &packed).contains("longer than 64 MiB"));
    let mut csv = b"id,candidate,score\n\"".to_vec();
    csv.resize(200 << 20, b'x');
    let message = about("scores.csv", &gzip(&csv));
    assert!(message.starts_with("scores.csv:2: ") && message.contains("longer than 64 MiB"), "{message}");
}

#[cfg(unix)]
#[test]
fn an_unreadable_file() {
    use std::os::unix::fs::PermissionsExt;
    let files =
        Files::new(&[("s.csv", RIGHT.as_bytes()), ("t.toml", table_task("s.csv", &["a", "b"]).as_bytes())]);
    std::fs::set_permissions(files.path("s.csv"), std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::File::open(files.path("s.csv")).is_ok() {
        // Root may read everything, but nobody the memory at address 0.
        std::fs::remove_file(files.path("s.csv")).unwrap();
        std::os::unix::fs::symlink("/proc/self/mem", files.path("s.csv")).unwrap();
        assert_eq!(
            files.message("t.toml"),
            "s.csv: Input/output error (os error 5). Check the disk and try again."
        );
        return;
    }
    assert_eq!(
        files.message("t.toml"),
        "s.csv: the file may not be read (permission denied). Change its permissions, or run as its owner."
    );
}

#[test]
fn messages_about_candidates_of_a_table() {
    let mut text = String::new();
    let mut say = |case: &str, names: &[&str]| {
        let files = Files::new(&[
            ("scores.csv", RIGHT.as_bytes()),
            ("t.toml", table_task("scores.csv", names).as_bytes()),
        ]);
        text.push_str(&format!("{case}\n    {}\n", files.message("t.toml")));
    };
    say("none declared", &[]);
    say("one that is not in the table", &["a", "B"]);
    insta::assert_snapshot!(text);
}

#[test]
fn a_subset_of_candidates_is_compared_and_the_rest_is_named() {
    let table = format!("{RIGHT}1,x,c,1,0\n2,y,c,1,0\n3,x,c,1,0\n9,x,c,1,0\n");
    let files = Files::new(&[
        ("scores.csv", table.as_bytes()),
        ("t.toml", table_task("scores.csv", &["a", "b"]).as_bytes()),
    ]);
    let loaded = files.load("t.toml").unwrap();
    assert_eq!(loaded.evidence.len(), 4);
    assert_eq!(loaded.notes, ["1 candidate is in the table but not in the task file, and left out: c."]);
}

/// Items and recorded answers.
fn recorded(items: &str, a: &str, b: &str, data: &str) -> Files {
    let task = format!(
        "[task]\nname = \"t\"\nkind = \"scored\"\n[data]\nitems = \"items.jsonl\"\n{data}\n\
         [[candidate]]\nname = \"a\"\nlineage = \"general\"\nrecorded = {{ path = \"a.jsonl\" }}\n\
         [[candidate]]\nname = \"b\"\nlineage = \"vertical\"\nrecorded = {{ path = \"b.jsonl\" }}\n"
    );
    Files::new(&[
        ("items.jsonl", items.as_bytes()),
        ("a.jsonl", a.as_bytes()),
        ("b.jsonl", b.as_bytes()),
        ("t.toml", task.as_bytes()),
    ])
}

fn rows(ids: &[&str]) -> String {
    ids.iter().map(|id| format!("{{\"id\": \"{id}\", \"score\": 1, \"text\": \"{id}?\"}}\n")).collect()
}

#[test]
fn messages_about_recorded_answers() {
    let mut text = String::new();
    let mut say =
        |case: &str, files: Files| text.push_str(&format!("{case}\n    {}\n", files.message("t.toml")));
    let four = rows(&["1", "2", "3", "4"]);
    say("an item twice", recorded(&rows(&["1", "2", "3", "2"]), &four, &four, ""));
    say("one item", recorded(&rows(&["1"]), &rows(&["1"]), &rows(&["1"]), ""));
    say("an item without id", recorded(&format!("{four}{{\"text\": \"\"}}\n"), &four, &four, ""));
    say("an answer twice", recorded(&four, &rows(&["1", "2", "1"]), &four, ""));
    say("an answer to no item", recorded(&four, &four, &rows(&["1", "2", "3", "5"]), ""));
    say("answers to other items", recorded(&four, &four, &rows(&["1-a", "2-a"]), ""));
    say("a field that is not there", recorded(&four, &four, &four, "slice = \"topic\"\ninput = \"text\""));
    say("a field that is misspelt", recorded(&four, &four, &four, "input = \"txt\""));
    say("answers without scores", recorded(&four, &four, &four.replace("score", "points"), ""));
    say("an empty file of answers", recorded(&four, &four, "", ""));
    let live = recorded(&four, &four, &four, "");
    let task = std::fs::read_to_string(live.path("t.toml")).unwrap();
    live.write(
        "t.toml",
        task.replace("recorded = { path = \"b.jsonl\" }", "local = { model = \"m\" }").as_bytes(),
    );
    say("a candidate that is not recorded", live);
    insta::assert_snapshot!(text);
}

#[test]
fn rows_for_items_that_were_left_away_are_left_out() {
    let files = recorded(&rows(&["1", "2"]), &rows(&["1", "2", "3", "4", "5"]), &rows(&["1", "2"]), "");
    let loaded = files.load("t.toml").unwrap();
    assert_eq!(loaded.evidence.len(), 2);
    assert_eq!(loaded.notes, ["3 rows of a are for other items and are left out."]);
}

#[test]
fn a_cost_is_estimated_from_tokens_and_price() {
    let answers = "{\"id\": 1, \"score\": 1, \"input_tokens\": 42, \"output_tokens\": 47}\n\
                   {\"id\": 2, \"score\": 1, \"input_tokens\": 42, \"output_tokens\": 47, \"cost_usd\": 0.5}\n\
                   {\"id\": 3, \"score\": 0.5, \"error\": \"timeout\"}\n";
    let files = recorded(&rows(&["1", "2", "3"]), answers, &rows(&["1", "2", "3"]), "");
    let task = std::fs::read_to_string(files.path("t.toml")).unwrap();
    let price = "lineage = \"general\"\nprice = { input = 30, output = 60 }";
    files.write("t.toml", task.replace("lineage = \"general\"", price).as_bytes());
    let loaded = files.load("t.toml").unwrap();
    let answers = loaded.evidence.answers(0);
    assert!((answers.cost_usd(0).unwrap() - 0.00408).abs() < 1e-12);
    assert_eq!(answers.cost_usd(1), Some(0.5));
    // An error has no score, whatever stands beside it; nothing is known of its cost.
    assert_eq!((answers.score(2), answers.error(2), answers.cost_usd(2)), (None, Some("timeout"), None));
    assert_eq!(
        loaded.notes,
        [
            "The cost of a is estimated from token counts and list price.",
            "Some answers have an error and a score beside it: of a (1). They count as errors, and their scores are left out."
        ]
    );
}

#[test]
fn items_without_ids_are_numbered_and_patterns_name_several_files() {
    let files = recorded(
        "{\"text\": \"x\"}\n{\"text\": \"y\"}\n",
        &rows(&["1", "2"]),
        &rows(&["2", "1"]),
        "input = \"text\"",
    );
    files.write("items-2.jsonl", b"{\"text\": \"z\"}\n");
    let task = std::fs::read_to_string(files.path("t.toml")).unwrap();
    files.write("t.toml", task.replace("items.jsonl", "items*.jsonl").as_bytes());
    let loaded = files.load("t.toml").unwrap();
    let items = loaded.evidence.items();
    // Files in order of their names: "items-2" before "items".
    assert_eq!((0..3).map(|row| items.input(row).unwrap()).collect::<Vec<_>>(), ["z", "x", "y"]);
    assert_eq!(items.id(2), "3");
}
