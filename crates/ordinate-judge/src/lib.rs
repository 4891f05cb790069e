//! Needs and what policies did to a verdict.
//!
//! [`decide`] is a function of numbers: it knows no texts, learns nothing, and does no I/O. Needs choose the dial of every
//! policy; every candidate and policy is weighed with one set of paired resamples (`ordinate-score`); and the rules of
//! `docs/rules.md` decide: hard needs first, then the goal; a combination only where it beats what is simpler;
//! `undecided` where the data cannot separate the leading outcomes.

mod assumed;
mod bar;
mod choose;
mod chosen;
mod contender;
mod data_needs;
mod dealt;
mod estimates;
mod files;
mod floors;
mod gains;
mod graded;
mod hosting;
mod limits;
mod measures;
mod outcomes;
pub mod promise;
mod recall;
mod rules;
mod seen;
mod sums;
mod tables;
#[cfg(test)]
mod testing;
mod toss;
mod unmeasured;
mod verify;
mod view;
mod weigh;
mod why;
mod words;

use ordinate_core::task::IntervalKind;
use ordinate_core::verdict::{
    Basis, Deployment, Floor, Judge, Measured, OtherReading, Outcome, Recommended, SeriesShown, VERSION,
    Verdict,
};
use ordinate_core::{Candidate, CandidateName, Needs};
use ordinate_trials::{Priced, Trials, single_file};
use serde::{Deserialize, Serialize};

pub use data_needs::{LearningCurve, LearningPoint};
pub use files::{KeptError, keep, kept};
pub use graded::{HumanGrades, correct};
pub use hosting::{Hosted, host, host_when_busy};
pub use outcomes::{Act, Acts, Giver, acts_of, scores_of};
pub use recall::Recall;
pub use verify::{Later, Other, Verified, verify};
pub use weigh::Resampling;

use bar::Field;
use chosen::Choosing;
use contender::{Contender, contenders, singles};
use limits::{Miss, eligible, misses};
use rules::Choice;
use tables::Tables;
use weigh::{Reading, Weighed, Weighing};

/// What a verdict is made from besides trials and needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// The task's name.
    pub task: String,
    /// Bootstrap.
    pub resampling: Resampling,
    /// What guessing scores, if known.
    pub guess_rate: Option<f64>,
    /// What scores are, if known.
    pub metric: Option<String>,
    /// What the task gives to whoever knows nothing of it.
    pub floors: Vec<Floor>,
    /// What was assumed when the data was read.
    pub notes: Vec<String>,
    /// The candidates with an hourly price.
    pub hosted: Vec<Hosted>,
    /// How the candidates came through that the run asked.
    pub measured: Vec<Measured>,
    /// What hosting each candidate takes that ran in the process.
    pub deployment: Vec<Deployment>,
    /// A few series, and what was forecast of them.
    #[serde(default)]
    pub series: Vec<SeriesShown>,
    /// How candidates came through that were trained on parts of the labels.
    #[serde(default)]
    pub learning: Vec<LearningCurve>,
    /// Who graded the answers, where a judge did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judge: Option<Judge>,
}

/// Reaches the verdict for these needs: the whole of it.
#[must_use]
pub fn decide(trials: &Trials, needs: &Needs, setting: &Setting) -> Verdict {
    decide_again(trials, needs, setting, &Recall::once(trials))
}

/// The same, sooner: with what earlier verdicts on these trials, in this setting, have left in `recall`.
#[must_use]
pub fn decide_again(trials: &Trials, needs: &Needs, setting: &Setting, recall: &Recall) -> Verdict {
    recall.begin();
    let candidates = trials.candidates.as_slice();
    let costs = hosted_costs(trials, needs, setting);
    let scored = Priced::new(trials.scored(), &costs);
    let learn = Priced::new(&trials.learn, &costs);
    let singles = singles(candidates, &scored);
    let eligible = eligible(&singles, candidates, needs);
    let mixable = mixable(&singles, candidates, needs);
    let tosses = toss::tosses(trials, &learn, &mixable, needs);
    let choosing = Choosing::new(trials, &learn, &scored, needs, &eligible, recall, &costs);
    let best_single = choosing.best_single(&scored);
    let chosen = choosing.policies(&tosses, &scored);
    let contenders = contenders(singles, candidates, &scored, &chosen, needs);
    let folds = trials.test.is_none().then(|| trials.foldings[0].count);

    let groups = recall.groups.as_ref();
    let weighing = Weighing {
        contenders: &contenders,
        mixable: &mixable,
        best_single: &best_single,
        best_single_by_folding: choosing.best_single_by_folding(),
        needs,
        resampling: setting.resampling,
        groups,
        memory: &recall.memory,
        folds,
    };
    let weigh = |reading| Weighed::new(&weighing, reading);
    let errors = contenders.iter().any(|contender| contender.played.failed.contains(&true));
    let weighed = weigh(Reading::AsFailures);
    let without_errors = if errors { Some(weigh(Reading::LeftOut)) } else { None };

    let held = |weighed: &Weighed<'_>| -> Vec<Vec<Miss>> {
        contenders
            .iter()
            .enumerate()
            .map(|(index, contender)| {
                let quality = weighed.quality[index].map(|quality| quality.estimate);
                misses(contender, quality.as_ref(), candidates, needs)
            })
            .collect()
    };
    let misses = held(&weighed);
    let field = Field::new(&contenders, &weighed, needs, &misses);
    let mut choice = rules::choose(&field, &misses);
    let read_as = |weighed: &Weighed<'_>| {
        let misses = held(weighed);
        let choice = rules::choose(&Field::new(&contenders, weighed, needs, &misses), &misses);
        OtherReading {
            outcome: choice.outcome,
            recommended: choice.recommended.map(|index| contenders[index].name.clone()),
        }
    };
    let named = choice.recommended.map(|index| contenders[index].name.clone());
    let other = without_errors.as_ref().map(read_as);
    let other = other.filter(|other| other.outcome != choice.outcome || other.recommended != named);
    // An answer that is missing may be missing because it would have been wrong.
    let missing = choice.recommended.is_some_and(|index| rules::missing(&contenders[index]) > 0);
    let at_worst = missing.then(|| read_as(&weigh(Reading::MissingAsFailures)));
    let at_worst = at_worst.filter(|at_worst| at_worst.outcome != choice.outcome);
    if at_worst.is_some() {
        choice = rules::doubt_missing(choice, &field);
    }
    if floors::nothing_is_shown(&contenders) {
        choice.outcome = Outcome::Undecided;
    }
    let (choice, not_measured) = unmeasured::doubt(choice, &contenders);
    let recommended = choice.recommended.map(|index| recommend(index, &field, &choice));

    let tables = Tables {
        candidates,
        slices: &trials.slices,
        folds: trials.foldings.first().filter(|_| trials.test.is_none()),
        scored: &scored,
        graded: trials.graded(),
        is_rectified: trials.rectified.is_some(),
        best_single: &best_single,
        field: &field,
        without_errors: without_errors.as_ref().unwrap_or(&weighed),
        misses: &misses,
        choice: &choice,
        groups,
        recall,
    };
    let curves = tables.curves();
    let candidate_rows = tables.candidates();
    let metric = setting.metric.as_deref();
    let says_nothing = floors::all_zero(&candidate_rows, metric).is_some();
    let is_held_back = candidate_rows.iter().any(|row| {
        let is_it = recommended.as_ref().is_some_and(|recommended| recommended.name == row.name.as_str());
        is_it && floors::held_back(row, &setting.floors).is_some()
    });
    let mut why = why::reasons(&field, &misses, &choice, &trials.skipped, other.as_ref(), at_worst.as_ref());
    for (at, finding) in floors::findings(&candidate_rows, &setting.floors, metric).into_iter().enumerate() {
        // The first thing to know, where nothing else can be said; the second, where it is of whom is recommended; else after
        // the reasons of the choice.
        let place = if says_nothing {
            at
        } else if is_held_back {
            why.len().min(1)
        } else {
            why.len()
        };
        why.insert(place, finding);
    }
    let learners = data_needs::learners(&candidate_rows, &setting.learning, setting.resampling.seed);
    why.extend(more_labels(&learners, &field, &choice, &misses));
    why.splice(0..0, not_measured);
    // Behind the headline: it rests on the judge.
    let warnings = setting.judge.iter().flat_map(|judge| judge.warnings.iter().cloned());
    let place = why.len().min(1);
    why.splice(place..place, warnings);
    why.extend(hosting::questions(&candidate_rows, &setting.deployment, needs.volume_per_day));
    let mut notes = setting.notes.clone();
    notes.extend(hosting::hosting_notes(&setting.hosted, needs.volume_per_day));
    Verdict {
        version: VERSION,
        task: setting.task.clone(),
        outcome: choice.outcome,
        recommended,
        needs: needs.clone(),
        basis: basis(trials, needs, setting, folds),
        policies: tables.policies(),
        comparisons: tables.comparisons(),
        frontier: tables.frontier(&curves),
        curves,
        zero_router: tables.zero_router(),
        oracle: tables.oracle(),
        data_needs: data_needs::data_needs(&candidate_rows, &learners),
        complementarity: tables.complementarity(setting.guess_rate),
        // No number of items would settle what the metric cannot tell.
        undecided: choice.undecided.filter(|_| choice.outcome == Outcome::Undecided && !says_nothing),
        why,
        errors_left_out: other,
        missing_at_worst: at_worst,
        crossing: tables.crossing(),
        measured: setting.measured.clone(),
        deployment: setting.deployment.clone(),
        series: setting.series.clone(),
        judge: setting.judge.clone(),
        break_even: hosting::break_even(&candidate_rows, &setting.hosted),
        candidates: candidate_rows,
        assumed: assumed::assumptions(setting, notes, &contenders, folds, groups, trials.alike.as_ref()),
    }
}

/// The candidates with an hourly price, and what an item costs there at the volume that is needed.
fn hosted_costs(trials: &Trials, needs: &Needs, setting: &Setting) -> Vec<(usize, Option<f64>)> {
    let column =
        |name: &CandidateName| trials.candidates.iter().position(|candidate| candidate.name == *name);
    let cost = |one: &Hosted| Some((column(&one.name)?, one.cost_per_item(needs.volume_per_day)));
    setting.hosted.iter().filter_map(cost).collect()
}

/// Whom a coin may be tossed between: any two candidates that could be used, whatever they cost by themselves.
fn mixable(singles: &[Contender<'_>], candidates: &[Candidate], needs: &Needs) -> Vec<bool> {
    let at_any_price = Needs { max_cost_per_1k: None, max_p95_ms: None, ..needs.clone() };
    eligible(singles, candidates, &at_any_price)
}

/// What to label, where that would probably change who is recommended.
fn more_labels(
    learners: &[data_needs::Learner<'_>],
    field: &Field<'_>,
    choice: &Choice,
    misses: &[Vec<Miss>],
) -> Option<String> {
    let holder = choice.recommended.map(|index| data_needs::Holder {
        name: &field.contenders[index].name,
        quality: field.weighed.mean(index),
        asks: field.contenders[index].share.keys().map(String::as_str).collect(),
    });
    let may = |name: &str| {
        let is_it = |contender: &Contender<'_>| contender.is_single() && contender.name == name;
        let at = field.contenders.iter().position(is_it);
        at.is_some_and(|at| misses[at].iter().all(|miss| miss.need == "min_quality"))
    };
    data_needs::advice(learners, holder.as_ref(), field.needs, &may)
}

fn recommend(index: usize, field: &Field<'_>, choice: &Choice) -> Recommended {
    let contender = &field.contenders[index];
    let all = || field.contenders.iter().filter(|other| other.is_single()).map(|other| other.name.as_str());
    let file =
        contender.chosen.map_or_else(|| single_file(&contender.name, all()), |chosen| chosen.trial.file());
    Recommended {
        name: contender.name.clone(),
        kind: contender.kind,
        lineage: contender.lineage().to_owned(),
        quality: field.weighed.chosen(index, &choice.among),
        cost_per_1k: contender.cost_per_1k,
        not_priced: contender.not_priced,
        p95_ms: contender.p95_ms,
        memory_gb: contender.memory_gb,
        share: contender.share.clone(),
        dial: contender.dial,
        mix: contender.mix,
        file: Some(file),
    }
}

fn basis(trials: &Trials, needs: &Needs, setting: &Setting, folds: Option<u32>) -> Basis {
    let board = trials.scored();
    let mut seen = vec![false; trials.slices.len()];
    for &slice in &board.slice_of {
        if let Some(seen) = seen.get_mut(slice as usize) {
            *seen = true;
        }
    }
    Basis {
        items: board.len() as u64,
        metric: setting.metric.clone(),
        floors: setting.floors.clone(),
        groups: board
            .clusters
            .as_ref()
            .map(|clusters| clusters.iter().max().map_or(0, |most| u64::from(*most) + 1)),
        slices: seen.iter().filter(|seen| **seen).count() as u64,
        folds,
        foldings: folds.map(|_| trials.foldings.len() as u32),
        resamples: setting.resampling.resamples.get(),
        seed: setting.resampling.seed,
        interval: match setting.resampling.interval {
            IntervalKind::Bca => "bca".to_owned(),
            IntervalKind::Percentile => "percentile".to_owned(),
        },
        margin: needs.margin(),
        ordinate: env!("CARGO_PKG_VERSION").to_owned(),
    }
}
