//! JSON that is one object, or one array.

use super::*;

#[test]
fn json_with_its_rows_within_is_refused_in_words() {
    let row = |at: usize| format!("{{\"text\": \"t{at}\", \"label\": \"{}\"}}", ["x", "y"][at % 2]);
    let rows = (0..ITEMS).map(row).collect::<Vec<_>>().join(", ");
    for (text, says) in [
        (format!("{{\"version\": 1, \"data\": [{rows}]}}"), "in the field \"data\""),
        (format!("{{\n  \"data\": [{rows}]\n}}"), "jq -c"),
        // By model, and by id.
        (
            r#"{"gpt": {"q1": {"said": "A"}, "q2": {"said": "B"}}, "bert": {"q1": {"said": "B"}}}"#
                .to_owned(),
            "\"gpt\"",
        ),
    ] {
        let files = Files::new(&[("d.json", text.as_bytes())]);
        let error = infer_task(&files.path("d.json")).unwrap_err().to_string();
        assert!(
            error.contains("is one JSON object, with its rows within") && error.contains(says),
            "{error}"
        );
    }
    for columns in [
        r#"{"text": {"0": "a", "1": "b"}, "label": {"0": "x", "1": "y"}}"#,
        r#"{"text": ["a", "b"], "label": ["x", "y"]}"#,
    ] {
        let files = Files::new(&[("d.json", columns.as_bytes())]);
        let error = infer_task(&files.path("d.json")).unwrap_err().to_string();
        assert!(error.contains("a column in each field") && error.contains("orient=\"records\""), "{error}");
    }
    // A row may hold a list of objects, and one row is no reason to refuse it.
    let files = Files::new(&[(
        "d.jsonl",
        br#"{"text": "a", "spans": [{"at": 1}, {"at": 2}]}
{"text": "b", "spans": []}"#,
    )]);
    assert!(
        !infer_task(&files.path("d.jsonl")).is_err_and(|error| error.to_string().contains("rows within"))
    );
}

#[test]
fn json_that_is_one_array() {
    let rows = (0..ITEMS).map(|at| {
        format!("  {{\n    \"id\": \"q{at}\",\n    \"candidate\": \"a\", \"score\": 1, \"output\": \"[{{,\\\"]\"\n  }},\n  {{\"id\": \"q{at}\", \"candidate\": \"b\", \"score\": 0}}")
    });
    let text = format!("[\n{}\n]\n", rows.collect::<Vec<_>>().join(",\n"));
    for name in ["s.json", "s.jsonl"] {
        let files =
            Files::new(&[(name, text.as_bytes()), ("t.toml", table_task(name, &["a", "b"]).as_bytes())]);
        let loaded = files.load("t.toml").unwrap();
        assert_eq!((loaded.evidence.len(), mean(&loaded, 0), mean(&loaded, 1)), (ITEMS, 1.0, 0.0));
        assert_eq!(loaded.evidence.answers(0).output(0), Some("[{,\"]"));
    }
    for (text, expected) in [
        ("[{\"id\": 1, \"candidate\": \"a\", \"score\": 1},\n{\"id\": 1,\n\"candidate\": b}]", "s.json:3:14"),
        ("[{\"id\": 1, \"candidate\": \"a\", \"score\": 1}", "the array does not end"),
        ("[{\"id\": 1, \"candidate\": \"a\", \"score\": 1}] x", "something after the array"),
        ("[1, 2]", "not a JSON object"),
    ] {
        let files = Files::new(&[
            ("s.json", text.as_bytes()),
            ("t.toml", table_task("s.json", &["a", "b"]).as_bytes()),
        ]);
        let message = files.message("t.toml");
        assert!(message.contains(expected), "{text}: {message}");
    }
}
