//! What is kept for later runs is not trusted blindly: what was cut, emptied or changed is set aside, made again, and told.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::hub::{COMMIT, start, tiny};
use support::{Desk, named};

/// Texts of which some say their label.
fn desk(candidates: &str) -> Desk {
    let desk = Desk::new();
    let row = |at: usize| {
        let word = if at.is_multiple_of(5) { "fog" } else { ["sun", "rain"][at % 2] };
        format!("{{\"id\":\"i{at}\",\"text\":\"{word} {at}\",\"label\":\"l{}\"}}\n", at % 2)
    };
    desk.write("items.jsonl", (0..60).map(row).collect::<String>());
    let head = "[task]\nname = \"t\"\nkind = \"classify\"\n[data]\nitems = \"items.jsonl\"\ninput = \"text\"\ntarget = \"label\"\n[combine]\nkinds = [\"single\"]\n";
    desk.write("t.toml", format!("{head}{candidates}"));
    desk
}

const LEARNED: &str = "[[candidate]]\nname = \"ngram\"\nlineage = \"vertical\"\nlocal = { model = \"ngram-linear\" }\n\
                       [[candidate]]\nname = \"probe\"\nlineage = \"transferred\"\nadapt = { from = \"builtin\", method = \"probe\" }\n";

/// Files below a folder, in order, but for what was set aside.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().ends_with(".damaged") {
            continue;
        }
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// What is shown of every candidate, without what differs from run to run.
fn qualities(verdict: &Value) -> Vec<(String, Value)> {
    let of = |one: &Value| (one["name"].as_str().unwrap().to_owned(), one["quality"].clone());
    verdict["candidates"].as_array().unwrap().iter().map(of).collect()
}

/// Runs into a folder of its own; the verdict, and what was told.
fn run(desk: &Desk, out: &str) -> (Value, String) {
    let ran = desk.ordinate(["run", "t.toml", "--json", "--out", out]);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    (serde_json::from_str(&ran.stdout()).unwrap(), ran.stderr())
}

type Change = fn(&[u8]) -> Vec<u8>;

/// What happens to files: a score of 0 becomes 1, half of the lines are lost, a line is cut, nothing is left, another file,
/// a changed letter.
const CHANGES: [(&str, Change); 6] = [
    ("edited", |bytes| {
        String::from_utf8_lossy(bytes)
            .replace("\"score\":0.0", "\"score\":1.0")
            .replace("l0", "l1")
            .into_bytes()
    }),
    ("half of its lines", |bytes| {
        let lines: Vec<&[u8]> = bytes.split_inclusive(|&byte| byte == b'\n').collect();
        lines[..lines.len() / 2].concat()
    }),
    ("cut within a line", |bytes| bytes[..bytes.len() - 9].to_vec()),
    ("emptied", |_| Vec::new()),
    ("{}", |_| b"{}".to_vec()),
    ("a digit more", |bytes| [bytes, b"0"].concat()),
];

#[test]
fn damaged_files_are_set_aside_and_made_again() {
    let desk = desk(LEARNED);
    let cache = desk.path("cache/local");
    let (first, told) = run(&desk, "o");
    assert!(!told.contains("set aside"), "{told}");
    let all = files(&cache);
    let kind = |path: &Path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let within = path.parent() != Some(&cache);
        if within { name } else { name[name.find(['.', '-']).unwrap()..].to_owned() }
    };
    // Answers and hosting of both, and the files of both models.
    assert!(all.iter().filter(|path| kind(path) == ".2.jsonl").count() == 2, "{all:?}");
    assert!(all.iter().filter(|path| kind(path) == "model.json").count() == 2, "{all:?}");
    let mut runs = 0;
    for (at, path) in all.iter().enumerate() {
        let whole = fs::read(path).unwrap();
        let (what, change) = CHANGES[at % CHANGES.len()];
        let changed = change(&whole);
        if changed == whole || kind(path).ends_with(".sha256") && kind(path).starts_with('-') {
            continue;
        }
        fs::write(path, changed).unwrap();
        runs += 1;
        let (again, told) = run(&desk, &format!("o{runs}"));
        assert!(told.contains("set aside") && told.contains(".damaged"), "{} {what}: {told}", kind(path));
        assert!(
            again["assumed"].to_string().contains("set aside"),
            "{} {what}: {}",
            kind(path),
            again["assumed"]
        );
        assert_eq!(qualities(&again), qualities(&first), "{} {what}", kind(path));
        let (once_more, told) = run(&desk, &format!("o{runs}"));
        assert!(!told.contains("set aside"), "{} {what}: {told}", kind(path));
        assert_eq!(qualities(&once_more), qualities(&first));
    }
    assert!(runs >= 8, "{runs} of {all:?}");
}

/// Every kind of damage to the answers, also where the run folder still has them, and to what was trained.
#[test]
fn every_kind_of_damage() {
    let desk = desk(LEARNED);
    let (first, _) = run(&desk, "o");
    let all = files(&desk.path("cache/local"));
    let ends = |path: &&PathBuf, end: &str| path.to_string_lossy().ends_with(end);
    let answers = all.iter().find(|path| ends(path, ".jsonl")).unwrap();
    let model = all.iter().find(|path| ends(path, "model.json")).unwrap();
    for (at, (what, change)) in CHANGES.iter().enumerate() {
        let mut damaged = 0;
        for path in [answers, model] {
            let changed = change(&fs::read(path).unwrap());
            if changed == fs::read(path).unwrap() {
                continue;
            }
            fs::write(path, changed).unwrap();
            damaged += 1;
        }
        let out = if at % 2 == 0 { "o".to_owned() } else { format!("o{at}") };
        let (again, told) = run(&desk, &out);
        assert!(damaged > 0 && told.matches("set aside").count() == damaged, "{what}: {told}");
        assert_eq!(qualities(&again), qualities(&first), "{what}");
    }
    // What was trained and copied into the run folder is held to the same.
    let copied = files(&desk.path("o/models"));
    for path in copied.iter().filter(|path| path.ends_with("model.json")) {
        fs::write(path, "{}").unwrap();
    }
    let ran = desk.ordinate(["ask", "o", "sun 7"]);
    let said = ran.stderr() + &ran.stdout();
    assert!(said.contains("no model that was saved here") && said.contains("cut off or changed"), "{said}");
}

/// The answers of a run folder: of models here they are had again, of others they were paid for and nobody throws them away.
#[test]
fn a_damaged_store() {
    let desk = desk(LEARNED);
    let (first, _) = run(&desk, "o");
    let store = desk.path("o/answers.sqlite");
    let whole = fs::read(&store).unwrap();
    for damaged in [&whole[..whole.len() / 2], b"{}", b""] {
        fs::write(&store, damaged).unwrap();
        let (again, told) = run(&desk, "o");
        // Nothing at all is a store without answers.
        assert!(
            damaged.is_empty() || told.contains("answers.sqlite") && told.contains("set aside"),
            "{told}"
        );
        assert_eq!(qualities(&again), qualities(&first));
    }
    let task = fs::read_to_string(desk.path("t.toml")).unwrap();
    let echo = "[[candidate]]\nname = \"program\"\nlineage = \"general\"\ncommand = { run = [\"sh\", \"-c\", \"while read line; do echo '{\\\"output\\\":\\\"l0\\\"}'; done\"] }\n";
    desk.write("t.toml", task + echo);
    run(&desk, "p");
    let store = desk.path("p/answers.sqlite");
    let whole = fs::read(&store).unwrap();
    fs::write(&store, &whole[..whole.len() / 2]).unwrap();
    let ran = desk.ordinate(["run", "t.toml", "-q", "--out", "p"]);
    assert_eq!(ran.status(), 1, "{}", ran.stderr());
    assert!(ran.stderr().contains("the file is damaged: put a copy of it back"), "{}", ran.stderr());
    assert_eq!(fs::read(&store).unwrap().len(), whole.len() / 2, "it is left alone");
}

/// A model of the hub whose weights were damaged on the disk is fetched again; nothing is measured with it.
#[cfg(unix)]
#[test]
fn damaged_weights_are_fetched_again() {
    let (hub, desk) = (start(), desk(&LEARNED.replace("\"builtin\"", "\"hf:tiny/encoder\"")));
    let (endpoint, home) = (hub.endpoint(), desk.path("hf"));
    let variables = [("HF_ENDPOINT", endpoint.as_str()), ("HF_HOME", home.to_str().unwrap())];
    let run = |out: &str, further: &[(&str, &str)]| {
        let all: Vec<(&str, &str)> = variables.iter().chain(further).copied().collect();
        desk.ordinate_with(&all, &["run", "t.toml", "--json", "--out", out])
    };
    let first = run("o", &[]);
    assert_eq!(first.status(), 0, "{}", first.stderr());
    let weights = desk.path("hf/hub/models--tiny--encoder/snapshots").join(COMMIT).join("model.safetensors");
    for (at, damage) in
        [|bytes: &mut Vec<u8>| *bytes.last_mut().unwrap() ^= 64, |bytes: &mut Vec<u8>| bytes.truncate(9_000)]
            .iter()
            .enumerate()
    {
        let mut bytes = fs::read(&weights).unwrap();
        damage(&mut bytes);
        fs::write(&weights, &bytes).unwrap();
        let _ = hub.asked();
        if at == 1 {
            let offline = run("off", &[("HF_HUB_OFFLINE", "1")]);
            let said = offline.stderr();
            assert_eq!(offline.status(), 2, "{said}");
            assert!(said.contains("set aside") && said.contains("HF_HUB_OFFLINE"), "{said}");
        }
        let again = run(&format!("o{at}"), &[]);
        assert_eq!(again.status(), 0, "{}", again.stderr());
        assert!(again.stderr().contains("fetching") && !hub.asked().is_empty(), "{}", again.stderr());
        let [first, again] =
            [&first, &again].map(|ran| serde_json::from_str::<Value>(&ran.stdout()).unwrap());
        assert_eq!(
            named(&first, "candidates", "probe")["quality"],
            named(&again, "candidates", "probe")["quality"]
        );
        assert!(at == 1 || again["assumed"].to_string().contains("set aside"), "{}", again["assumed"]);
    }
    // `models fetch` sees it as well.
    fs::write(&weights, "less").unwrap();
    let fetched = desk.ordinate_with(&variables, &["models", "fetch", "hf:tiny/encoder"]);
    assert_eq!(fetched.status(), 0, "{}", fetched.stderr());
    assert!(fs::metadata(&weights).unwrap().len() > 9_000, "{}", fetched.stderr());
}

/// What is kept of a decoder, its answers and its size.
#[test]
fn decoders() {
    let desk = desk("");
    let path = desk.write("m.gguf", tiny::gguf("llama-Q8_0"));
    let task = fs::read_to_string(desk.path("t.toml")).unwrap();
    let candidate =
        format!("[[candidate]]\nname = \"writes\"\nlineage = \"general\"\nlocal = {{ model = {path:?} }}\n");
    desk.write(
        "t.toml",
        task + &candidate + &LEARNED[..LEARNED.find("[[candidate]]\nname = \"probe\"").unwrap()],
    );
    let (first, _) = run(&desk, "o");
    for (at, path) in files(&desk.path("cache/local")).iter().enumerate() {
        if path.to_string_lossy().ends_with(".json") {
            fs::write(path, "{}").unwrap();
            let (again, told) = run(&desk, &format!("o{at}"));
            assert!(told.contains("set aside"), "{}: {told}", path.display());
            assert_eq!(qualities(&again), qualities(&first));
            let size = |verdict: &Value| named(verdict, "deployment", "writes")["memory_bytes"].clone();
            assert_eq!(size(&again), size(&first));
        }
    }
}
