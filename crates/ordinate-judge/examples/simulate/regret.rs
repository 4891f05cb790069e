//! Real evidence cut in two: a verdict from 30 % of the items, held against what was best on the other 70 %.

use std::path::Path;

use ordinate_combine::{Artefact, Played, random, record};
use ordinate_core::evidence::{EvidenceBuilder, ItemFields, Status};
use ordinate_core::verdict::Verdict;
use ordinate_core::{Answer, Dial, Evidence, Mix, PolicyKind, Score};
use ordinate_data::{infer_task_for, load_evidence, read_task};
use ordinate_trials::{Board, Pick, Priced};

use crate::{judge, judged, learned};

const MARGIN: f64 = 0.02;

pub(crate) fn show(cuts: u64, folders: &[String]) {
    println!(
        "{:<20} {:<22} {:>10} {:>10} {:>14}  recommended",
        "evidence", "goal", "mean", "largest", "of the cost"
    );
    for folder in folders {
        let name =
            Path::new(folder).file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        let evidence = read(Path::new(folder));
        let all: Vec<[Cut; 2]> = (0..cuts).map(|seed| cut(&evidence, seed)).collect();
        for (number, goal) in ["quality", "cost, margin 0.02"].into_iter().enumerate() {
            let cuts: Vec<&Cut> = all.iter().map(|cuts| &cuts[number]).collect();
            let mean = cuts.iter().map(|cut| cut.regret).sum::<f64>() / cuts.len() as f64;
            let largest = cuts.iter().map(|cut| cut.regret).fold(0.0, f64::max);
            let costs: Vec<f64> = cuts.iter().filter_map(|cut| cut.cost).collect();
            let cost = costs.iter().sum::<f64>() / costs.len() as f64;
            let names: Vec<&str> = cuts.iter().map(|cut| cut.recommended.as_str()).collect();
            println!("{name:<20} {goal:<22} {mean:>10.4} {largest:>10.4} {cost:>14.3}  {}", names.join(", "));
        }
    }
}

/// What came of one verdict.
struct Cut {
    recommended: String,
    /// Quality that was lost against the best in hindsight; for the goal of cost beyond the margin.
    regret: f64,
    /// For the goal of cost: what was paid, as a share of the cheapest that kept the margin in hindsight.
    cost: Option<f64>,
}

/// One cut, for the goals of quality and of cost: what is learned is the same.
fn cut(evidence: &Evidence, seed: u64) -> [Cut; 2] {
    let mut rows: Vec<usize> = (0..evidence.len()).collect();
    random::shuffle(&mut rows, seed);
    let mut later = rows.split_off(3 * evidence.len() / 10);
    later.sort_unstable();
    rows.sort_unstable();
    let learned = learned(&subset(evidence, &rows));
    let by_quality = judge(&learned, &[], 500);
    let by_cost = judged(learned, &["goal=cost", "margin=0.02"], 500);
    // What the other verdict speaks of stands elsewhere on its curve.
    let elsewhere = |artefact: &Artefact| {
        let row = by_quality.policies.iter().find(|row| row.name == artefact.name);
        let (dial, mix) = (row.and_then(|row| row.dial), row.and_then(|row| row.mix));
        play(artefact, dial.unwrap_or(artefact.dial), mix, evidence, &later)
    };
    let board = Board::new(evidence, &later, None);
    let priced = Priced::new(&board, &[]);
    let means = |played: &Played<'_>| (mean(&played.quality), mean(&played.cost_usd));
    let singles: Vec<(String, (f64, f64))> = (0..evidence.candidates().len())
        .map(|c| (evidence.candidates()[c].name.to_string(), means(&priced.single(c))))
        .collect();
    let joining = || by_cost.artefacts.iter().filter(|artefact| artefact.policy.kind() != PolicyKind::Single);
    let own = |artefact: &Artefact| play(artefact, artefact.dial, artefact.mix, evidence, &later);
    let named = |play: &dyn Fn(&Artefact) -> Played<'static>| -> Vec<(String, (f64, f64))> {
        let policies = joining().map(|artefact| (artefact.name.clone(), means(&play(artefact))));
        singles.iter().cloned().chain(policies).collect()
    };
    [regretted(&by_quality, &named(&elsewhere), false), regretted(&by_cost.verdict, &named(&own), true)]
}

/// What the verdict lost against the best in hindsight of everything that could have been recommended.
fn regretted(verdict: &Verdict, outcomes: &[(String, (f64, f64))], by_cost: bool) -> Cut {
    let best = outcomes.iter().map(|(_, (quality, _))| *quality).fold(f64::NEG_INFINITY, f64::max);
    let Some(recommended) = &verdict.recommended else {
        return Cut { recommended: "nobody".to_owned(), regret: best, cost: None };
    };
    let own = outcomes.iter().find(|(name, _)| *name == recommended.name);
    let (quality, cost) = own.map_or((0.0, f64::NAN), |(_, own)| *own);
    let allowed = if by_cost { MARGIN } else { 0.0 };
    let cheapest = outcomes
        .iter()
        .map(|(_, own)| *own)
        .filter(|(quality, cost)| *quality >= best - MARGIN && cost.is_finite())
        .map(|(_, cost)| cost)
        .fold(f64::INFINITY, f64::min);
    Cut {
        recommended: recommended.name.clone(),
        regret: (best - allowed - quality).max(0.0),
        cost: (by_cost && cost.is_finite() && cheapest.is_finite()).then_some(cost / cheapest),
    }
}

fn play(
    artefact: &Artefact,
    dial: Dial,
    mix: Option<Mix>,
    evidence: &Evidence,
    rows: &[usize],
) -> Played<'static> {
    let dials: Vec<Dial> = [dial].into_iter().chain(mix.map(|mix| mix.dial)).collect();
    let plays = record(artefact.policy.as_ref(), evidence, rows, &dials);
    let pick = Pick { dial: 0, mix: mix.map(|mix| (1, mix.share)) };
    Priced::new(&Board::new(evidence, rows, None), &[]).played(&plays, &|_| pick)
}

/// The mean of what is known.
fn mean(values: &[f64]) -> f64 {
    let known: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    known.iter().sum::<f64>() / known.len() as f64
}

/// Reads a folder of recorded answers as `ordinate init` and `ordinate run` do.
fn read(folder: &Path) -> Evidence {
    let scratch = tempfile::tempdir().expect("a folder");
    let task = scratch.path().join("ordinate.toml");
    std::fs::write(&task, infer_task_for(folder, scratch.path()).expect("a task")).expect("written");
    load_evidence(&read_task(&task).expect("a task")).expect("evidence").evidence
}

/// These rows by themselves.
fn subset(evidence: &Evidence, rows: &[usize]) -> Evidence {
    let mut builder = EvidenceBuilder::new(evidence.candidates().to_vec()).expect("candidates");
    let items = evidence.items();
    for &row in rows {
        let fields = ItemFields {
            slice: items.slices().get(row),
            group: items.groups().get(row),
            input: items.input(row),
            target: items.target(row),
            context: None,
            options: &[],
            part: None,
        };
        let to = builder.add_item(items.id(row), fields).expect("an item");
        for (candidate, answers) in evidence.columns().iter().enumerate() {
            if answers.status(row) == Status::Missing {
                continue;
            }
            let answer = Answer {
                score: answers.score(row).and_then(|score| Score::new(score).ok()),
                output: answers.output(row),
                confidence: answers.confidence(row),
                cost_usd: answers.cost_usd(row),
                latency_ms: answers.latency_ms(row),
                input_tokens: answers.input_tokens(row).map(|tokens| tokens as u64),
                output_tokens: answers.output_tokens(row).map(|tokens| tokens as u64),
                error: answers.error(row),
            };
            builder.answer(to, candidate, &answer).expect("an answer");
        }
    }
    builder.finish().expect("evidence").with_output_kind(evidence.output_kind())
}
