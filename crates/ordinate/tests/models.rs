//! `ordinate models`, and runs that fetch: the real binary, and a hub on this machine.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod support;

use ordinate_faults::HubServer;
use serde_json::Value;
use support::hub::{COMMIT, start};
use support::{Desk, Ran};

/// Runs `ordinate` with this hub, and a cache in the desk.
fn ordinate(desk: &Desk, hub: &HubServer, further: &[(&str, &str)], arguments: &[&str]) -> Ran {
    let (endpoint, home) = (hub.endpoint(), desk.path("hf"));
    let mut variables = vec![("HF_ENDPOINT", endpoint.as_str()), ("HF_HOME", home.to_str().unwrap())];
    variables.extend(further);
    desk.ordinate_with(&variables, arguments)
}

/// A task with a probe on the encoder, and one on the built-in one.
fn task(desk: &Desk, model: &str) {
    let rows: Vec<String> = (0..60)
        .map(|at| {
            let word = if at % 2 == 0 { "w5 w6" } else { "w30 w31" };
            format!(r#"{{"id":"i{at}","text":"{word} w{}","label":"l{}"}}"#, 3 + at % 30, at % 2)
        })
        .collect();
    desk.write("items.jsonl", rows.join("\n"));
    desk.write(
        "t.toml",
        format!(
            "[task]\nname = \"t\"\nkind = \"classify\"\n[data]\nitems = \"items.jsonl\"\ninput = \"text\"\ntarget = \"label\"\n\
             [combine]\nkinds = [\"single\"]\n\
             [[candidate]]\nname = \"probe\"\nlineage = \"transferred\"\nadapt = {{ from = \"{model}\", method = \"probe\" }}\n\
             [[candidate]]\nname = \"other\"\nlineage = \"vertical\"\nlocal = {{ model = \"ngram-linear\" }}\n"
        ),
    );
}

/// What is told, with what differs from desk to desk taken out.
fn plain(desk: &Desk, text: &str) -> String {
    text.replace(&desk.path("").display().to_string(), "./").replace("//", "/")
}

#[test]
fn a_run_fetches_what_it_needs_once() {
    let (hub, desk) = (start(), Desk::new());
    task(&desk, "hf:tiny/encoder");
    let checked = ordinate(&desk, &hub, &[], &["check", "t.toml"]);
    assert!(checked.stdout().contains("`run` would fetch hf:tiny/encoder"), "{}", checked.stdout());
    let offline =
        ordinate(&desk, &hub, &[("HF_HUB_OFFLINE", "yes")], &["run", "t.toml", "-q", "--out", "run"]);
    let said = offline.refusal();
    assert!(said.contains("[[candidate]] probe") && said.contains("HF_HUB_OFFLINE"), "{said}");
    assert_eq!(hub.asked(), [], "neither checking nor a run offline asks the hub");
    assert!(!desk.path("hf").exists());

    let ran = ordinate(&desk, &hub, &[], &["run", "t.toml", "--json", "--out", "run"]);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    assert!(ran.stderr().contains("fetching hf:tiny/encoder (commit 01234567): 5 files"), "{}", ran.stderr());
    let verdict: Value = serde_json::from_str(&ran.stdout()).unwrap();
    let probe = support::named(&verdict, "candidates", "probe");
    // What was fetched answers as a folder with the same files does.
    let folder = desk.path("hf/hub/models--tiny--encoder/snapshots").join(COMMIT);
    task(&desk, folder.to_str().unwrap());
    let named: Value = serde_json::from_str(
        &ordinate(&desk, &hub, &[], &["run", "t.toml", "--json", "-q", "--out", "named"]).stdout(),
    )
    .unwrap();
    let by_folder = support::named(&named, "candidates", "probe");
    assert!(!probe["quality"].is_null() && probe["quality"] == by_folder["quality"], "{probe} {by_folder}");
    let bytes = |verdict| support::named(verdict, "deployment", "probe")["memory_bytes"].clone();
    assert_eq!(bytes(&verdict), bytes(&named));
    task(&desk, "hf:tiny/encoder");

    // From here on nobody is asked, also where main has moved.
    let _ = hub.asked();
    hub.change(|shelf| shelf.commit = COMMIT.replace('0', "f"));
    let again = ordinate(&desk, &hub, &[], &["run", "t.toml", "--json", "--out", "again"]);
    assert_eq!(again.stdout(), ran.stdout());
    assert!(!again.stderr().contains("fetching"), "{}", again.stderr());
    let checked = ordinate(&desk, &hub, &[], &["check", "t.toml"]);
    assert!(checked.stdout().contains("probe (transferred), runs here\n"), "{}", checked.stdout());
    assert_eq!(hub.asked(), []);
}

#[test]
fn a_run_goes_on_after_a_cut() {
    let (hub, desk) = (start(), Desk::new());
    task(&desk, "hf:tiny/encoder");
    hub.change(|shelf| {
        shelf.cuts.insert("model.safetensors".to_owned(), (3_000, 3));
    });
    let cut = ordinate(&desk, &hub, &[], &["run", "t.toml", "-q", "--out", "run"]);
    assert_eq!(cut.status(), 1, "{}", cut.stderr());
    assert!(
        cut.stderr().contains("run the same again") && cut.stderr().contains("t.toml"),
        "{}",
        cut.stderr()
    );
    assert!(!desk.path("run").exists());
    let whole = ordinate(&desk, &hub, &[], &["run", "t.toml", "-q", "--out", "run"]);
    assert_eq!((whole.status(), whole.stderr().as_str()), (0, ""));
    let ranges: Vec<_> =
        hub.asked().into_iter().filter(|one| one.elsewhere).filter_map(|one| one.range).collect();
    assert_eq!(ranges, ["bytes=3000-", "bytes=6000-", "bytes=9000-"]);
}

#[test]
fn list_fetch_and_inspect() {
    let (hub, desk) = (start(), Desk::new());
    let run = |arguments: &[&str]| {
        let ran = ordinate(&desk, &hub, &[], arguments);
        assert_eq!(ran.status(), 0, "{}", ran.stderr());
        plain(&desk, &ran.stdout())
    };
    insta::assert_snapshot!("models list of nothing", run(&["models", "list"]));
    insta::assert_snapshot!("models fetch", run(&["models", "fetch", "hf:tiny/encoder"]));
    insta::assert_snapshot!("models fetch again", run(&["models", "fetch", "hf:tiny/encoder", "--json"]));
    for model in ["hf:tiny/classifier", "hf:tiny/t5", "hf:tiny/decoders/qwen2-Q8_0.gguf"] {
        run(&["models", "fetch", model]);
    }
    assert!(
        !desk.path("hf/hub/models--tiny--decoders/snapshots").join(COMMIT).join("llama-Q8_0.gguf").exists()
    );
    std::fs::remove_file(
        desk.path("hf/hub/models--tiny--classifier/snapshots").join(COMMIT).join("tokenizer.json"),
    )
    .unwrap();
    insta::assert_snapshot!("models list", run(&["models", "list"]));
    insta::assert_snapshot!("models list as JSON", run(&["models", "list", "--json"]));
    for model in ["builtin", "hf:tiny/encoder", "hf:tiny/t5", "hf:tiny/decoders/qwen2-Q8_0.gguf"] {
        let name = format!("models inspect {}", model.rsplit(['/', ':']).next().unwrap());
        insta::assert_snapshot!(name, run(&["models", "inspect", model]));
    }
    let inspected: Value =
        serde_json::from_str(&run(&["models", "inspect", "hf:tiny/classifier", "--json"])).unwrap();
    assert_eq!((&inspected["kind"], &inspected["runs"]), (&"classifier".into(), &false.into()));
    assert!(inspected["problem"].as_str().unwrap().contains("tokenizer.json is missing"));
}

/// What `inspect` says is what loading finds.
#[test]
fn inspect_is_right() {
    let (hub, desk) = (start(), Desk::new());
    task(&desk, "hf:tiny/encoder");
    let verdict = ordinate(&desk, &hub, &[], &["run", "t.toml", "--json", "-q", "--out", "run"]).stdout();
    let verdict: Value = serde_json::from_str(&verdict).unwrap();
    let probe = support::named(&verdict, "deployment", "probe");
    let inspected = ordinate(&desk, &hub, &[], &["models", "inspect", "hf:tiny/encoder", "--json"]).stdout();
    let inspected: Value = serde_json::from_str(&inspected).unwrap();
    let parameters = inspected["parameters"].as_f64().unwrap();
    assert_eq!(inspected["memory_bytes"].as_f64().unwrap(), 4.0 * parameters);
    // The head of a classifier is in the file, and an encoder does not load it; a probe is small.
    let loaded = support::number(probe, "memory_bytes") / 4.0;
    assert!((loaded - parameters).abs() < 0.1 * parameters, "{loaded} {parameters}");
    let folder = inspected["path"].as_str().unwrap();
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| std::fs::metadata(entry.unwrap().path()).unwrap().len());
    assert_eq!(inspected["disk_bytes"].as_u64().unwrap(), files.sum::<u64>());
}

#[test]
fn what_is_refused() {
    let (hub, desk) = (start(), Desk::new());
    for (model, part) in [
        ("tiny/encoder", "write hf:tiny/encoder"),
        ("hf:../x", "names no model"),
        ("hf:tiny/none", "no such model"),
        ("hf:tiny/encoder@v2", "no revision \"v2\""),
        ("hf:tiny/decoders", "name one of them, as hf:tiny/decoders/llama-Q8_0.gguf"),
        ("hf:tiny/pickle", "a pickle"),
    ] {
        let said = ordinate(&desk, &hub, &[], &["models", "fetch", model]).refusal();
        assert!(said.contains(part), "{said}");
    }
    let said = ordinate(&desk, &hub, &[], &["models", "inspect", "hf:tiny/encoder"]).refusal();
    assert!(said.contains("ordinate models fetch hf:tiny/encoder"), "{said}");
    assert!(!desk.path("hf").exists());
    let gone = ordinate(
        &desk,
        &hub,
        &[("HF_ENDPOINT", "http://127.0.0.1:9")],
        &["models", "fetch", "hf:tiny/encoder"],
    );
    assert_eq!(gone.status(), 1);
    assert!(gone.stderr().contains("127.0.0.1:9 cannot be reached"), "{}", gone.stderr());
}

#[test]
fn the_token_of_the_environment_or_of_the_file() {
    let (hub, desk) = (start(), Desk::new());
    hub.change(|shelf| shelf.token = Some("hf_right-0123456789".to_owned()));
    let fetch = |variables: &[(&str, &str)]| {
        ordinate(&desk, &hub, variables, &["models", "fetch", "hf:tiny/encoder"])
    };
    let none = fetch(&[]);
    assert_eq!(none.status(), 1);
    assert!(
        none.stderr().contains("HTTP 401") && none.stderr().contains("set HF_TOKEN"),
        "{}",
        none.stderr()
    );
    let wrong = fetch(&[("HF_TOKEN", "hf_wrong-0123456789")]);
    assert!(
        wrong.stderr().contains("HTTP 403") && !wrong.stderr().contains("hf_wrong"),
        "{}",
        wrong.stderr()
    );
    desk.write("hf/token", "hf_right-0123456789\n");
    let right = fetch(&[]);
    assert_eq!(right.status(), 0, "{}", right.stderr());
    assert!(!(right.stdout() + &right.stderr()).contains("hf_right"));
    // The variable comes before the file.
    let wrong = fetch(&[("HF_TOKEN", "hf_wrong-0123456789")]);
    assert!(wrong.stderr().contains("HTTP 403"), "{}", wrong.stderr());
}
