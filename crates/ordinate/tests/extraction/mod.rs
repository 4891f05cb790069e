//! Questions about passages: a head for spans that is trained, and one that was published, through the real binary.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::served::Served;
use super::support::{Desk, named, number};
use super::{PARTS, tiny_encoder};

/// Each question asks for another kind of word, of which the passage has one, somewhere.
fn row(at: usize) -> Value {
    let (kind, turn) = (at % 3, at * 7 + at / 3);
    let mut words: Vec<String> = (0..9).map(|place| format!("w{}", 14 + (turn + place * 5) % 6)).collect();
    let answer = format!("w{}", 20 + 5 * kind + (turn + kind) % 5);
    words[3 * ((kind + turn) % 3) + turn % 3].clone_from(&answer);
    let question = ["w5", "w9", "w13"][kind];
    json!({"id": format!("q{at}"), "question": question, "passage": words.join(" "), "answers": [answer]})
}

fn rows(from: usize, to: usize) -> Vec<Value> {
    (from..to).map(row).collect()
}

fn write(desk: &Desk, name: &str, rows: &[Value]) {
    desk.write(name, rows.iter().map(Value::to_string).collect::<Vec<_>>().join("\n"));
}

/// These, and the first sentence.
fn candidates(of: &[(&str, &str)]) -> String {
    of.iter().chain(&[("lead", "local = { model = \"lead-1\" }")]).fold(
        String::new(),
        |mut text, (name, how)| {
            let _ = writeln!(text, "[[candidate]]\nname = \"{name}\"\nlineage = \"transferred\"\n{how}");
            text
        },
    )
}

const HEAD: &str = "[task]\nname = \"spans\"\nkind = \"extract\"\n[combine]\nkinds = [\"single\"]\n[statistics]\nresamples = 200\n";
const FIELDS: &str = "input = \"question\"\ntarget = \"answers\"\ncontext = \"passage\"";

fn task(desk: &Desk, data: &str, further: &str, of: &[(&str, &str)]) {
    desk.write("t.toml", format!("{HEAD}[data]\n{data}\n{FIELDS}\n{further}\n{}", candidates(of)));
}

fn desk() -> Desk {
    let desk = Desk::new();
    std::fs::create_dir(desk.path("model")).unwrap();
    tiny_encoder::save_untrained(&tiny_encoder::golden()["cases"][0], &desk.path("model"));
    write(&desk, "train.jsonl", &rows(0, 300));
    write(&desk, "test.jsonl", &rows(300, 400));
    desk
}

const FULL: (&str, &str) = ("full", "adapt = { from = \"model\", method = \"full\", epochs = 20 }");

#[test]
fn spans_are_learned_saved_asked_and_served() {
    let desk = desk();
    let lora = ("lora", "adapt = { from = \"model\", method = \"lora\", epochs = 20 }");
    task(&desk, PARTS, "", &[FULL, lora]);
    let checked = desk.ordinate(["check", "t.toml"]);
    assert!(checked.stdout().contains("full (transferred), runs here, trained once"), "{}", checked.stdout());
    let ran = desk.ordinate(["run", "t.toml", "--json", "--out", "run"]);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    let verdict: Value = serde_json::from_str(&ran.stdout()).unwrap();
    let quality = |verdict: &Value, name: &str| number(named(verdict, "candidates", name), "quality.mean");
    assert!(quality(&verdict, "full") > 0.9 && quality(&verdict, "lora") > 0.9, "{}", verdict["candidates"]);
    assert!(quality(&verdict, "lead") < 0.3);
    assert!(number(named(&verdict, "deployment", "full"), "per_second") > 0.0);
    for file in ["full/model.safetensors", "full/training.json", "lora/adapter_config.json"] {
        assert!(desk.path("run/models").join(file).is_file(), "{file}");
    }
    // What was trained is one that was published, and as good for others.
    let again = [
        ("full", "local = { model = \"run/models/full\" }"),
        ("lora", "local = { model = \"run/models/lora\" }"),
    ];
    task(&desk, PARTS, "", &again);
    let ran = desk.ordinate(["run", "t.toml", "--json", "--out", "second"]);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    let second: Value = serde_json::from_str(&ran.stdout()).unwrap();
    for name in ["full", "lora"] {
        assert!((quality(&verdict, name) - quality(&second, name)).abs() < 1e-9, "{name}");
    }
    let inspected = desk.ordinate(["models", "inspect", "run/models/full"]);
    assert!(inspected.stdout().contains("extractor"), "{}", inspected.stdout());
    // The run folder answers by itself, items with a passage.
    let asked = row(401);
    let server = Served::start(&desk, &["run", "--policy", "full"]);
    let item = json!({"question": asked["question"], "passage": asked["passage"]});
    let answer = server.post("/v1/tasks/spans/answer", &item).json();
    assert_eq!(answer["answer"], asked["answers"][0], "{answer}");
    // Without a passage there is nothing to look in, and no other may stand in for what was not asked.
    let bare = server.post("/v1/tasks/spans/answer", &json!({"question": "w5"}));
    assert_eq!(bare.error(), (400, "invalid_value".to_owned()), "{}", bare.body);
    assert!(bare.body.contains("there is no passage, and full looks for its answer in one"), "{}", bare.body);
}

/// Trained on parts of the labels it has a learning curve, where that is asked for.
#[test]
fn spans_have_a_curve() {
    let desk = desk();
    write(&desk, "train.jsonl", &rows(0, 60));
    let quick = ("full", "adapt = { from = \"model\", method = \"full\", epochs = 1 }");
    task(&desk, PARTS, "[data_needs]\nmeasure = \"all\"\ndraws = 1\n", &[quick]);
    let verdict = desk.verdict(&desk.path("t.toml"), &[]);
    assert!(verdict["data_needs"].to_string().contains("\"full\""), "{}", verdict["data_needs"]);
}

#[test]
fn what_is_wrong_with_questions_is_said() {
    let desk = desk();
    let refused = |part: &str| {
        for command in [&["check", "t.toml"][..], &["run", "t.toml", "--out", "bad"]] {
            let ran = desk.ordinate(command);
            if command[0] == "run" || ran.status() != 0 {
                assert!(ran.status() == 2 && ran.stderr().contains(part), "{part}: {}", ran.stderr());
            }
        }
    };
    // No passage, an empty one, no question.
    let with = |key: &str, value: Value| {
        let mut rows = rows(300, 400);
        rows[4][key] = value;
        write(&desk, "test.jsonl", &rows);
    };
    task(&desk, PARTS, "", &[FULL]);
    for empty in [Value::Null, json!(""), json!(" \n")] {
        with("passage", empty);
        refused("item \"q304\" has no passage to look for the answer in");
    }
    with("question", Value::Null);
    refused("item \"q304\" has no input");
    write(&desk, "test.jsonl", &rows(300, 400));
    // What does not go with the kind.
    for (how, part) in [
        ("adapt = { from = \"builtin\", method = \"auto\" }", "name an encoder in a folder or on the hub"),
        (
            "adapt = { from = \"model\", method = \"probe\" }",
            "a probe answers tasks of kind classify, tag and regress",
        ),
        ("local = { model = \"ngram-linear\" }", "and this one is extract"),
    ] {
        task(&desk, PARTS, "", &[("bad", how)]);
        refused(part);
    }
    // Answers that are not in their passages: some are left out, and all of them are too many.
    let odd = |every: usize| {
        let odd = |(at, mut row): (usize, Value)| {
            if at % every == 0 {
                row["answers"] = json!(["w39 w38"]);
            }
            row
        };
        let rows: Vec<Value> = rows(0, 300).into_iter().enumerate().map(odd).collect();
        write(&desk, "train.jsonl", &rows);
    };
    let quick = ("full", "adapt = { from = \"model\", method = \"full\", epochs = 1 }");
    task(&desk, PARTS, "", &[quick]);
    odd(50);
    let ran = desk.ordinate(["run", "t.toml", "--out", "run"]);
    let told = ran.stderr();
    assert!(ran.status() == 0 && told.contains("6 of 300 train items are not learned from"), "{told}");
    odd(1);
    let ran = desk.ordinate(["run", "t.toml", "--out", "none"]);
    assert!(
        ran.status() != 0 && ran.stderr().contains("no train item can be learned from"),
        "{}",
        ran.stderr()
    );
    // A published one answers nothing else.
    let golden = tiny_encoder::spans();
    std::fs::create_dir(desk.path("published")).unwrap();
    tiny_encoder::save(&golden["cases"][0], &desk.path("published"));
    task(&desk, PARTS, "", &[("published", "local = { model = \"published\", labels = { a = \"b\" } }")]);
    refused("labels means nothing to a model that finds answers in passages");
    desk.write(
        "t.toml",
        "[task]\nname = \"t\"\nkind = \"classify\"\n[data]\nitems = \"train.jsonl\"\ninput = \"question\"\ntarget = \"id\"\n\
         [[candidate]]\nname = \"published\"\nlineage = \"vertical\"\nlocal = { model = \"published\" }\n\
         [[candidate]]\nname = \"grams\"\nlineage = \"vertical\"\nlocal = { model = \"ngram-linear\" }\n",
    );
    refused("a model that finds answers in passages answers tasks of kind extract, and this one is classify");
}

/// Where targets have it that nothing answers, a published model may say so, and an empty answer is one.
#[test]
fn nothing_answers_where_targets_say_so() {
    let desk = desk();
    std::fs::create_dir(desk.path("published")).unwrap();
    tiny_encoder::save(&tiny_encoder::spans()["cases"][0], &desk.path("published"));
    // By the golden values it answers w30 there, and where nothing may answer, nothing.
    let with = |answers: Value| {
        let row = |at| json!({"id": at, "question": "w5 w9", "passage": "w7 w8 w9 w10 w11 w12 w30", "answers": answers});
        write(&desk, "test.jsonl", &(0..20).map(row).collect::<Vec<Value>>());
        task(&desk, "items = \"test.jsonl\"", "", &[("published", "local = { model = \"published\" }")]);
        let verdict = desk.verdict(&desk.path("t.toml"), &[]);
        let published = named(&verdict, "candidates", "published");
        assert_eq!(published["errors"], 0);
        number(published, "quality.mean")
    };
    assert_eq!([with(json!(["w30"])), with(json!([]))], [1.0, 1.0]);
}
