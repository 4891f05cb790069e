//! Needs, evidence and policies to a verdict.
//!
//! [`judge`] tries the policies (cross-fitted, `ordinate-combine`), weighs every candidate and policy with
//! one set of paired resamples (`ordinate-score`), and decides by the rules of `docs/rules.md`: hard needs
//! first, then the goal; a combination only where it beats what is simpler; `undecided` where the data cannot
//! separate the leading outcomes.

mod bar;
mod contender;
mod decide;
mod gains;
mod hosting;
mod limits;
mod measures;
mod tables;
mod weigh;
mod why;
mod words;

use ordinate_combine::{Artefact, CombineError, Context, Learner, Outlay, Plan, Trials, try_all};
use ordinate_core::evidence::Part;
use ordinate_core::task::IntervalKind;
use ordinate_core::verdict::{Basis, OtherReading, Outcome, Recommended, VERSION, Verdict};
use ordinate_core::{Evidence, Goal, Needs};
use ordinate_score::Groups;

pub use hosting::{Hosted, break_even, host};
pub use limits::eligible;
pub use weigh::Resampling;

use bar::Field;
use contender::contenders;
use decide::decide;
use limits::{Miss, misses};
use tables::Tables;
use weigh::{Reading, Weighed};

/// Everything that a verdict is made from.
pub struct Case<'a> {
    /// The task's name.
    pub task: &'a str,
    /// Items x candidates.
    pub evidence: &'a Evidence,
    /// Limits and the goal.
    pub needs: &'a Needs,
    /// The policies to try besides singles.
    pub learners: &'a [Box<dyn Learner>],
    /// Folds of the cross-fitting.
    pub folds: u32,
    /// Bootstrap.
    pub resampling: Resampling,
    /// What guessing scores, if known.
    pub guess_rate: Option<f64>,
    /// What was assumed when the data was read.
    pub notes: &'a [String],
}

/// A verdict and the artefacts that it speaks of.
#[derive(Debug)]
pub struct Judged {
    /// The verdict.
    pub verdict: Verdict,
    /// The recommended policy first (if any), then every other policy that was tried.
    pub artefacts: Vec<Artefact>,
}

/// Reaches a verdict.
///
/// # Errors
/// [`CombineError`] when the items cannot be folded.
pub fn judge(case: &Case<'_>) -> Result<Judged, CombineError> {
    let view = case.evidence.view();
    let scored = if case.evidence.items().has_parts() {
        case.evidence.part(Part::Test).rows
    } else {
        view.rows.clone()
    };
    let eligible = eligible(case.evidence, &scored, case.needs);
    let outlay = if case.needs.goal == Goal::Latency { Outlay::Latency } else { Outlay::Cost };
    let plan = Plan {
        needs: case.needs,
        folds: case.folds,
        context: Context { outlay, seed: case.resampling.seed },
        eligible: eligible.clone(),
    };
    let trials = try_all(&view, case.learners, &plan)?;
    let contenders = contenders(case.evidence, &trials, case.needs);

    let groups = trials.clusters.as_deref().map(Groups::new);
    let weigh = |reading| {
        Weighed::new(&contenders, &eligible, &trials, case.needs, case.resampling, groups.as_ref(), reading)
    };
    let errors = contenders.iter().any(|contender| contender.played.failed.contains(&true));
    let weighed = weigh(Reading::AsFailures);
    let without_errors = if errors { Some(weigh(Reading::LeftOut)) } else { None };

    let held = |weighed: &Weighed| -> Vec<Vec<Miss>> {
        contenders
            .iter()
            .enumerate()
            .map(|(index, contender)| {
                let quality = weighed.quality[index].map(|quality| quality.estimate);
                misses(contender, quality.as_ref(), case.evidence, case.needs)
            })
            .collect()
    };
    let misses = held(&weighed);
    let field = Field::new(&contenders, &weighed, case.needs, &misses, trials.folds);
    let choice = decide(&field, &misses);
    let other = without_errors.as_ref().map(|weighed| {
        let misses = held(weighed);
        let choice = decide(&Field::new(&contenders, weighed, case.needs, &misses, trials.folds), &misses);
        OtherReading {
            outcome: choice.outcome,
            recommended: choice.recommended.map(|index| contenders[index].name.clone()),
        }
    });
    let recommended = choice.recommended.map(|index| recommend(index, &field));
    let other = other.filter(|other| {
        other.outcome != choice.outcome
            || other.recommended.as_ref() != recommended.as_ref().map(|recommended| &recommended.name)
    });

    let tables = Tables {
        evidence: case.evidence,
        trials: &trials,
        field: &field,
        without_errors: without_errors.as_ref().unwrap_or(&weighed),
        misses: &misses,
        choice: &choice,
        groups: groups.as_ref(),
    };
    let curves = tables.curves();
    let verdict = Verdict {
        version: VERSION,
        task: case.task.to_owned(),
        outcome: choice.outcome,
        recommended,
        needs: case.needs.clone(),
        basis: basis(case, &trials),
        candidates: tables.candidates(),
        policies: tables.policies(),
        comparisons: tables.comparisons(),
        frontier: tables.frontier(&curves),
        curves,
        zero_router: tables.zero_router(),
        oracle: tables.oracle(),
        data_needs: Vec::new(),
        complementarity: tables.complementarity(case.guess_rate),
        undecided: choice.undecided.filter(|_| choice.outcome == Outcome::Undecided),
        why: why::reasons(&field, &misses, &choice, &trials, other.as_ref()),
        errors_left_out: other,
        measured: Vec::new(),
        deployment: Vec::new(),
        break_even: Vec::new(),
        assumed: why::assumptions(case, &trials, &contenders),
    };
    let chosen = choice.recommended;
    let artefacts = artefacts(case.evidence, chosen, trials);
    Ok(Judged { verdict, artefacts })
}

fn recommend(index: usize, field: &Field<'_>) -> Recommended {
    let contender = &field.contenders[index];
    Recommended {
        name: contender.name.clone(),
        kind: contender.kind,
        lineage: contender.lineage().to_owned(),
        quality: field.weighed.estimate(index),
        cost_per_1k: contender.cost_per_1k,
        p95_ms: contender.p95_ms,
        memory_gb: contender.memory_gb,
        share: contender.share.clone(),
        dial: contender.dial,
        file: None,
    }
}

fn basis(case: &Case<'_>, trials: &Trials) -> Basis {
    let slices = case.evidence.items().slices();
    let mut seen = vec![false; slices.names().len()];
    for &row in &trials.rows {
        if let Some(seen) = seen.get_mut(slices.codes()[row] as usize) {
            *seen = true;
        }
    }
    Basis {
        items: trials.rows.len() as u64,
        groups: trials
            .clusters
            .as_ref()
            .map(|clusters| clusters.iter().max().map_or(0, |most| u64::from(*most) + 1)),
        slices: seen.iter().filter(|seen| **seen).count() as u64,
        folds: trials.folds,
        resamples: case.resampling.resamples.get(),
        seed: case.resampling.seed,
        interval: match case.resampling.interval {
            IntervalKind::Bca => "bca".to_owned(),
            IntervalKind::Percentile => "percentile".to_owned(),
        },
        margin: case.needs.margin(),
        ordinate: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// The recommended policy first, then the other policies that were tried.
fn artefacts(evidence: &Evidence, chosen: Option<usize>, trials: Trials) -> Vec<Artefact> {
    let singles = evidence.candidates().len();
    let mut artefacts: Vec<Artefact> = trials
        .trials
        .into_iter()
        .map(|trial| Artefact {
            name: trial.name,
            policy: trial.policy,
            dial: trial.dial,
            promise: trial.promise,
        })
        .collect();
    match chosen {
        Some(column) if column < singles => {
            let name = evidence.candidates()[column].name.clone();
            let policy = Box::new(ordinate_combine::single::Single::new(name.clone()));
            let artefact =
                Artefact { name: name.to_string(), policy, dial: ordinate_core::Dial(0.0), promise: None };
            artefacts.insert(0, artefact);
        }
        Some(policy) => artefacts.swap(0, policy - singles),
        None => {}
    }
    artefacts
}
