//! Models of other people, damaged or made to do harm: refused with the file and what is wrong with it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod support;

use std::time::Instant;

use serde_json::{Value, json};
use support::Desk;
use support::hub::tiny;

/// A desk with 40 texts and a task that a candidate is asked beside one that is trained.
fn desk(candidate: &str) -> Desk {
    let desk = Desk::new();
    let row = |at: usize| {
        format!(
            "{{\"id\":\"i{at}\",\"text\":\"w{} w{}\",\"label\":\"{}\"}}\n",
            at,
            at % 7,
            ["a", "b"][at % 2]
        )
    };
    desk.write("items.jsonl", (0..40).map(row).collect::<String>());
    desk.write(
        "t.toml",
        format!(
            "[task]\nname = \"t\"\nkind = \"classify\"\n[data]\nitems = \"items.jsonl\"\ninput = \"text\"\ntarget = \"label\"\n\
             [combine]\nkinds = [\"single\"]\n[[candidate]]\nname = \"ngram\"\nlineage = \"vertical\"\nlocal = {{ model = \"ngram-linear\" }}\n\
             [[candidate]]\nname = \"m\"\n{candidate}\n"
        ),
    );
    desk
}

/// A folder with a tiny decoder.
fn decoder(desk: &Desk, tokenizer: &Value, template: Option<&str>) {
    let row = &tiny::rows("decoders.json")[0];
    desk.write("m/config.json", row["config"].to_string());
    desk.write("m/model.safetensors", tiny::safetensors(&tiny::shapes(row)));
    desk.write("m/tokenizer.json", tokenizer.to_string());
    if let Some(template) = template {
        desk.write("m/tokenizer_config.json", json!({ "chat_template": template }).to_string());
    }
}

/// A tokenizer of byte pairs with these merges.
fn pairs(merges: &Value, prefix: &Value) -> Value {
    let vocabulary: serde_json::Map<String, Value> = ('a'..='z')
        .map(|letter| letter.to_string())
        .chain(["##b".to_owned()])
        .zip(0..)
        .map(|(token, id)| (token, id.into()))
        .collect();
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": { "type": "WhitespaceSplit" }, "post_processor": null, "decoder": null,
        "model": { "type": "BPE", "vocab": vocabulary, "merges": merges, "continuing_subword_prefix": prefix,
            "dropout": null, "unk_token": "a", "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false },
    })
}

const WRITES: &str = "lineage = \"general\"\nlocal = { model = \"m\" }";

#[test]
fn tokenizers_that_make_the_library_panic() {
    for (merges, prefix, part) in [
        (json!([["a", "b"]]), Value::Null, "\"ab\" is not in its vocabulary"),
        (json!(["a b"]), Value::Null, "\"ab\" is not in its vocabulary"),
        (json!([["a", "b"]]), json!("######"), "shorter than continuing_subword_prefix"),
    ] {
        let desk = desk(WRITES);
        decoder(&desk, &pairs(&merges, &prefix), None);
        let said = desk.ordinate(["run", "t.toml", "-q", "--out", "o"]).refusal();
        assert!(said.contains("m/tokenizer.json") && said.contains(part), "{said}");
        let inspected = desk.ordinate(["models", "inspect", "./m"]);
        assert!(inspected.stdout().contains(part), "{}{}", inspected.stdout(), inspected.stderr());
        let said = desk.ordinate(["check", "t.toml"]).refusal();
        assert!(said.contains(part), "{said}");
    }
}

/// A GGUF file whose alignment is this.
fn aligned(alignment: u32) -> Vec<u8> {
    let mut bytes = tiny::gguf("llama-Q8_0");
    let entries = u64::from_le_bytes(bytes[16..24].try_into().unwrap()) + 1;
    bytes[16..24].copy_from_slice(&entries.to_le_bytes());
    let key = b"general.alignment";
    let entry =
        [&(key.len() as u64).to_le_bytes()[..], key, &4_u32.to_le_bytes(), &alignment.to_le_bytes()].concat();
    bytes.splice(24..24, entry);
    bytes
}

#[test]
fn gguf_files_that_make_the_library_panic() {
    let desk = desk("lineage = \"general\"\nlocal = { model = \"m.gguf\" }");
    desk.write("m.gguf", aligned(0));
    let inspected = desk.ordinate(["models", "inspect", "./m.gguf"]);
    assert!(
        inspected.stdout().contains("general.alignment is 0"),
        "{}{}",
        inspected.stdout(),
        inspected.stderr()
    );
    assert!(!inspected.stderr().contains("panicked"));
    for command in [&["run", "t.toml", "-q", "--out", "o"][..], &["check", "t.toml"]] {
        let said = desk.ordinate(command).refusal();
        assert!(said.contains("m.gguf") && said.contains("general.alignment is 0"), "{said}");
    }
    // In the cache of the hub it does not hide the others.
    desk.write(
        "hf/hub/models--org--bad/snapshots/0123456789abcdef0123456789abcdef01234567/m.gguf",
        aligned(0),
    );
    desk.write(
        "hf/hub/models--org--good/snapshots/0123456789abcdef0123456789abcdef01234567/m.gguf",
        tiny::gguf("llama-Q8_0"),
    );
    let home = desk.path("hf");
    let listed = desk.ordinate_with(&[("HF_HOME", home.to_str().unwrap())], &["models", "list"]);
    assert_eq!(listed.status(), 0, "{}", listed.stderr());
    assert!(
        listed.stdout().contains("hf:org/bad") && listed.stdout().contains("hf:org/good"),
        "{}",
        listed.stdout()
    );
}

/// Templates that double a list, a text, or go round and round, end the candidate at its first item.
#[test]
fn templates_that_do_not_end() {
    let words: Value = serde_json::from_str(&tiny::words()).unwrap();
    let twice = |what: &str, how: &str, end: &str| {
        format!(
            "{{% set ns=namespace(s={what}) %}}{{% for i in range(40) %}}{{% set ns.s = {how} %}}{{% endfor %}}{{{{ {end} }}}}"
        )
    };
    for template in [
        twice("[1,2,3]", "ns.s + ns.s", "ns.s|length"),
        twice("'x'*1000", "ns.s ~ ns.s", "ns.s"),
        twice("['x']", "ns.s + ns.s", "ns.s|join('')"),
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}".to_owned(),
    ] {
        let desk = desk(WRITES);
        decoder(&desk, &words, Some(&template));
        let started = Instant::now();
        let said = desk.ordinate(["run", "t.toml", "-q", "--out", "o"]).refusal();
        assert!(said.contains("m/tokenizer_config.json") && said.contains("may never end"), "{said}");
        assert!(started.elapsed().as_secs() < 30, "{template}: {:?}", started.elapsed());
    }
}
