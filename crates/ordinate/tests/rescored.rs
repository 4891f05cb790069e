//! `--rescore` where a part of the candidates was trained here, and where some were stopped early.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

#[path = "support/small.rs"]
mod small;
mod support;

use small::task;
use support::Desk;

/// Says "up" of everything and counts what it was asked.
const PROGRAM: &str = "import sys\nfor line in sys.stdin:\n    open('asked', 'a').write('x')\n    print('{\"output\": \"It is up.\"}', flush=True)\n";

fn asked(desk: &Desk) -> usize {
    std::fs::read(desk.path("asked")).unwrap_or_default().len()
}

fn write(desk: &Desk, further: &str, version: &str) -> String {
    desk.write("program.py", PROGRAM);
    let program = format!("command = {{ run = [\"python3\", \"program.py\"]{version} }}");
    let candidates = [
        ("n-grams", "vertical", "local = { model = \"ngram-linear\" }"),
        ("probe", "transferred", "adapt = { from = \"builtin\", method = \"probe\" }"),
        ("program", "general", program.as_str()),
    ];
    task(desk, 60, further, &candidates).to_str().unwrap().to_owned()
}

#[test]
fn answers_of_trained_candidates_are_read_anew() {
    let desk = Desk::new();
    let path = write(&desk, "", "");
    desk.verdict(path.as_ref(), &[]);
    // What they learned is not needed for it.
    std::fs::remove_dir_all(desk.path("cache")).unwrap();
    let ran = desk.ordinate(["run", &path, "--out", "run", "--rescore"]);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    for name in ["n-grams", "probe", "program"] {
        assert!(
            ran.stderr().contains(&format!("{name}: 0 of 60 answers read otherwise")),
            "{}",
            ran.stderr()
        );
    }
    assert_eq!(asked(&desk), 60);
    // Another model of the same name is not taken for it.
    let text = std::fs::read_to_string(&path).unwrap();
    desk.write("task.toml", text.replace("\"ngram-linear\" }", "\"ngram-linear\", examples = 20 }"));
    let message = desk.ordinate(["run", &path, "--out", "run", "--rescore"]).refusal();
    assert!(message.contains("60 of 60 answers of n-grams are not in answers.sqlite"), "{message}");
}

#[test]
fn who_was_stopped_early_is_held_to_its_own_answers() {
    let desk = Desk::new();
    desk.write(
        "program.py",
        PROGRAM
            .replace("up", "down")
            .replace("    print", "    time.sleep(0.01)\n    print")
            .replace("import sys", "import sys, time"),
    );
    // Whoever is beaten is beaten by one that is asked too: this one knows the labels by the ids.
    desk.write(
        "right.py",
        "import json, sys\nfor line in sys.stdin:\n    at = int(json.loads(line)['id'][1:])\n    print(json.dumps({'output': ['up', 'down'][at % 2]}), flush=True)\n",
    );
    let write = |version: &str| {
        let program = format!("command = {{ run = [\"python3\", \"program.py\"]{version} }}");
        let candidates = [
            ("right", "vertical", "command = { run = [\"python3\", \"right.py\"] }"),
            ("program", "general", program.as_str()),
            ("n-grams", "vertical", "local = { model = \"ngram-linear\" }"),
        ];
        task(&desk, 200, "[measure]\nstop_early = true", &candidates).to_str().unwrap().to_owned()
    };
    let path = write("");
    let verdict = desk.verdict(path.as_ref(), &[]);
    let stopped = support::named(&verdict, "measured", "program")["answered"].as_u64().unwrap();
    assert!(stopped < 200, "{stopped}");
    let asked_once = asked(&desk);
    let ran = desk.ordinate(["run", &path, "--out", "run", "--rescore"]);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    let before = support::number(support::named(&verdict, "candidates", "program"), "quality.mean");
    let line = format!("program: 0 of {stopped} answers read otherwise; quality {before:.3} -> {before:.3}");
    assert!(ran.stderr().contains(&line), "{line}: {}", ran.stderr());
    assert_eq!(asked(&desk), asked_once);
    // Of another version there is no answer at all: the verdict stays.
    let other = write(", version = \"2\"");
    let kept = small::files(&desk.path("run"));
    let message = desk.ordinate(["run", &other, "--out", "run", "--rescore"]).refusal();
    assert!(message.contains("200 of 200 answers of program are not in answers.sqlite"), "{message}");
    assert_eq!(small::files(&desk.path("run")), kept);
}
