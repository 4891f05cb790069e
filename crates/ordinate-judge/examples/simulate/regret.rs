//! Real evidence cut in two: a verdict from 30 % of the items, held against what was best on the other 70 %.

use std::path::Path;

use ordinate_combine::{Learned, Played, random, record};
use ordinate_core::evidence::{Answers, EvidenceBuilder, ItemFields, Status};
use ordinate_core::verdict::{Outcome, PolicyRow, Verdict};
use ordinate_core::{Answer, Dial, Evidence, PolicyKind, Score};
use ordinate_data::{infer_task_for, load_evidence, read_task};
use ordinate_score::shrink::{Observed, Shrunken};
use ordinate_trials::{Board, Pick, Priced, Trial};

use crate::{judge, learned};

const MARGIN: f64 = 0.02;

pub(crate) fn show(cuts: u64, folders: &[String]) {
    println!(
        "{:<20} {:<22} {:>10} {:>10} {:>14}  recommended",
        "evidence", "goal", "mean", "largest", "of the cost"
    );
    let of = |regrets: &[f64]| {
        (regrets.iter().sum::<f64>() / regrets.len() as f64, regrets.iter().copied().fold(0.0, f64::max))
    };
    for folder in folders {
        let name =
            Path::new(folder).file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        let evidence = read(Path::new(folder));
        let all: Vec<[Cut; 2]> = (0..cuts).map(|seed| cut(&evidence, seed)).collect();
        for (number, goal) in ["quality", "cost, margin 0.02"].into_iter().enumerate() {
            let cuts: Vec<&Cut> = all.iter().map(|cuts| &cuts[number]).collect();
            let (mean, largest) = of(&cuts.iter().map(|cut| cut.regret).collect::<Vec<_>>());
            let costs: Vec<f64> = cuts.iter().filter_map(|cut| cut.cost).collect();
            let cost = costs.iter().sum::<f64>() / costs.len() as f64;
            let names: Vec<&str> = cuts.iter().map(|cut| cut.recommended.as_str()).collect();
            println!("{name:<20} {goal:<22} {mean:>10.4} {largest:>10.4} {cost:>14.3}  {}", names.join(", "));
            for (rule, regrets) in others(&cuts) {
                let (mean, largest) = of(&regrets);
                println!("{:<20} {:<22} {mean:>10.4} {largest:>10.4}", "", rule);
            }
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
    /// What whoever leads by the figures of a policy, which is scored on items that it did not see, would have lost: where the
    /// verdict is undecided.
    leading: f64,
    /// What the single with the highest shrunken mean would have lost: where the verdict is undecided and names a single.
    shrunken: f64,
    /// What each contender would have lost.
    each: Vec<(String, f64)>,
}

/// Other rules, by what they lose: two for whom to name while the verdict is undecided, and what nobody can know beforehand,
/// the one contender that would have done best over all cuts.
fn others(cuts: &[&Cut]) -> [(&'static str, Vec<f64>); 3] {
    let always = |name: &str| -> Option<Vec<f64>> {
        let of_cut = |cut: &&Cut| cut.each.iter().find(|(other, _)| other == name).map(|(_, regret)| *regret);
        cuts.iter().map(of_cut).collect()
    };
    let names = cuts.first().map_or(&[][..], |cut| &cut.each).iter();
    let sum = |regrets: &Vec<f64>| regrets.iter().sum::<f64>();
    let best = names.filter_map(|(name, _)| always(name)).min_by(|a, b| sum(a).total_cmp(&sum(b)));
    [
        ("  leading policy", cuts.iter().map(|cut| cut.leading).collect()),
        ("  shrunken single", cuts.iter().map(|cut| cut.shrunken).collect()),
        ("  best one of all cuts", best.unwrap_or_default()),
    ]
}

/// One cut, for the goals of quality and of cost: what is learned is the same.
fn cut(evidence: &Evidence, seed: u64) -> [Cut; 2] {
    let mut rows: Vec<usize> = (0..evidence.len()).collect();
    random::shuffle(&mut rows, seed);
    let mut later = rows.split_off(3 * evidence.len() / 10);
    later.sort_unstable();
    rows.sort_unstable();
    let learned = learned(&subset(evidence, &rows));
    [(vec![], false), (vec!["goal=cost", "margin=0.02"], true)].map(|(needs, by_cost)| {
        let verdict = judge(&learned, &needs, 500);
        let shrunken = shrunken(evidence, &rows);
        regretted(&verdict, &outcomes(&learned, &verdict, evidence, &later), shrunken.as_deref(), by_cost)
    })
}

/// Quality and cost, on later items, of everything that could have been recommended.
fn outcomes(
    learned: &Learned,
    verdict: &Verdict,
    evidence: &Evidence,
    later: &[usize],
) -> Vec<(String, (f64, f64))> {
    let board = Board::new(evidence, later, None);
    let priced = Priced::new(&board, &[]);
    let means = |played: &Played<'_>| (mean(&played.quality), mean(&played.cost_usd));
    let names = evidence.candidates().iter().map(|candidate| candidate.name.to_string());
    let singles = names.enumerate().map(|(column, name)| (name, means(&priced.single(column))));
    let policies = verdict.policies.iter().filter_map(|row| {
        let of_row = |trial: &Trial| Some(trial.file()) == row.file;
        let policy = &learned.policies[learned.trials.trials.iter().position(of_row)?];
        let dials: Vec<Dial> = row.dial.into_iter().chain(row.mix.map(|mix| mix.dial)).collect();
        let plays = record(policy.as_ref(), evidence, later, &dials);
        let pick = Pick { dial: 0, mix: row.mix.map(|mix| (1, mix.share)) };
        Some((row.name.clone(), means(&priced.played(&plays, &|_| pick))))
    });
    singles.chain(policies).collect()
}

/// What the verdict lost against the best in hindsight of everything that could have been recommended.
fn regretted(
    verdict: &Verdict,
    outcomes: &[(String, (f64, f64))],
    shrunken: Option<&str>,
    by_cost: bool,
) -> Cut {
    let best = outcomes.iter().map(|(_, (quality, _))| *quality).fold(f64::NEG_INFINITY, f64::max);
    let Some(recommended) = &verdict.recommended else {
        let (recommended, each) = ("nobody".to_owned(), Vec::new());
        return Cut { recommended, regret: best, cost: None, leading: best, shrunken: best, each };
    };
    let own = outcomes.iter().find(|(name, _)| *name == recommended.name);
    let (quality, cost) = own.map_or((0.0, f64::NAN), |(_, own)| *own);
    let allowed = if by_cost { MARGIN } else { 0.0 };
    let each: Vec<(String, f64)> = outcomes
        .iter()
        .map(|(name, (quality, _))| (name.clone(), (best - allowed - quality).max(0.0)))
        .collect();
    let lost = |name: &str| each.iter().find(|(other, _)| other == name).map(|(_, regret)| *regret);
    let regret = (best - allowed - quality).max(0.0);
    let open = verdict.outcome == Outcome::Undecided;
    let gain = |policy: &&PolicyRow| policy.gain_over_best_single.mean;
    let leader = verdict.policies.iter().filter(|policy| policy.meets_needs && gain(policy) > 0.0);
    let leader = leader.max_by(|a, b| gain(a).total_cmp(&gain(b))).filter(|_| open);
    let single = open && recommended.kind == PolicyKind::Single;
    let cheapest = outcomes
        .iter()
        .map(|(_, own)| *own)
        .filter(|(quality, cost)| *quality >= best - MARGIN && cost.is_finite())
        .map(|(_, cost)| cost)
        .fold(f64::INFINITY, f64::min);
    Cut {
        recommended: recommended.name.clone(),
        regret,
        leading: leader.and_then(|leader| lost(&leader.name)).unwrap_or(regret),
        shrunken: shrunken.filter(|_| single).and_then(lost).unwrap_or(regret),
        cost: (by_cost && cost.is_finite() && cheapest.is_finite()).then_some(cost / cheapest),
        each,
    }
}

/// The single with the highest mean on these rows once all means are drawn together (empirical Bayes).
fn shrunken(evidence: &Evidence, rows: &[usize]) -> Option<String> {
    let scores = |answers: &Answers| Observed::new(rows.iter().map(|&row| answers.score(row).unwrap_or(0.0)));
    let observed: Vec<Observed> = evidence.columns().iter().map(scores).collect();
    let means = Shrunken::fit(&observed)?.means;
    let best = (0..means.len()).max_by(|&a, &b| means[a].mean.total_cmp(&means[b].mean))?;
    Some(evidence.candidates()[best].name.to_string())
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
                probabilities: answers.probabilities(row),
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
