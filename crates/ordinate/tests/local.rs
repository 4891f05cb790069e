//! Models that run in the process, from the task file to the verdict.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod support;

use std::fmt::Write as _;
use std::process::Command;

use support::{Desk, named, number, shared};

/// `ordinate run` with a cache of its own; the verdict, and what was told on the way.
fn run(desk: &Desk, task: &str) -> (serde_json::Value, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_ordinate"))
        .args(["run", task, "--json", "--out", "run"])
        .current_dir(desk.path(""))
        .env("ORDINATE_CACHE", desk.path("cache"))
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{told}");
    (serde_json::from_slice(&output.stdout).unwrap(), told)
}

fn task(kind: &str, data: &str, candidates: &[(&str, &str, &str)]) -> String {
    let mut text = format!(
        "[task]\nname = \"t\"\nkind = \"{kind}\"\n[data]\n{data}\ninput = \"text\"\ntarget = \"label\"\n[combine]\nkinds = [\"single\"]\n"
    );
    for (name, lineage, source) in candidates {
        let _ = write!(text, "[[candidate]]\nname = \"{name}\"\nlineage = \"{lineage}\"\n{source}\n");
    }
    text
}

const TWO: [(&str, &str, &str); 2] = [
    ("all", "vertical", r#"local = { model = "ngram-linear" }"#),
    ("few", "vertical", r#"local = { model = "ngram-linear", examples = 40 }"#),
];

fn quality(verdict: &serde_json::Value, name: &str) -> f64 {
    number(named(verdict, "candidates", name), "quality.mean")
}

#[test]
fn headlines() {
    let Some(data) = shared("tasks/headlines_gold") else { return };
    let data = data.display();
    let files = format!("train = \"{data}/train.jsonl\"\ntest = \"{data}/test.jsonl\"");
    let desk = Desk::new();
    desk.write("t.toml", task("classify", &files, &TWO));
    let (verdict, told) = run(&desk, "t.toml");
    // The whole train part has 4,997 labels; GPT-4-turbo has 0.856 on this test part (FrugalGPT's notebooks).
    assert!(quality(&verdict, "all") >= 0.89, "{}", quality(&verdict, "all"));
    assert!(quality(&verdict, "few") < 0.75);
    assert_eq!(verdict["outcome"], "vertical");
    assert_eq!(number(&verdict, "recommended.cost_per_1k"), 0.0);
    assert!(number(&verdict, "recommended.memory_gb") < 0.1);
    assert!(told.contains("training"), "{told}");
    let (again, told) = run(&desk, "t.toml");
    assert!(!told.contains("training") && told.contains("answers of an earlier run"), "{told}");
    assert_eq!(verdict, again);
}

/// The general encoder: told the labels, shown a few examples, and with a probe on ever more labels.
#[test]
fn the_built_in_encoder() {
    let Some(data) = shared("tasks/headlines_gold") else { return };
    let data = data.display();
    let files = format!("train = \"{data}/train.jsonl\"\ntest = \"{data}/test.jsonl\"");
    let told_labels = r#"model = "builtin", labels = { up = "the gold price rises", down = "the gold price falls", neutral = "the gold price is stable", none = "no word about the price of gold" }"#;
    let candidates = [
        ("words", "general", format!("local = {{ {told_labels} }}")),
        ("shown", "general", format!("local = {{ {told_labels}, examples = 100 }}")),
        (
            "probe-20",
            "transferred",
            r#"adapt = { from = "builtin", method = "probe", examples = 20 }"#.into(),
        ),
        (
            "probe-500",
            "transferred",
            r#"adapt = { from = "builtin", method = "probe", examples = 500 }"#.into(),
        ),
        ("probe", "transferred", r#"adapt = { from = "builtin", method = "probe" }"#.into()),
        (
            "means-20",
            "transferred",
            r#"adapt = { from = "builtin", method = "means", examples = 20 }"#.into(),
        ),
        ("means", "transferred", r#"adapt = { from = "builtin", method = "means" }"#.into()),
    ];
    let candidates: Vec<_> =
        candidates.iter().map(|(name, kind, source)| (*name, *kind, source.as_str())).collect();
    let desk = Desk::new();
    desk.write("t.toml", task("classify", &files, &candidates));
    let (verdict, told) = run(&desk, "t.toml");
    let of = |name| quality(&verdict, name);
    let all: Vec<f64> = candidates.iter().map(|(name, ..)| of(name)).collect();
    eprintln!("{all:?}");
    assert!(of("words") < of("shown") && of("shown") < of("probe"), "{all:?}");
    // One draw of 20 labels is luck: `ordinate-models/tests/builtin.rs` has the mean over draws.
    assert!(of("probe-20") > 0.4 && of("probe-500") >= 0.75 && of("probe") >= 0.83, "{all:?}");
    // Means take few labels, and know no more of many.
    assert!(of("means-20") > 0.4 && of("means-20") < of("means") && of("means") < of("probe"), "{all:?}");
    // All share one pass over the texts.
    assert_eq!(told.matches("embedding").count(), 1, "{told}");
}

/// Texts whose every word says their label, and labels that are noise.
fn rows(noise: bool) -> String {
    let mut text = String::new();
    for at in 0..300_u64 {
        let label = if noise { (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) % 2 } else { at % 2 };
        let word = if at % 2 == 0 { "sun" } else { "rain" };
        let _ = writeln!(text, r#"{{"id":"i{at}","text":"{word} number {at}","label":"l{label}"}}"#);
    }
    text
}

/// Without a test part every item is answered by a model that did not see it: what cannot be learned is not scored
/// as if it were known by heart.
#[test]
fn no_item_is_answered_by_a_model_that_saw_it() {
    for (noise, least, most) in [(false, 0.99, 1.0), (true, 0.3, 0.7)] {
        let desk = Desk::new();
        desk.write("items.jsonl", rows(noise));
        desk.write("t.toml", task("classify", "items = \"items.jsonl\"", &TWO));
        let (verdict, _) = run(&desk, "t.toml");
        let mean = quality(&verdict, "all");
        assert!((least..=most).contains(&mean), "noise {noise}: {mean}");
    }
}

#[test]
fn tags() {
    let mut text = String::new();
    for at in 0..240 {
        let (sun, rain) = (at % 2 == 0, at % 3 == 0);
        let tags: Vec<&str> =
            [("sun", sun), ("rain", rain)].iter().filter(|(_, there)| *there).map(|(tag, _)| *tag).collect();
        let _ = writeln!(
            text,
            r#"{{"id":"i{at}","text":"day {at} {}","label":"{}"}}"#,
            tags.join(" and "),
            tags.join(";")
        );
    }
    let desk = Desk::new();
    desk.write("items.jsonl", text);
    desk.write("t.toml", task("tag", "items = \"items.jsonl\"", &TWO));
    let (verdict, _) = run(&desk, "t.toml");
    assert!(quality(&verdict, "all") > 0.97, "{}", quality(&verdict, "all"));
}

#[test]
fn what_is_wrong_is_said() {
    let desk = Desk::new();
    desk.write("items.jsonl", rows(false));
    let items = "items = \"items.jsonl\"";
    let other = |source| [TWO[0], ("b", "general", source)];
    let cases = [
        ("classify", items, other(r#"local = { model = "ngram" }"#), "no model that runs here"),
        ("generate", items, TWO, "this one is generate"),
        ("classify", items, other(r#"adapt = { from = "builtin", method = "lora" }"#), "no layers to train"),
        (
            "classify",
            items,
            other(r#"adapt = { from = "builtin", method = "lorry" }"#),
            "\"lorry\" is no way",
        ),
        ("classify", "items = \"items.jsonl\"\nid = \"text\"", TWO, ""),
    ];
    for (kind, data, candidates, part) in cases {
        desk.write("t.toml", task(kind, data, &candidates));
        let ran = desk.ordinate(["run", "t.toml", "--out", "run", "-q"]);
        if part.is_empty() {
            assert_eq!(ran.status(), 0, "{}", ran.stderr());
            continue;
        }
        let message = ran.refusal();
        assert!(message.contains(part) && message.contains("t.toml"), "{message}");
    }
    // Nothing is trained for what cannot be compared, or written.
    desk.write("t.toml", task("classify", items, &TWO[..1]));
    let alone = desk.ordinate(["run", "t.toml", "--out", "alone"]).refusal();
    assert!(alone.contains("only one candidate") && !alone.contains("training"), "{alone}");
    desk.write("t.toml", task("classify", items, &TWO));
    desk.write("foreign/verdict.json", "{}");
    desk.write("foreign/precious.txt", "mine");
    let foreign = desk.ordinate(["run", "t.toml", "--out", "foreign"]).refusal();
    assert!(foreign.contains("no run wrote this") && !foreign.contains("training"), "{foreign}");
    desk.write("items.jsonl", rows(false).replace("\"l1\"", "\"l0\""));
    desk.write("t.toml", task("classify", items, &TWO));
    let message = desk.ordinate(["run", "t.toml", "--out", "run", "-q"]).refusal();
    assert!(message.contains("of 1 labels"), "{message}");
}

#[test]
fn check_trains_nothing() {
    let desk = Desk::new();
    desk.write("items.jsonl", rows(false));
    desk.write("t.toml", task("classify", "items = \"items.jsonl\"", &TWO));
    let ran = desk.ordinate(["check", "t.toml"]);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    assert!(
        ran.stdout().contains("items       300") && ran.stdout().contains("runs here"),
        "{}",
        ran.stdout()
    );
}

/// The built-in encoder knows English, and that is said where it is to read something else; n-grams read anything.
#[test]
fn another_script_is_said() {
    let desk = Desk::new();
    let candidates = [
        ("probe", "transferred", r#"adapt = { from = "builtin", method = "probe" }"#),
        ("ngram", "vertical", r#"local = { model = "ngram-linear" }"#),
    ];
    let (up, down) = (["金价今日上涨了", "期货走高", "黄金攀升"], ["金价今日下跌了", "期货走低", "黄金回落"]);
    let row = |at: usize| {
        let (label, texts) = if at.is_multiple_of(2) { ("涨", up) } else { ("跌", down) };
        let text = format!("{}，第 {at} 号合约", texts[at / 2 % 3]);
        serde_json::json!({ "text": text, "label": label }).to_string() + "\n"
    };
    desk.write("items.jsonl", (0..60).map(row).collect::<String>());
    let chinese = task("classify", "items = \"items.jsonl\"", &candidates);
    desk.write("t.toml", &chinese);
    let (verdict, _) = run(&desk, "t.toml");
    let said = "100 % of the letters of these texts are not Latin: what probe make of them";
    assert!(verdict["assumed"].to_string().contains(said), "{}", verdict["assumed"]);
    assert!((quality(&verdict, "ngram") - 1.0).abs() < 1e-9, "n-grams read Chinese");
    let checked = desk.ordinate(["check", "t.toml"]);
    assert!(checked.stdout().contains("not Latin"), "{}", checked.stdout());
    // English with a Chinese name in it is English.
    desk.write("items.jsonl", rows(false).replace("sun number", "sun number of gold 金"));
    let (verdict, _) = run(&desk, "t.toml");
    assert!(!verdict["assumed"].to_string().contains("not Latin"), "{}", verdict["assumed"]);
}

/// Candidates that run here beside one that is asked elsewhere: `check` knows both.
#[test]
fn check_of_both_kinds() {
    let desk = Desk::new();
    desk.write("items.jsonl", rows(false));
    let api = r#"openai = { model = "m", base_url = "http://127.0.0.1:9/v1", price = { input = 1.0, output = 2.0 } }"#;
    desk.write("t.toml", task("classify", "items = \"items.jsonl\"", &[TWO[0], ("api", "general", api)]));
    let ran = desk.ordinate(["check", "t.toml", "--show-prompt"]);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    for part in
        ["all (vertical), runs here", "api (general), live", "api: 300 of 300 items to ask", "sun number 0"]
    {
        assert!(ran.stdout().contains(part), "{part}: {}", ran.stdout());
    }
}
