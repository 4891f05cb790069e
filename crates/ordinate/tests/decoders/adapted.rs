//! Decoders that are adapted to a task.

use super::*;

/// A desk with a tiny decoder of words in a folder, items that say their answer by a word, and a task that it is asked as it is
/// and adapted.
pub(super) fn adapted(kind: &str, answers: [&str; 3], settings: &str) -> Desk {
    let desk = Desk::new();
    let row = &tiny::rows("decoders.json")[0];
    desk.write("model/config.json", row["config"].to_string());
    desk.write("model/model.safetensors", tiny::safetensors(&tiny::shapes(row)));
    desk.write("model/tokenizer.json", tiny::words());
    let rows = |places: std::ops::Range<usize>| {
        places.fold(String::new(), |mut text, at| {
            let (word, answer) = ([5, 9, 13][at % 3], answers[at % 3]);
            let options =
                if kind == "choose" { r#""options":{"w30":"red","w31":"blue","w33":"green"},"# } else { "" };
            let other = 14 + at * 7 % 11;
            let _ =
                writeln!(text, r#"{{"id":"i{at}","text":"w{word} w{other}",{options}"label":"{answer}"}}"#);
            text
        })
    };
    desk.write("train.jsonl", rows(0..120));
    desk.write("test.jsonl", rows(120..180));
    desk.write(
        "t.toml",
        format!(
            "[task]\nname = \"t\"\nkind = \"{kind}\"\n[data]\ntrain = \"train.jsonl\"\ntest = \"test.jsonl\"\ninput = \"text\"\n\
             target = \"label\"\n[prompt]\ntemplate = \"{{{{ input }}}} w80\"\n[combine]\nkinds = [\"single\"]\n\
             [[candidate]]\nname = \"plain\"\nlineage = \"general\"\nlocal = {{ model = \"model\" }}\n\
             [[candidate]]\nname = \"tuned\"\nlineage = \"transferred\"\nadapt = {{ from = \"model\", method = \"lora\"{settings} }}\n"
        ),
    );
    desk
}

/// As it is, a decoder with random weights guesses; adapted, it knows. What was made is a candidate for others, and the run
/// folder answers by itself.
#[test]
fn a_decoder_that_is_adapted_chooses() {
    for (kind, answers) in [("classify", ["w30", "w31 w32", "w31"]), ("choose", ["red", "blue", "green"])] {
        let desk = adapted(kind, answers, ", epochs = 6, batch_size = 8");
        let checked = desk.ordinate(["check", "t.toml"]);
        assert!(
            checked.stdout().contains("tuned (transferred), runs here, trained once"),
            "{}",
            checked.stdout()
        );
        let verdict = desk.verdict(&desk.path("t.toml"), &[]);
        let of = |name: &str| number(named(&verdict, "candidates", name), "quality.mean");
        assert!(of("tuned") > 0.95 && of("plain") < 0.8, "{kind}: {} {}", of("tuned"), of("plain"));
        assert!(
            verdict["assumed"].to_string().contains("tuned was trained (lora) on 108 items"),
            "{}",
            verdict["assumed"]
        );
        let card = std::fs::read_to_string(desk.path("run/models/tuned/README.md")).unwrap();
        assert!(card.contains("library_name: peft\npipeline_tag: text-generation"), "{card}");
        assert!(card.contains("AutoModelForCausalLM.from_pretrained"), "{card}");
        let config = std::fs::read_to_string(desk.path("run/models/tuned/adapter_config.json")).unwrap();
        let config: Value = serde_json::from_str(&config).unwrap();
        assert_eq!(
            (config["task_type"].as_str(), config["peft_type"].as_str()),
            (Some("CAUSAL_LM"), Some("LORA"))
        );
        let mut task = std::fs::read_to_string(desk.path("t.toml")).unwrap();
        task += "[[candidate]]\nname = \"again\"\nlineage = \"vertical\"\nlocal = { model = \"run/models/tuned\" }\n";
        desk.write("again.toml", task);
        let again = desk.ordinate(["run", "again.toml", "--json", "--out", "second"]);
        assert_eq!(again.status(), 0, "{}", again.stderr());
        assert!(again.stderr().contains("tuned: answers of an earlier run"), "{}", again.stderr());
        let second: Value = serde_json::from_str(&again.stdout()).unwrap();
        let of = |name: &str| number(named(&second, "candidates", name), "quality.mean");
        assert!((of("tuned") - of("again")).abs() < 1e-12);
        let inspected = desk.ordinate(["models", "inspect", "run/models/tuned"]);
        assert!(inspected.stdout().contains("decoder"), "{} {}", inspected.stdout(), inspected.stderr());
        if kind == "classify" {
            let asked = desk.ordinate(["ask", "run", "w9 w20", "--json"]);
            assert!(
                asked.status() == 0 && asked.stdout().contains("\"w31 w32\""),
                "{} {}",
                asked.stdout(),
                asked.stderr()
            );
        }
    }
}

/// What it writes ends where the answers that it learned from end; as it is, it writes until it is cut.
#[test]
fn a_decoder_that_is_adapted_writes() {
    let desk = adapted("generate", ["w40 w41 w42", "w43", "w44 w40"], ", epochs = 8, batch_size = 8");
    // One does not fit into its 128 tokens.
    let train = std::fs::read_to_string(desk.path("train.jsonl")).unwrap();
    desk.write(
        "train.jsonl",
        train + &format!("{{\"id\":\"long\",\"text\":\"{}\",\"label\":\"w40\"}}\n", "w5 ".repeat(140)),
    );
    let ran = desk.ordinate(["run", "t.toml", "--json", "--out", "run"]);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    let left = "tuned: 1 of 121 train items are not learned from: a text of 141 tokens does not fit";
    assert!(ran.stderr().contains(left), "{}", ran.stderr());
    let verdict: Value = serde_json::from_str(&ran.stdout()).unwrap();
    let of = |name: &str| named(&verdict, "candidates", name);
    let (plain, tuned) = (of("plain"), of("tuned"));
    assert!(number(tuned, "quality.mean") > 0.9 && number(plain, "quality.mean") < 0.3, "{plain} {tuned}");
    assert_eq!(tuned["errors"].as_u64(), Some(0), "{tuned}");
    let asked = desk.ordinate(["ask", "run", "w9 w20", "--json"]);
    assert!(
        asked.status() == 0 && asked.stdout().contains("\"w43\""),
        "{} {}",
        asked.stdout(),
        asked.stderr()
    );
}

/// Killed in the midst of training, and run again: the updates of a run that was not killed.
#[test]
fn an_adaptation_goes_on_where_it_was_killed() {
    let desk = || adapted("classify", ["w30", "w31 w32", "w31"], ", epochs = 20, batch_size = 4");
    goes_on::as_if_not_killed(desk, "run/models/tuned/adapter_model.safetensors");
}

/// Kinds that a decoder is not adapted for say what to do.
#[test]
fn a_decoder_is_adapted_for_some_kinds() {
    for (kind, label) in [("tag", "[\\\"a\\\"]"), ("extract", "w5"), ("regress", "3")] {
        let desk = adapted(kind, [label; 3], "");
        let said = desk.ordinate(["check", "t.toml"]).refusal();
        let parts = [
            "a decoder that is adapted answers tasks of kind classify, choose and generate",
            "name an encoder in from",
        ];
        assert!(parts.iter().all(|part| said.contains(part)) && said.contains(kind), "{said}");
    }
    let desk = adapted("classify", ["w30", "w31", "w33"], "");
    let text = std::fs::read_to_string(desk.path("t.toml")).unwrap();
    desk.write("t.toml", text.replace("method = \"lora\"", "method = \"probe\""));
    let said = desk.ordinate(["run", "t.toml"]).refusal();
    assert!(said.contains("is not for a model that writes") && said.contains("tuned"), "{said}");
}
