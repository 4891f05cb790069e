//! Recorded evidence as if its candidates were asked: each answers what it is recorded to have scored, at its recorded price.
#![allow(unreachable_pub)]

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use flate2::read::GzDecoder;
use ordinate::{
    CandidateKind, CandidateKinds, Error, Opened, Opening, Options, Place, Run, read_task_of, run,
};
use ordinate_core::{Item, Output, OutputKind};
use ordinate_measure::{Answerer, Attempt, Contender, Request};
use ordinate_remote::{PromptError, Reply};
use ordinate_tasks::metric::Metric;
use ordinate_tasks::reading::{Extracted, Labels, Unreadable, Wrote};
use ordinate_tasks::{Kind, Kinds, Template};
use serde_json::Value;

use crate::support::{Desk, root};

/// Item to score and USD, of each candidate.
type Recorded = HashMap<String, HashMap<String, (f64, Option<f64>)>>;

/// One set of evidence.
pub struct Evidence {
    name: &'static str,
    items: Vec<Value>,
    lineages: Vec<(String, String)>,
    recorded: Arc<Recorded>,
}

/// One question to it: some of its candidates, under some needs.
pub struct Case {
    evidence: Arc<Evidence>,
    candidates: Vec<(String, String)>,
    needs: &'static str,
    seed: u64,
}

/// What came of a case.
pub struct Replayed {
    of: String,
    needs: &'static str,
    /// Answers that were asked for, of all.
    share: f64,
    settled: (String, String),
    all: (String, String),
    /// How much less quality the one that was named has on all items than the one that all answers name.
    regret: Option<f64>,
}

#[derive(Debug)]
struct AsScored;

impl Metric for AsScored {
    fn name(&self) -> &'static str {
        "as-scored"
    }

    fn about(&self) -> &'static str {
        "The score that is recorded."
    }

    fn score(&self, output: &Output, _: &str) -> f64 {
        if let Output::Number(score) = output { *score } else { 0.0 }
    }
}

#[derive(Debug)]
struct ReplayedKind;

impl Kind for ReplayedKind {
    fn name(&self) -> &'static str {
        "replayed"
    }

    fn about(&self) -> &'static str {
        "Answers are what they scored."
    }

    fn output(&self) -> Option<OutputKind> {
        Some(OutputKind::Number)
    }

    fn metrics(&self) -> Vec<Arc<dyn Metric>> {
        vec![Arc::new(AsScored)]
    }

    fn prompt(&self) -> Option<Template> {
        Some(Template { system: "", user: "{{ input }}" })
    }

    fn read(&self, _: &Item, _: &Labels, reply: Wrote<'_>) -> Result<Extracted, Unreadable> {
        let score = reply.text.parse().map_err(|_| Unreadable("no number".into()))?;
        Ok(Extracted { output: Output::Number(score), span: 0..reply.text.len() })
    }

    fn max_tokens(&self) -> u32 {
        8
    }
}

struct Recording(Arc<Recorded>);

impl CandidateKind for Recording {
    fn name(&self) -> &'static str {
        "recording"
    }

    fn takes(&self, place: Place<'_>) -> Result<bool, Error> {
        Ok(place.entry.custom.is_some())
    }

    fn check(&self, _: Place<'_>) -> Result<String, Error> {
        Ok("says what is recorded".to_owned())
    }

    fn open(&self, opening: &Opening<'_>) -> Result<Opened, Error> {
        let name = opening.place.entry.name.clone();
        let answerer = Player { name: name.to_string(), recorded: Arc::clone(&self.0) };
        Ok(Opened::new(Contender::new(name, answerer)))
    }
}

struct Player {
    name: String,
    recorded: Arc<Recorded>,
}

impl Answerer for Player {
    fn identity(&self) -> String {
        format!("recording {}", self.name)
    }

    fn request(&self, _: usize, item: &Item) -> Result<String, PromptError> {
        Ok(item.id.clone())
    }

    fn ask<'a>(&'a self, batch: &'a [Request]) -> Attempt<'a> {
        let reply = |request: &Request| {
            let (score, cost_usd) = self.recorded[&self.name][&request.body];
            Ok(Reply { text: score.to_string(), cost_usd, ..Reply::default() })
        };
        Box::pin(std::future::ready(Ok(batch.iter().map(reply).collect())))
    }
}

fn lines(path: &Path) -> Vec<Value> {
    let lines = BufReader::new(GzDecoder::new(File::open(path).unwrap())).lines();
    lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect()
}

fn evidence(name: &'static str) -> Arc<Evidence> {
    let folder = root().join("../shared/data/evidence").join(name);
    let candidates: Vec<Value> =
        serde_json::from_slice(&std::fs::read(folder.join("candidates.json")).unwrap()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let lineages: Vec<(String, String)> =
        candidates.iter().map(|one| (text(&one["name"]), text(&one["lineage"]))).collect();
    let scores = |(name, _): &(String, String)| {
        let rows = lines(&folder.join(format!("{name}.jsonl.gz")));
        // Scores a little below 0 are the worst there is, as in the evidence of the command line.
        let row = |row: &Value| {
            Some((text(&row["id"]), (row["score"].as_f64()?.clamp(0.0, 1.0), row["cost_usd"].as_f64())))
        };
        (name.clone(), rows.iter().filter_map(row).collect())
    };
    let recorded: Recorded = lineages.iter().map(scores).collect();
    let mut items = lines(&folder.join("items.jsonl.gz"));
    let answered = |id: &str| lineages.iter().all(|(name, _)| recorded[name].contains_key(id));
    items.retain(|item| answered(item["id"].as_str().unwrap()));
    Arc::new(Evidence { name, items, lineages, recorded: Arc::new(recorded) })
}

/// The cases; `None`, said, where the evidence is not there.
pub fn cases() -> Option<Vec<Case>> {
    if !root().join("../shared/data/evidence").is_dir() {
        eprintln!("skipped: ../shared/data is not here");
        return None;
    }
    let seed = std::env::var("ORDINATE_SEED").map_or(0, |seed| seed.parse().unwrap());
    let mut cases = Vec::new();
    let mut add = |evidence: &Arc<Evidence>, which: &dyn Fn(&str) -> bool, all: &[&'static str]| {
        for needs in all {
            let candidates = evidence.lineages.iter().filter(|(name, _)| which(name)).cloned().collect();
            cases.push(Case { evidence: Arc::clone(evidence), candidates, needs, seed });
        }
    };
    let law = evidence("lawbench");
    add(
        &law,
        &|_| true,
        &[
            "",
            "margin = 0.02",
            "goal = \"cost\"\nmargin = 0.02",
            "goal = \"cost\"\nmargin = 0.1",
            "max_cost_per_1k = 0.1",
            "max_cost_per_1k = 1.0",
            "max_cost_per_1k = 5.0",
            "goal = \"cost\"\nmin_quality = 0.4",
            "goal = \"cost\"\nmin_quality = 0.5",
        ],
    );
    let few = [
        "",
        "margin = 0.02",
        "goal = \"cost\"\nmargin = 0.05",
        "max_cost_per_1k = 1.0",
        "goal = \"cost\"\nmin_quality = 0.35",
    ];
    add(&law, &|name| ["GPT4", "qwen-7b-chat-hf", "fuzi-mingcha-7b-hf"].contains(&name), &few);
    let weaker =
        ["GPT-3.5-turbo-0613", "internlm-chat-7b-8k-hf", "hanfei-1.0-7b-hf", "wisdom-interrogatory-7b-hf"];
    add(&law, &|name| weaker.contains(&name), &few);
    add(
        &evidence("routellm-mmlu"),
        &|_| true,
        &[
            "",
            "margin = 0.01",
            "goal = \"cost\"\nmargin = 0.02",
            "goal = \"cost\"\nmargin = 0.05",
            "goal = \"cost\"\nmargin = 0.15",
            "max_cost_per_1k = 1.0",
            "goal = \"cost\"\nmin_quality = 0.75",
        ],
    );
    let medicine = evidence("medagents-hard");
    let bare_and_under_methods =
        |name: &str| name.starts_with("gpt-4o-mini") || name.starts_with("DeepSeek-V3");
    add(
        &medicine,
        &bare_and_under_methods,
        &["", "margin = 0.02", "goal = \"cost\"\nmargin = 0.05", "max_cost_per_1k = 2.0"],
    );
    add(
        &medicine,
        &|name| !name.contains("--"),
        &[
            "",
            "goal = \"cost\"\nmargin = 0.05",
            "max_cost_per_1k = 1.0",
            "goal = \"cost\"\nmin_quality = 0.25",
        ],
    );
    add(
        &evidence("wmt24-en-zh"),
        &|name| name != "refA",
        &[
            "",
            "margin = 0.01",
            "goal = \"cost\"\nmargin = 0.02",
            "goal = \"cost\"\nmargin = 0.05",
            "max_cost_per_1k = 1.0",
            "goal = \"cost\"\nmin_quality = 0.8",
        ],
    );
    Some(cases)
}

/// Runs each case twice: until the verdict stands, and to the end.
pub async fn all(cases: Vec<Case>) -> Vec<Replayed> {
    let mut replayed = Vec::new();
    for case in cases {
        let desk = Desk::new();
        let settled = case.ran(&desk, "stop_settled = true").await;
        let all = case.ran(&desk, "").await;
        let said = |run: &Run| {
            let name =
                run.verdict.recommended.as_ref().map_or_else(|| "nobody".into(), |one| one.name.clone());
            (run.verdict.outcome.to_string(), name)
        };
        let (now, end) = (said(&settled), said(&all));
        let quality = |name: &str| {
            let mut rows = all.verdict.candidates.iter().map(|row| (row.name.to_string(), row.quality.mean));
            let policies = all.verdict.policies.iter().map(|row| (row.name.clone(), row.quality.mean));
            rows.by_ref().chain(policies).find(|(one, _)| one == name).map(|(_, quality)| quality)
        };
        let answers = |run: &Run| run.verdict.measured.iter().map(|one| one.answered).sum::<u64>() as f64;
        replayed.push(Replayed {
            of: format!("{} ({})", case.evidence.name, case.candidates.len()),
            needs: case.needs,
            share: answers(&settled) / answers(&all),
            regret: quality(&end.1).zip(quality(&now.1)).map(|(best, named)| best - named),
            settled: now,
            all: end,
        });
    }
    replayed
}

impl Case {
    async fn ran(&self, desk: &Desk, measure: &str) -> Run {
        let rows = self.evidence.items.iter().map(|item| {
            let mut row = serde_json::json!({ "id": item["id"], "text": item["id"], "slice": item["task"], "target": "0" });
            if let Some(document) = item["doc"].as_str() {
                row["group"] = document.into();
            }
            row.to_string() + "\n"
        });
        desk.write("items.jsonl", rows.collect::<String>());
        let group = if self.evidence.items[0]["doc"].is_string() { "group = \"group\"\n" } else { "" };
        let mut text = format!(
            "[task]\nname = \"t\"\nkind = \"replayed\"\n[data]\nitems = \"items.jsonl\"\ninput = \"text\"\ntarget = \"target\"\nslice = \
             \"slice\"\n{group}[needs]\n{}\n[measure]\n{measure}\n[statistics]\nseed = {}\n[combine]\nkinds = [\"single\", \"by-slice\"]\n",
            self.needs, self.seed
        );
        for (name, lineage) in &self.candidates {
            let custom = "custom = { kind = \"recording\" }";
            let _ = write!(text, "[[candidate]]\nname = \"{name}\"\nlineage = \"{lineage}\"\n{custom}\n");
        }
        let options = Options {
            folder: Some(desk.path("run")),
            cache: Some(desk.path("cache")),
            kinds: CandidateKinds::default().with(Recording(Arc::clone(&self.evidence.recorded))),
            task_kinds: Kinds::builtin().with(&ReplayedKind),
            ..Options::default()
        };
        let task = read_task_of(&desk.write("t.toml", text), &options.task_kinds).unwrap();
        run(&task, &options, Arc::new(())).await.unwrap()
    }
}

/// The table, and the figures over it.
pub fn shown(replayed: &[Replayed]) {
    println!(
        "| evidence (candidates) | needs | answers asked for | then | with all | regret |\n|---|---|---|---|---|---|"
    );
    for one in replayed {
        let regret = one.regret.map_or_else(String::new, |regret| format!("{regret:.4}"));
        println!(
            "| {} | {} | {:.1} % | {}: {} | {}: {} | {regret} |",
            one.of,
            one.needs.replace('\n', ", "),
            100.0 * one.share,
            one.settled.0,
            one.settled.1,
            one.all.0,
            one.all.1
        );
    }
    let count = replayed.len() as f64;
    let share =
        |which: &dyn Fn(&&Replayed) -> bool| 100.0 * replayed.iter().filter(which).count() as f64 / count;
    let decided = |one: &&Replayed| one.settled.0 != "undecided" && one.settled.0 != one.all.0;
    println!(
        "\n{} cases: {:.1} % of the answers were asked for on average; the same outcome in {:.1} %, the same one named in {:.1} %; decided \
         otherwise than all answers say in {:.1} %",
        replayed.len(),
        100.0 * replayed.iter().map(|one| one.share).sum::<f64>() / count,
        share(&|one| one.settled.0 == one.all.0),
        share(&|one| one.settled == one.all),
        share(&decided),
    );
    assert!(replayed.iter().all(|one| one.share <= 1.0));
}
