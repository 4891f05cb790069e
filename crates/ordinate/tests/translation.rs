//! Translation through the real binary: a translation memory, figures of whole corpora, the answer that agrees most, and empty texts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod support;

use std::path::PathBuf;

use serde_json::{Value, json};
use support::{Desk, named, number, root};

const WHO: [(&str, &str); 6] = [
    ("a man", "ein Mann"),
    ("a woman", "eine Frau"),
    ("the child", "das Kind"),
    ("two dogs", "zwei Hunde"),
    ("my brother", "mein Bruder"),
    ("the old teacher", "der alte Lehrer"),
];
const DOES: [(&str, &str); 5] = [
    ("sees", "sieht"),
    ("paints", "malt"),
    ("looks for", "sucht"),
    ("carries", "trägt"),
    ("would like to buy", "möchte kaufen:"),
];
const WHAT: [(&str, &str); 7] = [
    ("the red house", "das rote Haus"),
    ("an apple", "einen Apfel"),
    ("the bicycle", "das Fahrrad"),
    ("three chairs", "drei Stühle"),
    ("a wooden boat", "ein Holzboot"),
    ("the newspaper", "die Zeitung"),
    ("a bag of flour", "einen Sack Mehl"),
];

/// One of 210 sentences, in English and in German.
fn sentence(at: usize) -> (String, String) {
    // A step that has nothing in common with 210, so that neighbours differ in all parts.
    let at = at * 97 % 210;
    let (who, does, what) = (WHO[at % 6], DOES[at / 6 % 5], WHAT[at / 30]);
    (format!("{} {} {}.", who.0, does.0, what.0), format!("{} {} {}.", who.1, does.1, what.1))
}

fn rows(from: usize, to: usize) -> String {
    let row = |at: usize| {
        let (english, german) = sentence(at);
        json!({ "id": format!("s{at}"), "input": english, "target": german }).to_string()
    };
    (from..to).map(row).collect::<Vec<_>>().join("\n")
}

fn task(desk: &Desk, data: &str, candidates: &[(&str, &str, &str)]) -> PathBuf {
    let mut text =
        format!("[task]\nname = \"t\"\nkind = \"translate\"\n{data}\n[statistics]\nresamples = 200\n");
    for (name, lineage, how) in candidates {
        text += &format!("[[candidate]]\nname = \"{name}\"\nlineage = \"{lineage}\"\n{how}\n");
    }
    desk.write("task.toml", text)
}

const MEMORY: (&str, &str, &str) = ("memory", "vertical", "local = { model = \"translation-memory\" }");

fn quality(verdict: &Value, list: &str, name: &str) -> f64 {
    number(named(verdict, list, name), "quality.mean")
}

#[test]
fn a_memory_is_measured_hosted_and_asked() {
    let desk = Desk::new();
    desk.write("train.jsonl", rows(0, 120));
    desk.write("test.jsonl", rows(120, 160));
    let data = "[data]\ntrain = \"train.jsonl\"\ntest = \"test.jsonl\"";
    let few = ("few", "vertical", "local = { model = \"translation-memory\", examples = 10 }");
    let verdict = desk.verdict(&task(&desk, data, &[MEMORY, few]), &[]);
    let (all, some) = (quality(&verdict, "candidates", "memory"), quality(&verdict, "candidates", "few"));
    assert!(all > some + 0.1 && all > 0.5 && all < 1.0, "{all} {some}");
    // Hosting, a learning curve, and figures of the field came along.
    let hosted = named(&verdict, "deployment", "memory");
    assert!(hosted["latency_ms"]["p50"].as_f64().unwrap() > 0.0 && hosted["parameters"] == 0);
    let curve = named_curve(&verdict, "memory");
    let points = curve["points"].as_array().unwrap();
    assert!(points.len() >= 3, "{curve}");
    assert!(verdict["assumed"].to_string().contains("memory BLEU "), "{}", verdict["assumed"]);
    // What was measured is what is asked.
    let ask = |input: &str| -> Value {
        let ran = desk.ordinate(["ask", "run", input, "--policy", "memory", "--json"]);
        assert_eq!(ran.status(), 0, "{}", ran.stderr());
        serde_json::from_str(&ran.stdout()).unwrap()
    };
    let (english, german) = sentence(7);
    assert_eq!(ask(&english)["answer"], german.as_str());
    assert_eq!(ask("Жщъ")["answer"], "", "where nothing is alike there is no translation");
}

fn named_curve<'a>(verdict: &'a Value, name: &str) -> &'a Value {
    let curves = verdict["data_needs"].as_array().unwrap();
    curves.iter().find(|curve| curve["candidate"] == name).unwrap()
}

/// Of one file every sentence is there once: whoever had seen it would be right throughout.
#[test]
fn no_sentence_is_answered_by_a_memory_that_holds_it() {
    let desk = Desk::new();
    desk.write("items.jsonl", rows(0, 150));
    let few = ("few", "vertical", "local = { model = \"translation-memory\", examples = 10 }");
    let verdict = desk.verdict(&task(&desk, "[data]\nitems = \"items.jsonl\"", &[MEMORY, few]), &[]);
    let found = quality(&verdict, "candidates", "memory");
    assert!(found > 0.4 && found < 0.95, "{found}");
}

/// The figures are those of `sacrebleu -m bleu chrf ter` on the same lines (2.6.0: sacrebleu right.txt -i said.txt -m bleu chrf ter -w 4,
/// and --chrf-word-order 2).
#[test]
fn figures_of_a_corpus_are_those_of_sacrebleu() {
    let desk = Desk::new();
    desk.write("items.jsonl", rows(0, 30));
    let said: Vec<String> = (0..30)
        .map(|at| {
            let output = sentence(at).1.replace("das ", "dies ").replace("einen Apfel", "Apfel einen");
            json!({ "id": format!("s{at}"), "output": output }).to_string()
        })
        .collect();
    desk.write("said.jsonl", said.join("\n"));
    let said = ("said", "general", "recorded = { path = \"said.jsonl\" }");
    let verdict = desk.verdict(&task(&desk, "[data]\nitems = \"items.jsonl\"", &[said]), &[]);
    let told = verdict["assumed"].to_string();
    let figures = "said BLEU 72.69, chrF2 90.09, chrF2++ 89.01, TER 13.61.";
    assert!(told.contains(figures), "{told}");
    assert!(told.contains("BLEU nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0"), "{told}");
    assert!(
        told.contains("TER nrefs:1|case:lc|tok:tercom|norm:no|punct:yes|asian:no|version:2.6.0"),
        "{told}"
    );
}

/// Three translators, each of which spoils other sentences: the translation that is most like the others is the best (minimum Bayes
/// risk over chrF), and one that says the same as none of them is not taken.
#[test]
fn the_translation_that_agrees_most_is_the_best() {
    let desk = Desk::new();
    desk.write("items.jsonl", rows(0, 200));
    let spoiled = |at: usize, by: usize| {
        let german = sentence(at).1;
        match at % 3 == by {
            // Another sentence altogether, or words in another order.
            true if at.is_multiple_of(2) => sentence(at + 50 + by).1,
            true => german.split(' ').rev().collect::<Vec<_>>().join(" "),
            false => german.replace('.', ["", ".", "!"][by]),
        }
    };
    for by in 0..3 {
        let rows: Vec<String> = (0..200)
            .map(|at| {
                json!({ "id": format!("s{at}"), "output": spoiled(at, by), "cost_usd": 0.001 }).to_string()
            })
            .collect();
        desk.write(&format!("{by}.jsonl"), rows.join("\n"));
    }
    let recorded = |by: usize| format!("recorded = {{ path = \"{by}.jsonl\" }}");
    let recorded: Vec<String> = (0..3).map(recorded).collect();
    let candidates = [
        ("a", "general", recorded[0].as_str()),
        ("b", "general", recorded[1].as_str()),
        ("c", "vertical", recorded[2].as_str()),
    ];
    let verdict = desk.verdict(&task(&desk, "[data]\nitems = \"items.jsonl\"", &candidates), &[]);
    let best =
        ["a", "b", "c"].map(|name| quality(&verdict, "candidates", name)).into_iter().fold(0.0, f64::max);
    let vote = quality(&verdict, "policies", "vote");
    assert!(vote > best + 0.1 && vote > 0.9, "{vote} {best}");
    // The file of the policy says how texts are compared, and decides alike when it is asked.
    let policy = std::fs::read_to_string(desk.path("run/policies/vote.json")).unwrap();
    assert!(policy.contains("\"chrf\":true"), "{policy}");
}

/// An empty output is an answer that scores 0; an empty target is none; a list of right answers has a first.
#[test]
fn empty_texts_have_outcomes() {
    let desk = Desk::new();
    let mut items: Vec<String> = rows(0, 40).lines().map(str::to_owned).collect();
    items.push(json!({ "id": "none", "input": "a bird", "target": "" }).to_string());
    items.push(
        json!({ "id": "list", "input": "a grey bird", "target": ["ein Vogel", "ein grauer Vogel"] })
            .to_string(),
    );
    desk.write("items.jsonl", items.join("\n"));
    for metric in ["chrf", "bleu", "ter"] {
        let said: Vec<String> = (0..40)
            .map(|at| json!({ "id": format!("s{at}"), "output": "" }).to_string())
            .chain([json!({ "id": "list", "output": "ein grauer Vogel" }).to_string()])
            .collect();
        desk.write("said.jsonl", said.join("\n"));
        let said = ("said", "general", "recorded = { path = \"said.jsonl\" }");
        let path = task(&desk, "[data]\nitems = \"items.jsonl\"", &[MEMORY, said]);
        let text = std::fs::read_to_string(&path).unwrap();
        desk.write(
            "task.toml",
            text.replace("\"translate\"", &format!("\"translate\"\nmetric = \"{metric}\"")),
        );
        let verdict = desk.verdict(&path, &[]);
        let found = quality(&verdict, "candidates", "said");
        assert!((found - 1.0 / 41.0).abs() < 1e-9, "{metric} {found} {}", verdict["basis"]);
        assert_eq!(named(&verdict, "candidates", "said")["errors"], 0);
    }
}

#[test]
fn a_memory_is_for_free_texts_and_needs_pairs() {
    let desk = Desk::new();
    desk.write("items.jsonl", rows(0, 40));
    let path = task(&desk, "[data]\nitems = \"items.jsonl\"", &[MEMORY]);
    let text = std::fs::read_to_string(&path).unwrap();
    desk.write("task.toml", text.replace("memory\" }", "memory\", template = \"x\" }"));
    let ran = desk.ordinate(["check", path.to_str().unwrap()]);
    let says = "template means nothing to a translation memory";
    assert!(ran.status() == 2 && ran.stderr().contains(says), "{}", ran.stderr());
    desk.write("task.toml", text.replace("\"translate\"", "\"classify\""));
    let ran = desk.ordinate(["check", path.to_str().unwrap()]);
    let says = "a translation memory answers tasks of kind generate and translate, and this one is classify";
    assert!(ran.status() == 2 && ran.stderr().contains(says), "{}", ran.stderr());
}

/// The figures of `examples/translation/README.md`.
/// The folder of a tiny translator (`make_marian.py`), as the hub has it.
fn translator(desk: &Desk) -> String {
    let golden = root().join("crates/ordinate-models/tests/golden");
    let said: Value =
        serde_json::from_str(&std::fs::read_to_string(golden.join("marian.json")).unwrap()).unwrap();
    let case = &said["cases"][0];
    for name in ["model.safetensors", "source.spm", "target.spm", "vocab.json"] {
        desk.write(&format!("marian/{name}"), std::fs::read(golden.join("marian").join(name)).unwrap());
    }
    desk.write("marian/config.json", case["config"].to_string());
    desk.write("marian/generation_config.json", case["generation"].to_string());
    desk.path("marian").to_str().unwrap().to_owned()
}

/// The longest translation is what the files of a translator say, and what the task file says goes before it: in the run, and asked again.
#[test]
fn the_task_file_says_how_much_a_translator_writes() {
    let desk = Desk::new();
    let folder = translator(&desk);
    let texts = ["the cat sits on the mat", "a dog runs in the garden", "the birds sing in the green tree"];
    let rows: String = (0..12)
        .map(|at| {
            let text =
                format!("{} and {}", texts[at % 3], ["a cat", "two dogs", "a bird", "the dog"][at / 3]);
            json!({ "id": format!("s{at}"), "input": text, "target": "die Katze sitzt" }).to_string() + "\n"
        })
        .collect();
    desk.write("items.jsonl", rows);
    let whole = format!("local = {{ model = {folder:?} }}");
    let short = format!("local = {{ model = {folder:?}, max_tokens = 3 }}");
    let candidates = [("whole", "vertical", whole.as_str()), ("short", "vertical", short.as_str())];
    let data = "[data]\nitems = \"items.jsonl\"\n[combine]\nkinds = [\"single\"]";
    desk.verdict(&task(&desk, data, &candidates), &[]);
    let words = |name: &str| -> Vec<String> {
        let ran = desk.ordinate(["ask", "run", "--items", "items.jsonl", "--policy", name]);
        assert_eq!(ran.status(), 0, "{}", ran.stderr());
        let answer =
            |line: &str| serde_json::from_str::<Value>(line).unwrap()["answer"].as_str().unwrap().to_owned();
        ran.stdout().lines().map(answer).collect()
    };
    let (whole, short) = (words("whole"), words("short"));
    assert!(whole.iter().zip(&short).all(|(whole, short)| short.len() < whole.len()), "{whole:?} {short:?}");
    // What was asked again is what was measured.
    assert_eq!(desk.ordinate(["export", "run", "--to", "tables"]).status(), 0);
    let table = std::fs::read_to_string(desk.path("tables/answers.csv")).unwrap();
    assert!(short.iter().chain(&whole).all(|text| table.contains(text.as_str())), "{table}");
    let none = format!("local = {{ model = {folder:?}, max_tokens = 0 }}");
    let path = task(&desk, data, &[candidates[0], ("none", "vertical", none.as_str())]);
    let said = desk.ordinate(["check", path.to_str().unwrap()]).refusal();
    assert!(said.contains("max_tokens is 0, and nothing would be written"), "{said}");
}

#[test]
fn the_example_runs() {
    let desk = Desk::new();
    let path = root().join("examples/translation/ordinate.toml");
    let verdict = desk.verdict(&path, &[]);
    eprintln!("{} {}", verdict["outcome"], verdict["recommended"]["name"]);
    for name in ["memory", "memory-100", "glossary"] {
        eprintln!("{name} {}", named(&verdict, "candidates", name)["quality"]);
    }
    eprintln!("{}", verdict["assumed"]);
    assert!(quality(&verdict, "candidates", "memory") > quality(&verdict, "candidates", "glossary"));
}
