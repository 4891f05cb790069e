//! Needs that are moved on the page, in a real browser: what it shows is what `ordinate judge` says.
//!
//! Sixty random settings of the needs, twenty on each of three sets; `ORDINATE_MOVES=60` makes so many on each. Any run: `ORDINATE_RUN=FOLDER cargo nextest run --workspace --test moved_needs
//! --run-ignored only`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)] // a test may

#[path = "support/browser.rs"]
mod browser;
mod support;

use std::collections::BTreeMap;

use browser::{Policy, chromium, probed};
use ordinate_core::verdict::Verdict;
use scraper::{Html, Selector};
use serde_json::{Value, json};
use support::{Desk, root};

const KEYS: [&str; 8] = ordinate_core::Needs::KEYS;

/// Sets the fields as a reader does, waits until the verdict for them is shown, and says what is.
const PROBE: &str = r##"
const root = document.documentElement;
const text = (element) => element.textContent.replace(/\s+/g, " ").trim();
const until = (event, key, asked) => new Promise((done) => {
  const look = () => {
    if (root.dataset[key] !== asked) return;
    document.removeEventListener(event, look);
    done();
  };
  document.addEventListener(event, look);
  look();
});
const began = performance.now();
if (!("needs" in root.dataset)) await new Promise((done) => document.addEventListener("settled", done, { once: true }));
await say({ ready: performance.now() - began, said: text(document.getElementById("needs-said")), hash: location.hash });
for (const setting of SETTINGS) {
  for (const row of document.querySelectorAll(".need")) {
    const field = row.querySelector("select, input:not(.slide)");
    const value = setting[row.dataset.key] ?? "";
    if (field.type === "checkbox") field.checked = value === "true";
    else field.value = value;
  }
  const asked = KEYS.filter((key) => setting[key]).map((key) => `${key}=${setting[key]}`).join("\n");
  const before = performance.now();
  document.getElementById("needs-form").dispatchEvent(new Event("input", { bubbles: true }));
  await until("decided", "shown", asked);
  document.body.getBoundingClientRect();
  const ms = performance.now() - before;
  // Sections elsewhere on the page come once that is painted.
  await until("settled", "needs", asked);
  document.getElementById("needs-form").dispatchEvent(new Event("change", { bubbles: true }));
  const sections = {};
  for (const id of ["verdict", "cost", "candidates", "hosting", "evidence", "assumed"]) {
    sections[id] = text(document.getElementById(id) ?? document.createElement("p"));
  }
  const drawn = [...document.querySelectorAll("#cost svg *")]
    .map((element) => [...element.attributes].map(({ name, value }) => `${name}=${value}`).sort().join(" ")).join("\n");
  await say({
    ms, sections, drawn, title: document.title, said: text(document.getElementById("needs-said")), hash: location.hash,
    toml: document.getElementById("needs-toml").textContent, command: document.getElementById("needs-command").textContent,
    foreign: document.querySelectorAll("#pwned, img, iframe, [onerror], [onmouseover]").length, pwned: "pwned" in window,
    scripts: document.scripts.length, fetched: performance.getEntriesByType("resource").map(({ name }) => name)
      .filter((name) => !name.startsWith("http://127.0.0.1")),
  });
}
"##;

type Setting = BTreeMap<String, String>;

fn probe(settings: &[Setting]) -> String {
    format!("const SETTINGS = {}; const KEYS = {}; {PROBE}", json!(settings), json!(KEYS))
}

/// Needs by chance: each is set or not, to a value that lets something through and something not.
fn setting(random: &mut fastrand::Rng) -> Setting {
    let mut setting = Setting::from([("stay_local".to_owned(), (random.u8(..8) == 0).to_string())]);
    setting.insert("goal".to_owned(), random.choice(["quality", "cost", "latency"]).unwrap().to_owned());
    let mut some = |key: &str, one_in: u8, random: &mut fastrand::Rng, value: String| {
        if random.u8(..one_in) == 0 {
            setting.insert(key.to_owned(), value);
        }
    };
    let margin = random.choice(["0", "0.005", "0.02", "0.1"]).unwrap().to_owned();
    some("margin", 2, random, margin);
    let value = format!("{:.3}", random.f64() * 0.7);
    some("min_quality", 3, random, value);
    let value = format!("{:.4}", 20.0 * random.f64().powi(3));
    some("max_cost_per_1k", 2, random, value);
    let value = format!("{:.1}", 1_000.0 * random.f64());
    some("max_p95_ms", 6, random, value);
    let value = format!("{:.1}", 40.0 * random.f64());
    some("max_memory_gb", 6, random, value);
    let value = random.u32(100..1_000_000).to_string();
    some("volume_per_day", 4, random, value);
    setting
}

fn settings(seed: u64) -> Vec<Setting> {
    let moves = std::env::var("ORDINATE_MOVES").map_or(20, |moves| moves.parse().unwrap());
    let mut random = fastrand::Rng::with_seed(seed);
    (0..moves).map(|_| setting(&mut random)).collect()
}

/// The verdict that `ordinate judge` gives for the run in `folder`.
fn judged(desk: &Desk, folder: &str, setting: &Setting) -> Verdict {
    let needs = KEYS.map(|key| format!("{key}={}", setting.get(key).map_or("none", String::as_str)));
    let arguments = ["judge", folder, "--json"].map(str::to_owned).into_iter();
    let ran = desk.ordinate(arguments.chain(needs.into_iter().flat_map(|need| ["--need".to_owned(), need])));
    assert_eq!(ran.status(), 0, "{setting:?}: {}", ran.stderr());
    serde_json::from_str(&ran.stdout()).unwrap()
}

/// The same of all settings, two at a time.
fn all_judged(desk: &Desk, folder: &str, settings: &[Setting]) -> Vec<Verdict> {
    let half = settings.len().div_ceil(2);
    std::thread::scope(|scope| {
        let parts: Vec<_> = settings
            .chunks(half.max(1))
            .map(|part| scope.spawn(|| part.iter().map(|one| judged(desk, folder, one)).collect::<Vec<_>>()))
            .collect();
        parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
    })
}

fn text_of(html: &str) -> String {
    let all: String = Html::parse_fragment(html).root_element().text().collect();
    all.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn drawn(html: &str) -> String {
    let fragment = Html::parse_fragment(html);
    let of = |element: scraper::ElementRef<'_>| {
        let mut attributes: Vec<String> =
            element.value().attrs().map(|(name, value)| format!("{name}={value}")).collect();
        attributes.sort_unstable();
        attributes.join(" ")
    };
    fragment.select(&Selector::parse("#cost svg *").unwrap()).map(of).collect::<Vec<_>>().join("\n")
}

/// Moves the needs of the page in `folder`, and holds what it shows to what `ordinate judge` says.
fn shows_what_the_program_says(desk: &Desk, folder: &str, settings: &[Setting]) -> Vec<Value> {
    let Some(browser) = chromium() else { return Vec::new() };
    let page = std::fs::read_to_string(desk.path(folder).join("report.html")).unwrap();
    let copy = tempfile::tempdir().unwrap();
    let said = probed(&browser, copy.path(), &page, "", &probe(settings), Policy::Own);
    let (end, said) = said.split_last().unwrap();
    assert_eq!(end["errors"], json!([]), "{folder}");
    assert!(said[0]["said"].as_str().unwrap().ends_with("So the run was judged."), "{}", said[0]);
    assert_eq!(said.len(), 1 + settings.len());
    let verdicts = all_judged(desk, folder, settings);
    for ((seen, setting), verdict) in said[1..].iter().zip(settings).zip(verdicts) {
        assert_eq!(seen["title"], ordinate_report::title(&verdict), "{setting:?}");
        for (id, html) in ordinate_report::sections(&verdict).unwrap() {
            assert_eq!(seen["sections"][id], text_of(&html), "{setting:?}: {id}");
            assert!(id != "cost" || seen["drawn"] == drawn(&html), "{setting:?}: the chart differs");
        }
        let copied: toml::Table = seen["toml"].as_str().unwrap().parse().unwrap();
        let copied: ordinate_core::Needs = copied["needs"].clone().try_into().unwrap();
        assert_eq!(copied, verdict.needs, "{setting:?}");
        assert_eq!(seen["fetched"], json!([]));
    }
    let mut times: Vec<f64> = said[1..].iter().map(|seen| seen["ms"].as_f64().unwrap()).collect();
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!(
        "{folder}: page {:.2} MB, ready after {:.0} ms, {} moves shown in {:.0} ms (median), {:.0} (95 %), {:.0} at most",
        page.len() as f64 / 1e6,
        said[0]["ready"].as_f64().unwrap(),
        times.len(),
        at(0.5),
        at(0.95),
        at(1.0)
    );
    said[1..].to_vec()
}

#[test]
fn lawbench_moved_by_hand() {
    let desk = Desk::new();
    desk.verdict(&root().join("examples/lawbench/ordinate.toml"), &[]);
    let size = std::fs::metadata(desk.path("run/report.html")).unwrap().len();
    assert!(size < 3_000_000, "{size}");
    let mut settings = settings(3);
    // As the run was judged, at last: reset.
    settings.push(Setting::from(
        [("goal", "quality"), ("stay_local", "false")].map(|(k, v)| (k.into(), v.into())),
    ));
    let seen = shows_what_the_program_says(&desk, "run", &settings);
    let Some(last) = seen.last() else { return };
    assert_eq!(last["command"], "ordinate judge RUN");
    assert_eq!(last["hash"], "#move");
    let outcomes: std::collections::BTreeSet<String> =
        seen.iter().map(|one| one["title"].to_string()).collect();
    assert!(outcomes.len() > 2, "the needs must matter: {outcomes:?}");
}

#[test]
fn triage_moved_by_hand() {
    let desk = Desk::new();
    desk.verdict(&root().join("examples/triage/ordinate.toml"), &[]);
    shows_what_the_program_says(&desk, "run", &settings(5));
}

/// Models, bare and one of them under methods, on 575 questions of medicine.
#[test]
fn medagents_moved_by_hand() {
    let Some(folder) = support::shared("evidence/medagents-hard") else { return };
    let candidates: Vec<Value> =
        serde_json::from_slice(&std::fs::read(folder.join("candidates.json")).unwrap()).unwrap();
    let quoted = |path: &str| json!(folder.join(path)).to_string();
    let mut task = format!(
        "[task]\nname = \"medicine\"\nkind = \"classify\"\n\n[data]\nitems = {}\nslice = \"task\"\n\n[combine]\nkinds = [\"single\", \"by-slice\", \
         \"cascade\"]\n",
        quoted("items.jsonl.gz")
    );
    let name_of = |one: &Value| one["name"].as_str().unwrap().to_owned();
    let some = |one: &&Value| !name_of(one).contains("--") || name_of(one).starts_with("gpt-4o-mini");
    for one in candidates.iter().filter(some) {
        let name = name_of(one);
        task += &format!(
            "\n[[candidate]]\nname = {}\nlineage = {}\nrecorded = {{ path = {} }}\n",
            one["name"],
            one["lineage"],
            quoted(&format!("{name}.jsonl.gz"))
        );
    }
    let desk = Desk::new();
    desk.verdict(&desk.write("t.toml", task), &[]);
    shows_what_the_program_says(&desk, "run", &settings(6));
}

#[test]
#[ignore = "of the run that ORDINATE_RUN names"]
fn a_run_moved_by_hand() {
    let run = std::env::var("ORDINATE_RUN").unwrap();
    let desk = Desk::new();
    assert_eq!(desk.ordinate(["report", &run]).status(), 0);
    shows_what_the_program_says(&desk, &run, &settings(7));
}

/// A table of a few items with such names of candidates and slices.
fn small(desk: &Desk, names: [&str; 3]) {
    let cell = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let mut table = "id,slice,candidate,score,cost_usd\n".to_owned();
    for item in 0..120 {
        for (at, name) in names.iter().enumerate() {
            let score = u8::from((item * 7 + at * 5) % 10 < 5 + at);
            table += &format!("i{item},{},{},{score},0.00{}\n", cell(names[item % 3]), cell(name), at + 1);
        }
    }
    desk.write("e.csv", table);
    let mut task = "[task]\nname = \"<b id='pwned'>t</b>\"\nkind = \"scored\"\n\n[data]\nevidence = \"e.csv\"\n\n[needs]\nmax_cost_per_1k = 2.5\n".to_owned();
    for (name, lineage) in names.iter().zip(["general", "general", "vertical"]) {
        task += &format!("\n[[candidate]]\nname = {}\nlineage = \"{lineage}\"\n", json!(name));
    }
    let task = desk.write("t.toml", task);
    desk.verdict(&task, &[]);
}

const HOSTILE: [&str; 3] = [
    "<img src=x onerror=window.pwned=1>",
    "</template><script>window.pwned=1</script>",
    "a\" onmouseover=\"window.pwned=1",
];

#[test]
fn names_stay_names_wherever_needs_are_moved() {
    let Some(browser) = chromium() else { return };
    let desk = Desk::new();
    small(&desk, HOSTILE);
    let settings = settings(9);
    let seen = shows_what_the_program_says(&desk, "run", &settings);
    let page = std::fs::read_to_string(desk.path("run/report.html")).unwrap();
    let copy = tempfile::tempdir().unwrap();
    let bare = probed(&browser, copy.path(), &page, "", &probe(&settings), Policy::Off);
    for one in seen.iter().chain(&bare[1..bare.len() - 1]) {
        assert_eq!(
            (&one["foreign"], &one["pwned"], &one["scripts"]),
            (&json!(0), &json!(false), &json!(2)),
            "{one}"
        );
    }
    assert_eq!(bare.last().unwrap()["errors"], json!([]));
}

#[test]
fn the_address_keeps_what_was_moved_and_says_what_cannot_be() {
    let Some(browser) = chromium() else { return };
    let desk = Desk::new();
    small(&desk, ["a", "b", "c"]);
    let page = std::fs::read_to_string(desk.path("run/report.html")).unwrap();
    let copy = tempfile::tempdir().unwrap();
    let setting: Setting = [("goal", "cost"), ("margin", "0.05"), ("stay_local", "false")]
        .map(|(k, v)| (k.into(), v.into()))
        .into();
    let first = probed(&browser, copy.path(), &page, "", &probe(std::slice::from_ref(&setting)), Policy::Own);
    let hash = first[1]["hash"].as_str().unwrap();
    assert_eq!(hash, "#needs?goal=cost&margin=0.05&max_cost_per_1k=none");
    assert_eq!(
        first[1]["command"],
        "ordinate judge RUN --need goal=cost --need margin=0.05 --need max_cost_per_1k=none"
    );
    let refused: Setting = [("goal", "cost"), ("margin", "2"), ("stay_local", "false")]
        .map(|(k, v)| (k.into(), v.into()))
        .into();
    let again = probed(&browser, copy.path(), &page, hash, &probe(&[setting.clone(), refused]), Policy::Own);
    assert!(!again[0]["said"].as_str().unwrap().contains("So the run was judged"), "{}", again[0]);
    assert_eq!(again[0]["said"], first[1]["said"]);
    assert_eq!(again[1]["sections"], first[1]["sections"]);
    assert_eq!(again[2]["sections"], first[1]["sections"], "what cannot be used changes nothing");
    assert!(again[2]["said"].as_str().unwrap().contains("a number in [0, 1)"), "{}", again[2]["said"]);
    assert_eq!(again.last().unwrap()["errors"], json!([]));
}

#[test]
fn a_page_without_script_or_trials_is_what_it_was() {
    let desk = Desk::new();
    small(&desk, ["a", "b", "c"]);
    let page = std::fs::read_to_string(desk.path("run/report.html")).unwrap();
    assert!(page.contains("html:not(.js) .moving{display:none}"));
    // What cannot be read is left out, and said.
    desk.write("run/trials.zst", b"no trials");
    assert_eq!(desk.ordinate(["report", "run"]).status(), 0);
    let page = std::fs::read_to_string(desk.path("run/report.html")).unwrap();
    assert!(page.contains("(trials.zst) cannot be read") && !page.contains("id=\"page-module\""));
    std::fs::remove_file(desk.path("run/trials.zst")).unwrap();
    assert_eq!(desk.ordinate(["report", "run"]).status(), 0);
    let page = std::fs::read_to_string(desk.path("run/report.html")).unwrap();
    assert!(!page.contains("id=\"move\""));
}
