//! Tasks whose items are images, through the real binary: every form of files, networks that are trained here, and what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

#[path = "support/pictures.rs"]
mod pictures;
#[path = "images/refused.rs"]
mod refused;
#[path = "support/served.rs"]
mod served;
mod support;

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pictures::{LABELS, image, label, npy, npz, png, split, task, write_npz};
use serde_json::{Value, json};
use served::Served;
use support::{Desk, named, number};

const SCRATCH: &str = "adapt = { from = \"scratch\", method = \"full\", epochs = 8 }";
const SHORT: &str = "adapt = { from = \"scratch\", method = \"full\", epochs = 1, examples = 20 }";

/// Arrays by name.
type Arrays = Vec<(&'static str, Vec<u8>)>;

fn parts() -> String {
    format!("[data]\ntrain = \"set.npz\"\ntest = \"set.npz\"\n{LABELS}")
}

#[test]
fn networks_are_trained_here_and_answer_what_they_were_measured_on() {
    let desk = Desk::new();
    write_npz(&desk, "set.npz", 160, 80);
    let general = task(&desk, &parts(), &[("cnn", "vertical", SCRATCH), ("short", "vertical", SHORT)]);
    let verdict = desk.verdict(&general, &[]);
    let quality = |verdict: &Value, name: &str| number(named(verdict, "candidates", name), "quality.mean");
    assert!(quality(&verdict, "cnn") > 0.95, "{}", quality(&verdict, "cnn"));
    assert_eq!(number(named(&verdict, "candidates", "cnn"), "items"), 80.0, "the test split alone");
    assert_eq!(verdict["basis"]["metric"], "accuracy");
    assert!(verdict["assumed"].to_string().contains("cnn was trained (full) on"), "{}", verdict["assumed"]);
    let hosted = named(&verdict, "deployment", "cnn");
    assert!(number(hosted, "latency_ms.p50") > 0.0 && number(hosted, "parameters") > 1e4, "{hosted}");
    fs::rename(desk.path("run"), desk.path("general")).unwrap();

    // Of stripes and their mirror images: the labels are others, and so the head is a new one.
    let data = parts().replace("lying", "flat").replace("standing", "steep");
    let further = [
        (
            "probe",
            "transferred",
            "adapt = { from = \"general/models/cnn\", method = \"probe\", examples = 40 }",
        ),
        ("tuned", "transferred", "adapt = { from = \"general/models/cnn\", method = \"full\", epochs = 2 }"),
        ("short", "vertical", SHORT),
    ];
    let second = task(&desk, &data, &further);
    let checked = desk.ordinate(["check", "task.toml"]);
    assert_eq!(checked.status(), 0, "{}", checked.stderr());
    assert!(
        checked.stdout().contains("tuned (transferred), runs here, trained once"),
        "{}",
        checked.stdout()
    );
    let verdict = desk.verdict(&second, &[]);
    for name in ["probe", "tuned"] {
        assert!(quality(&verdict, name) > 0.95, "{name}: {}", quality(&verdict, name));
    }

    // What was measured is what is asked: of files, of texts, and of many.
    for at in [300, 301] {
        desk.write("one.png", png(at));
        let asked = desk.ordinate(["ask", "general", "one.png", "--policy", "cnn", "--json"]);
        assert_eq!(asked.status(), 0, "{}", asked.stderr());
        let answer: Value = serde_json::from_str(&asked.stdout()).unwrap();
        assert_eq!(answer["answer"], label(at), "{answer}");
        let text = image(at).text().unwrap();
        assert_eq!(
            desk.ordinate(["ask", "general", &text, "--policy", "cnn", "--json"]).stdout(),
            asked.stdout()
        );
    }
    desk.write("more.csv", "input\none.png\n");
    let ran = desk.ordinate(["ask", "general", "--items", "more.csv", "--policy", "cnn"]);
    let row: Value = serde_json::from_str(&ran.stdout()).unwrap();
    assert_eq!(row["answer"], "standing", "{row}");
    // A server takes the image itself, and opens no file that a client names.
    let server = Served::start(&desk, &["general", "--policy", "cnn"]);
    let answer = server.post("/v1/tasks/stripes/answer", &json!({ "input": image(301).text().unwrap() }));
    assert_eq!(answer.json()["answer"], "standing");
    let answer = server.post("/v1/tasks/stripes/answer", &json!({ "input": "one.png" }));
    assert!(answer.status == 400 && answer.body.contains("this is no image"), "{}", answer.body);
    drop(server);
    desk.write("bad.png", &png(1)[..50]);
    let ran = desk.ordinate(["ask", "general", "bad.png"]);
    assert!(ran.status() == 2 && ran.stderr().contains("bad.png: the image is damaged"), "{}", ran.stderr());
}

#[test]
fn the_same_seed_gives_the_same_weights() {
    let desk = Desk::new();
    write_npz(&desk, "set.npz", 40, 20);
    let weights = |run: &str, seed: &str, cache: &str| {
        let path =
            task(&desk, &parts(), &[("a", "vertical", SHORT), ("b", "general", &SHORT.replace("20", "24"))]);
        let cache = desk.path(cache);
        let variables = [("ORDINATE_CACHE", cache.to_str().unwrap())];
        let arguments = ["run", path.to_str().unwrap(), "--out", run, "--seed", seed];
        let ran = desk.ordinate_with(&variables, &arguments);
        assert_eq!(ran.status(), 0, "{}", ran.stderr());
        fs::read(desk.path(run).join("models/a/model.safetensors")).unwrap()
    };
    let first = weights("one", "3", "cache-one");
    assert!(first == weights("two", "3", "cache-two"));
    assert!(first != weights("three", "4", "cache-three"));
}

/// The same images in every form that files have are the same items.
#[test]
fn forms_of_files_agree() {
    let desk = Desk::new();
    let (train, test) = (24, 12);
    write_npz(&desk, "set.npz", train, test);
    let mut tables = [String::from("picture,kind\n"), String::from("picture,kind\n")];
    let mut lines = [String::new(), String::new()];
    for at in 0..train + test {
        let part = usize::from(at >= train);
        let folder = ["train", "test"][part];
        desk.write(&format!("{folder}/{}/{at:03}.png", label(at)), png(at));
        tables[part] += &format!("{folder}/{}/{at:03}.png,{}\n", label(at), label(at));
        lines[part] += &(json!({"picture": image(at).text().unwrap(), "kind": label(at)}).to_string() + "\n");
    }
    for (part, name) in ["train", "test"].into_iter().enumerate() {
        desk.write(&format!("{name}.csv"), &tables[part]);
        desk.write(&format!("{name}.jsonl"), &lines[part]);
        desk.write(&format!("{name}/notes.txt"), "passed over");
    }
    let fields = "input = \"picture\"\ntarget = \"kind\"";
    let forms = [
        parts(),
        format!("[data]\ntrain = \"set.npz#train\"\ntest = \"set.npz#test\"\n{LABELS}"),
        "[data]\ntrain = \"train\"\ntest = \"test\"".to_owned(),
        format!("[data]\ntrain = \"train.csv\"\ntest = \"test.csv\"\n{fields}"),
        format!("[data]\ntrain = \"train.jsonl\"\ntest = \"test.jsonl\"\n{fields}"),
    ];
    // The first training is of the items of the first form; if another's were others, so were its digest and its weights.
    let mut seen: Option<Vec<u8>> = None;
    for form in forms {
        let path =
            task(&desk, &form, &[("a", "vertical", SHORT), ("b", "general", &SHORT.replace("20", "24"))]);
        let verdict = desk.verdict(&path, &[]);
        assert_eq!(number(named(&verdict, "candidates", "a"), "items"), test as f64, "{form}");
        let weights = fs::read(desk.path("run/models/a/model.safetensors")).unwrap();
        assert!(*seen.get_or_insert_with(|| weights.clone()) == weights, "{form}");
    }
    // All splits of a file, where the task names items.
    let path = task(
        &desk,
        &format!("[data]\nitems = \"set.npz\"\n{LABELS}"),
        &[("a", "vertical", SHORT), ("b", "general", SHORT)],
    );
    let checked = desk.ordinate(["check", path.to_str().unwrap()]);
    assert!(
        checked.stdout().contains("36") && checked.stdout().contains("trained 6 times"),
        "{}",
        checked.stdout()
    );
}

/// A program is told no path, which would name the class, and gets the image itself.
/// Whatever form images have on disk, `ordinate init` makes a task of them that is in order, also when the lines of the model behind an API and of
/// the published network are freed.
#[test]
fn images_become_a_task() {
    let desk = Desk::new();
    for at in 0..24 {
        let part = ["train", "test"][usize::from(at >= 16)];
        desk.write(&format!("both/{part}/{}/{at:03}.png", label(at)), png(at));
        desk.write(&format!("one/{}/{at:03}.png", label(at)), png(at));
    }
    write_npz(&desk, "set.npz", 16, 8);
    desk.write("both/README.md", "# about");
    for (data, items, says) in [
        ("both", 8, "train = "),
        ("one", 24, "items = "),
        ("set.npz", 8, "train = \"set.npz\""),
        ("both/train", 16, "items = "),
    ] {
        let made = desk.ordinate(["init", data, "--out", "made.toml", "--force"]);
        assert_eq!(made.status(), 0, "{data}: {}", made.stderr());
        assert!(made.stderr().contains("add a second as it shows, then: ordinate run"), "{}", made.stderr());
        let text = fs::read_to_string(desk.path("made.toml")).unwrap();
        assert!(text.contains("kind = \"classify-image\"") && text.contains(says), "{text}");
        let gpt = ["# [[candidate]]", "# name = \"gpt\"", "# lineage = \"general\"", "# openai = "];
        let behind = text.find("# A model that sees").unwrap();
        let free = |line: &str| match gpt.iter().any(|begin| line.starts_with(begin)) {
            true => line.trim_start_matches("# ").to_owned() + "\n",
            false => line.to_owned() + "\n",
        };
        let mine = text[behind..].find("# [[candidate]]\n# name = \"mine\"").unwrap() + behind;
        desk.write(
            "freed.toml",
            text[..behind].to_owned() + &text[behind..mine].lines().map(free).collect::<String>(),
        );
        let freed = desk.ordinate(["check", "freed.toml"]);
        let told = freed.stdout() + &freed.stderr();
        assert_eq!(freed.status(), 0, "{told}");
        assert!(told.contains("gpt (general)") && told.contains("network (vertical)"), "{told}");
        assert!(told.contains(&format!("items       {items}\n")), "{told}");
    }
    // What it writes runs.
    let text = fs::read_to_string(desk.path("made.toml")).unwrap();
    let second = format!("\n[[candidate]]\nname = \"short\"\nlineage = \"vertical\"\n{SHORT}\n");
    desk.write("made.toml", text.replace("method = \"full\" }", "method = \"full\", epochs = 1 }") + &second);
    assert_eq!(desk.ordinate(["init", "set.npz", "--out", "-"]).status(), 0);
    let ran = desk.ordinate(["run", "made.toml", "--out", "run", "--quiet"]);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    desk.write("empty/a/b.txt", "");
    let refused = desk.ordinate(["init", "empty"]).refusal();
    assert!(refused.contains("and no folders of images"), "{refused}");
}

#[test]
fn programs_get_the_image_and_not_its_place() {
    let desk = Desk::new();
    for at in 0..24 {
        desk.write(&format!("all/{}/{at:03}.png", label(at)), png(at));
    }
    desk.write("all/lying/twin.png", png(100));
    desk.write("all/standing/twin.png", png(101));
    desk.write(
        "look.sh",
        "while read -r line; do echo \"$line\" >> seen.jsonl; echo '{\"output\": \"lying\"}'; done\n",
    );
    let program = "command = { run = [\"sh\", \"look.sh\"] }";
    let candidates = [
        ("program", "general", program),
        ("other", "vertical", &program.replace("\"] }", "\"], version = \"2\" }")),
    ];
    let verdict = desk.verdict(&task(&desk, "[data]\nitems = \"all\"", &candidates), &[]);
    assert!((number(named(&verdict, "candidates", "program"), "quality.mean") - 0.5).abs() < 1e-12);
    let seen = fs::read_to_string(desk.path("seen.jsonl")).unwrap();
    for line in seen.lines() {
        let asked: Value = serde_json::from_str(line).unwrap();
        assert_eq!(asked["kind"], "classify-image");
        assert!(asked["input"].as_str().unwrap().starts_with("data:image/png;base64,iVBOR"), "{line}");
        assert!(!asked["id"].as_str().unwrap().contains("ing"), "{line}");
        assert_eq!(asked["labels"], json!(["lying", "standing"]));
    }
    assert!(seen.contains("\"005.png\"") && seen.contains("\"twin.png~"), "{seen}");
}

#[test]
fn large_images_are_scaled_down_and_that_is_said() {
    let desk = Desk::new();
    for at in 0..12 {
        desk.write(&format!("all/{}/{at}.png", label(at)), image(at).resized(400, 200).to_png().unwrap());
    }
    let data = "[data]\nitems = \"all\"\n[images]\nmax_side = 100";
    let program = "command = { run = [\"sh\", \"look.sh\"] }";
    desk.write("look.sh", "while read -r line; do echo '{\"output\": \"lying\"}'; done\n");
    let candidates = [
        ("program", "general", program),
        ("other", "vertical", &program.replace("\"] }", "\"], version = \"2\" }")),
    ];
    let verdict = desk.verdict(&task(&desk, data, &candidates), &[]);
    let told = verdict["assumed"].to_string();
    assert!(told.contains("Images of more than 100 pixels a side are scaled down"), "{told}");
    let ran = desk.ordinate([
        "check",
        task(&desk, "[data]\nitems = \"all\"\n[images]\nmax_sid = 9", &candidates).to_str().unwrap(),
    ]);
    assert!(ran.status() == 2 && ran.stderr().contains("max_side"), "{}", ran.stderr());
}

/// A tiny DICOM file (`make_dicom.py`).
fn dicom(name: &str) -> Vec<u8> {
    let golden = include_str!("../../ordinate-images/tests/golden/dicom.json");
    let golden: Value = serde_json::from_str(golden).unwrap();
    let case = golden["cases"].as_array().unwrap().iter().find(|case| case["name"] == name).unwrap();
    STANDARD.decode(case["file"].as_str().unwrap()).unwrap()
}

#[test]
fn dicom_files_are_items() {
    let desk = Desk::new();
    for (at, name) in ["plain", "inverse", "hounsfield", "implicit", "sigmoid", "jpeg"].iter().enumerate() {
        desk.write(&format!("all/{}/{at}.dcm", label(at as u64)), dicom(name));
        desk.write(&format!("all/{}/{at}.png", label(at as u64)), png(at as u64));
    }
    let look = "while read -r line; do case $line in *data:image/png*) echo '{\"output\": \"lying\"}';; *) exit 1;; esac; done\n";
    desk.write("look.sh", look);
    let program = "command = { run = [\"sh\", \"look.sh\"] }";
    let other = program.replace("\"] }", "\"], version = \"2\" }");
    let candidates = [("program", "general", program), ("other", "vertical", &other)];
    let verdict = desk.verdict(&task(&desk, "[data]\nitems = \"all\"", &candidates), &[]);
    assert_eq!(number(named(&verdict, "candidates", "program"), "items"), 12.0);
}

/// The folder of a tiny published network (`make_networks.py`).
fn published(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../ordinate-models/tests/golden/networks");
    format!("{folder}/{name}")
}

#[test]
fn published_networks_answer_and_are_probed() {
    let desk = Desk::new();
    write_npz(&desk, "set.npz", 60, 40);
    let own = format!(
        "local = {{ model = \"{}\", labels = {{ lying = \"cat\", standing = \"dog\" }} }}",
        published("vit")
    );
    let probe = |name: &str| format!("adapt = {{ from = \"{}\", method = \"probe\" }}", published(name));
    let (vit, resnet) = (probe("timm-vit"), probe("resnet"));
    let tuned = format!(
        "adapt = {{ from = \"{}\", method = \"full\", epochs = 12, learning_rate = 0.003 }}",
        published("timm-resnet")
    );
    let candidates = [
        ("own", "general", own.as_str()),
        ("vit", "transferred", &vit),
        ("resnet", "transferred", &resnet),
        ("tuned", "transferred", &tuned),
    ];
    let verdict = desk.verdict(&task(&desk, &parts(), &candidates), &[]);
    let quality = |name: &str| number(named(&verdict, "candidates", name), "quality.mean");
    // Their weights are random: what they say is, and what they see is not.
    for name in ["vit", "resnet", "tuned"] {
        assert!(quality(name) > 0.8, "{name}: {}", quality(name));
        assert!(number(named(&verdict, "deployment", name), "parameters") > 1e3);
    }
    assert!((0.0..=0.9).contains(&quality("own")));
    desk.write("one.png", png(301));
    desk.write("one.dcm", dicom("hounsfield"));
    let mut answers = Vec::new();
    for (file, name) in
        [("one.png", "own"), ("one.png", "resnet"), ("one.dcm", "resnet"), ("one.png", "tuned")]
    {
        let asked = desk.ordinate(["ask", "run", file, "--policy", name, "--json"]);
        assert_eq!(asked.status(), 0, "{}", asked.stderr());
        let answer: Value = serde_json::from_str(&asked.stdout()).unwrap();
        answers.push(answer["answer"].as_str().unwrap().to_owned());
    }
    assert!(answers.iter().all(|answer| ["lying", "standing"].contains(&answer.as_str())), "{answers:?}");
    let server = Served::start(&desk, &["run", "--policy", "own"]);
    let answer = server.post("/v1/tasks/stripes/answer", &json!({ "input": image(301).text().unwrap() }));
    assert_eq!(answer.json()["answer"], answers[0].as_str());
}

#[test]
fn published_networks_that_do_not_fit_are_refused() {
    let desk = Desk::new();
    write_npz(&desk, "set.npz", 30, 20);
    let refused = |source: &str| {
        let path = task(&desk, &parts(), &[("odd", "general", source), ("cnn", "vertical", SHORT)]);
        let ran = desk.ordinate(["run", path.to_str().unwrap(), "--out", "run"]);
        assert_eq!(ran.status(), 2, "{} {}", ran.stdout(), ran.stderr());
        ran.stderr()
    };
    let vit = published("vit");
    let said = refused(&format!("local = {{ model = \"{vit}\" }}"));
    assert!(said.contains("it knows cat, dog, owl, and the task's labels are lying, standing"), "{said}");
    let said = refused(&format!("local = {{ model = \"{vit}\", examples = 5 }}"));
    assert!(said.contains("examples means nothing to a published network of images"), "{said}");
    desk.write("other/config.json", r#"{"architecture": "convnext_tiny"}"#);
    desk.write("other/model.safetensors", "");
    let said = refused("adapt = { from = \"other\", method = \"probe\" }");
    assert!(said.contains("\"convnext_tiny\" is no network of images that runs here"), "{said}");
    let ran = desk.ordinate(["models", "inspect", &vit]);
    assert!(ran.stdout().contains("as a published classifier (local)"), "{}", ran.stdout());
}
