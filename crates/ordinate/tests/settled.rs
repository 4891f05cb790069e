//! Asking that ends when the verdict stands (`[measure] stop_settled`): through the real binary, and replayed on the evidence
//! beside the checkout, where it takes a minute or two:
//!
//!     cargo nextest run --workspace --test settled --run-ignored only --no-capture
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)] // a test may

#[path = "support/live.rs"]
mod on_headlines;
#[path = "settled/replay.rs"]
mod replay;
mod support;

use std::collections::HashMap;
use std::path::PathBuf;

use on_headlines::{asked, headlines, measured};
use ordinate_faults::{FaultServer, Script};
use support::{Desk, named, number};

const ITEMS: usize = 2_000;

/// A model that is right of everything, one that says "up" of everything, and one that learns here.
fn task(desk: &Desk, servers: [&FaultServer; 2], measure: &str) -> PathBuf {
    let mut text = format!(
        "[task]\nname = \"headlines\"\nkind = \"classify\"\n[data]\nitems = \"test.jsonl\"\ninput = \"text\"\ntarget = \
         \"label\"\n[combine]\nkinds = [\"single\"]\n[data_needs]\nmeasure = \"none\"\n[measure]\n{measure}\n[[candidate]]\nname \
         = \"own\"\nlineage = \"vertical\"\nlocal = {{ model = \"ngram-linear\" }}\n"
    );
    for (name, server) in ["right", "up"].into_iter().zip(servers) {
        text += &format!(
            "[[candidate]]\nname = \"{name}\"\nlineage = \"general\"\nopenai = {{ model = \"m\", base_url = \"{}\", price = {{ input = \
             2.0, output = 8.0 }} }}\n",
            server.base_url()
        );
    }
    desk.write("task.toml", text)
}

async fn servers(desk: &Desk) -> [FaultServer; 2] {
    let rows = headlines(desk, ITEMS);
    let said = |row: &serde_json::Value, key: &str| row[key].as_str().unwrap().to_owned();
    let right: HashMap<String, String> =
        rows.iter().map(|row| (said(row, "text").trim().to_lowercase(), said(row, "label"))).collect();
    let knows = Script::new(move |body| right.get(&asked(body)).cloned().unwrap_or_else(|| "none".into()));
    let up = Script::new(|_| "up".to_owned());
    [FaultServer::start(knows).await.unwrap(), FaultServer::start(up).await.unwrap()]
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_ends_when_the_verdict_stands() {
    let desk = Desk::new();
    let both = servers(&desk).await;
    let settled = task(&desk, [&both[0], &both[1]], "stop_settled = true");
    let verdict = desk.verdict(&settled, &[]);
    let part = measured(&verdict, "right")["answered"].as_u64().unwrap();
    assert!((100..=400).contains(&part), "two looks at a clear case: {part}");
    assert_eq!(both.each_ref().map(|server| server.counts().asked), [part, part]);
    assert_eq!(verdict["recommended"]["name"], "right");
    assert_eq!(verdict["basis"]["items"], part);
    let told = verdict["assumed"].to_string();
    assert!(told.contains(&format!("asked about {part} of {ITEMS} items, drawn at random")), "{told}");
    assert!(
        told.contains("the verdict was the same (general: right)")
            && told.contains("would have cost about $"),
        "{told}"
    );
    // What learns here learned from all: n-grams from a tenth of the labels would be worse.
    let own = number(named(&verdict, "candidates", "own"), "quality.mean");
    assert!(own > 0.75, "{own}");
    // The same again asks nobody, and reading anew finds what there is.
    let again = desk.verdict(&settled, &["--resume"]);
    assert_eq!(both.each_ref().map(|server| server.counts().asked), [part, part]);
    assert_eq!(again["recommended"], verdict["recommended"]);
    let anew = desk.ordinate(["run", settled.to_str().unwrap(), "--out", "run", "--rescore"]);
    assert_eq!(anew.status(), 0, "{}", anew.stderr());
    assert!(
        anew.stderr().contains(&format!("right: 0 of {part} answers read otherwise")),
        "{}",
        anew.stderr()
    );
    // All of them after all: only the others are asked about.
    let all = desk.verdict(&task(&desk, [&both[0], &both[1]], ""), &[]);
    assert_eq!(both.each_ref().map(|server| server.counts().asked), [ITEMS as u64; 2]);
    assert_eq!((&all["outcome"], &all["basis"]["items"]), (&verdict["outcome"], &ITEMS.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_are_asked_about_the_same_items() {
    let desk = Desk::new();
    let rows = headlines(&desk, 400);
    // Two that are right of most, and of as many.
    let knows = |offset: usize| {
        let said = |row: &serde_json::Value, key: &str| row[key].as_str().unwrap().to_owned();
        let right: HashMap<String, String> = rows
            .iter()
            .enumerate()
            .filter(|(at, _)| !(at + offset).is_multiple_of(9))
            .map(|(_, row)| (said(row, "text").trim().to_lowercase(), said(row, "label")))
            .collect();
        Script::new(move |body| right.get(&asked(body)).cloned().unwrap_or_else(|| "neutral".into()))
    };
    let both = [FaultServer::start(knows(0)).await.unwrap(), FaultServer::start(knows(4)).await.unwrap()];
    let path = task(&desk, [&both[0], &both[1]], "stop_settled = true\nmax_spend = 5.0");
    let verdict = desk.verdict(&path, &[]);
    let asked = both[0].counts().asked;
    assert_eq!(asked, both[1].counts().asked, "both about the same items");
    assert_eq!(verdict["basis"]["items"], asked);
    let path = task(&desk, [&both[0], &both[1]], "stop_settled = true\nstop_early = true");
    let message = desk.ordinate(["run", path.to_str().unwrap()]).refusal();
    assert!(message.contains("stop_settled: stop_early is set too"), "{message}");
}

/// What it saves, and how often it says something else than all answers do: forty cases of the evidence beside the checkout.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "replays forty cases"]
async fn forty_cases_replayed() {
    let Some(cases) = replay::cases() else { return };
    replay::shown(&replay::all(cases).await);
}
