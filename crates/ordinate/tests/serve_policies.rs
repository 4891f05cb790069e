//! Policies over recorded answers, served once it is said how their candidates are asked (`--upstreams`): every item gets the
//! answer that was measured, from votes, means and selections too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

#[path = "support/served.rs"]
mod served;
mod support;

use ordinate_combine::{Artefact, replay_served};
use ordinate_core::PolicyKind;
use ordinate_faults::{FaultServer, Script, prompt_of};
use serde_json::{Value, json};
use served::Served;
use support::Desk;

const ITEMS: usize = 180;
const SLICES: [&str; 2] = ["fruit", "root"];

type Says = fn(usize) -> String;

/// A task, its candidates as they were recorded, and as they answer live: the same.
struct Live {
    desk: Desk,
    _servers: Vec<FaultServer>,
}

fn number(text: &str) -> usize {
    text.split("number ").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok()).unwrap_or(0)
}

impl Live {
    async fn start(kind: &str, target: Says, candidates: [(&str, Says); 3]) -> Self {
        let desk = Desk::new();
        let items = (0..ITEMS).map(|at| {
            let text = format!("{} number {at} of many", ["ripe", "raw", "sour"][at % 3]);
            let target: Value = serde_json::from_str(&target(at)).unwrap_or_else(|_| json!(target(at)));
            json!({ "id": at.to_string(), "text": text, "of": SLICES[at % 2], "target": target }).to_string()
        });
        desk.write("items.jsonl", items.collect::<Vec<_>>().join("\n"));
        let mut task = format!(
            "[task]\nname = \"live\"\nkind = \"{kind}\"\n[data]\nitems = \"items.jsonl\"\ninput = \"text\"\ntarget = \"target\"\nslice = \"of\"\n"
        );
        let (mut upstreams, mut servers) = (String::new(), Vec::new());
        for (at, (name, says)) in candidates.into_iter().enumerate() {
            let rows = (0..ITEMS)
                .map(|at| json!({ "id": at.to_string(), "output": says(at), "cost_usd": 1e-4 }).to_string());
            desk.write(&format!("{name}.jsonl"), rows.collect::<Vec<_>>().join("\n"));
            let head = format!(
                "[[candidate]]\nname = \"{name}\"\nlineage = \"{}\"\n",
                ["general", "vertical"][at % 2]
            );
            task += &format!("{head}recorded = {{ path = \"{name}.jsonl\" }}\n");
            let server =
                FaultServer::start(Script::new(move |body| says(number(prompt_of(body))))).await.unwrap();
            upstreams +=
                &format!("{head}openai = {{ model = \"{name}\", base_url = \"{}\" }}\n", server.base_url());
            servers.push(server);
        }
        desk.write("upstreams.toml", upstreams);
        let path = desk.write("task.toml", task);
        desk.verdict(&path, &["--quiet"]);
        Self { desk, _servers: servers }
    }

    /// Serves each policy of the run, asks it about every item, and hands the answer and what was measured to `same`. Gives the
    /// kinds of policies that there were.
    fn replay(&self, same: impl Fn(usize, &Value, f64) -> bool) -> Vec<String> {
        let evidence = ordinate_data::read_evidence(&self.desk.path("run/evidence.parquet")).unwrap();
        let rows = evidence.view().rows;
        let mut kinds = Vec::new();
        for file in std::fs::read_dir(self.desk.path("run/policies")).unwrap() {
            let path = file.unwrap().path();
            // What a policy promises lies beside it.
            if path.to_string_lossy().contains(".promise") {
                continue;
            }
            let artefact = Artefact::from_json(&std::fs::read_to_string(&path).unwrap()).unwrap();
            // A coin is tossed by the text here, and by its expectation there.
            if artefact.mix.is_some() || artefact.policy.kind() == PolicyKind::ZeroRouter {
                continue;
            }
            let policy = artefact.name.clone();
            kinds.push(artefact.policy.kind().to_string());
            let replayed = replay_served(&artefact, &evidence, &rows);
            let further =
                ["run", "--policy", &policy, "--upstreams", "upstreams.toml", "--no-stand-in", "--no-record"];
            let server = Served::start(&self.desk, &further);
            for chunk in rows.chunks(60) {
                let items: Vec<Value> = chunk
                    .iter()
                    .map(|&row| json!({ "text": evidence.items().input(row).unwrap(), "of": SLICES[number(evidence.items().input(row).unwrap()) % 2] }))
                    .collect();
                let answers = server.post("/v1/tasks/live/answer", &json!({ "items": items })).json();
                for (answer, &row) in answers["answers"].as_array().unwrap().iter().zip(chunk) {
                    let at = number(evidence.items().input(row).unwrap());
                    let quality = replayed.quality[row];
                    assert!(
                        same(at, &answer["answer"], quality),
                        "{policy}, item {at}: {quality} and {answer}"
                    );
                }
            }
        }
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_are_voted_for_and_chosen_as_they_were_measured() {
    const LABELS: [&str; 3] = ["low", "high", "none"];
    fn label(at: usize) -> String {
        LABELS[at % 3].to_owned()
    }
    fn unless(at: usize, wrong: bool) -> String {
        LABELS[(at + usize::from(wrong)) % 3].to_owned()
    }
    let live = Live::start(
        "classify",
        label,
        [
            ("one", |at| unless(at, at % 2 == 0 && at % 5 != 0)),
            ("two", |at| unless(at, at % 2 == 1 && at % 7 != 0)),
            ("three", |at| unless(at, at % 4 == 3)),
        ],
    )
    .await;
    let kinds = live.replay(|at, answer, quality| (answer == &json!(label(at))) == (quality > 0.5));
    for kind in ["single", "vote", "weighted", "select", "by-slice", "route", "stack"] {
        assert!(kinds.iter().any(|one| one == kind), "{kind} is not among {kinds:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn means_of_numbers_are_served() {
    fn target(at: usize) -> String {
        (1.0 + (at % 5) as f64).to_string()
    }
    fn off(at: usize, by: f64) -> String {
        (1.0 + (at % 5) as f64 + by).to_string()
    }
    let live = Live::start(
        "regress",
        target,
        [
            ("high", |at| off(at, 0.5 + 0.125 * (at % 3) as f64)),
            ("low", |at| off(at, -0.5 - 0.125 * (at % 4) as f64)),
            ("three", |_| "3".to_owned()),
        ],
    )
    .await;
    // Targets reach from 1 to 5.
    let score = |at: usize, answer: f64| (1.0 - (answer - (1.0 + (at % 5) as f64)).abs() / 4.0).max(0.0);
    // What is merged has a score where the metric is at hand, which evidence that is read again has not: it lies between the
    // candidates then.
    let between = |at: usize, answer: f64| {
        let target = 1.0 + (at % 5) as f64;
        ((target - 0.875).min(3.0)..=(target + 0.75).max(3.0)).contains(&answer)
    };
    let kinds = live.replay(|at, answer, quality| {
        let number = answer.as_f64();
        number.is_some_and(|answer| match quality.is_nan() {
            true => between(at, answer),
            false => (score(at, answer) - quality).abs() < 1e-6,
        })
    });
    assert!(
        kinds.iter().any(|kind| kind == "weighted") && kinds.iter().any(|kind| kind == "vote"),
        "{kinds:?}"
    );
}
