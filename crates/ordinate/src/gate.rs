//! A gate for continuous integration: does the verdict of a run say what is expected, and is what it recommends no worse than what
//! an earlier run did?

use std::collections::HashMap;
use std::path::Path;

use ordinate_combine::{dense_groups, scored_rows};
use ordinate_core::evidence::View;
use ordinate_core::task::IntervalKind;
use ordinate_core::verdict::{Estimate, Outcome, Verdict};
use ordinate_core::{Evidence, Needs};
use ordinate_data::read_evidence;
use ordinate_judge::{decide, kept, scores_of};
use ordinate_score::{Bootstrap, Groups, Statistic, bounds};

use crate::error::{Error, Fault};
use crate::folder::{EVIDENCE, Folder, TRIALS};
use crate::work::aside;

/// What is expected of a run.
#[derive(Debug, Clone, Default)]
pub struct Expectations {
    /// `outcome=`, `recommended=` or `lineage=` with a value.
    pub expect: Vec<(String, String)>,
    /// Needs that are other than those of the run (`KEY=VALUE`).
    pub needs: Vec<String>,
    /// The folder of an earlier run: what is recommended now may be worse than what was then by no more than the margin.
    pub against: Option<std::path::PathBuf>,
}

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// As expected.
    Passed,
    /// The data cannot tell.
    Undecided,
    /// Not as expected.
    Failed,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateCheck {
    /// What it is.
    pub name: String,
    /// How it went.
    pub state: State,
    /// What was found, in a sentence.
    pub found: String,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    /// The verdict for these needs.
    pub verdict: Verdict,
    /// Everything that was looked at.
    pub checks: Vec<GateCheck>,
}

impl Gate {
    /// How the worst of the checks went.
    #[must_use]
    pub fn state(&self) -> State {
        self.checks.iter().map(|check| check.state).max().unwrap_or(State::Passed)
    }
}

/// Fewer items of both runs are no pairs to compare by: then all items of either are compared.
const MIN_PAIRS: usize = 10;

/// Holds the run in this folder against what is expected of it. Nothing is asked, learned or written.
///
/// # Errors
/// [`Error`] where a folder holds no run, or an expectation or need is none.
pub async fn gate(run: &Path, expected: &Expectations) -> Result<Gate, Error> {
    let (run, expected) = (run.to_owned(), expected.clone());
    let cancel = ordinate_measure::CancellationToken::new();
    aside(&cancel, move || held(&run, &expected)).await
}

/// A run as it is judged.
struct Judged {
    verdict: Verdict,
    evidence: Evidence,
    /// Of what is recommended, by item in the order of `rows`.
    scores: Vec<f64>,
    rows: Vec<usize>,
    resamples: std::num::NonZeroU32,
}

fn held(run: &Path, expected: &Expectations) -> Result<Gate, Error> {
    let now = judged(run, &expected.needs)?;
    let mut checks = vec![needs(&now.verdict)];
    for (key, value) in &expected.expect {
        checks.push(expectation(&now.verdict, key, value)?);
    }
    if let Some(before) = &expected.against {
        checks.push(against(&now, &judged(before, &expected.needs)?, before));
    }
    Ok(Gate { verdict: now.verdict, checks })
}

fn judged(run: &Path, assignments: &[String]) -> Result<Judged, Error> {
    let folder = Folder::open(run)?;
    let mut needs: Needs = folder.verdict()?.needs;
    for assignment in assignments {
        needs.set(assignment).map_err(|error| Error::Options(format!("--need {assignment}: {error}")))?;
    }
    let (trials, setting) = kept(&folder.unpack(TRIALS)?)
        .map_err(|error| Error::file(&folder.path(TRIALS), Fault::Input, error))?;
    let verdict = decide(&trials, &needs, &setting);
    let evidence = read_evidence(&folder.path(EVIDENCE))?;
    let rows = scored_rows(&evidence);
    let scores = verdict
        .recommended
        .as_ref()
        .and_then(|recommended| scores_of(&trials, &needs, &setting, &recommended.name))
        .unwrap_or_default();
    if !scores.is_empty() && scores.len() != rows.len() {
        let problem = "has other items than the trials beside it; run the task again";
        return Err(Error::file(&folder.path(EVIDENCE), Fault::Input, problem));
    }
    Ok(Judged { verdict, evidence, scores, rows, resamples: setting.resampling.resamples })
}

/// Whether anything meets the needs.
fn needs(verdict: &Verdict) -> GateCheck {
    let (state, found) = match &verdict.recommended {
        Some(recommended) => (State::Passed, format!("{} meets them", recommended.name)),
        None => (State::Failed, "nothing meets them".to_owned()),
    };
    GateCheck { name: "needs".to_owned(), state, found }
}

fn expectation(verdict: &Verdict, key: &str, value: &str) -> Result<GateCheck, Error> {
    let recommended = verdict.recommended.as_ref();
    let found = match key {
        "outcome" => {
            let known = Outcome::ALL.map(Outcome::as_str);
            if !known.contains(&value) {
                let known = known.join(", ");
                return Err(Error::Options(format!(
                    "--expect outcome={value}: an outcome is one of {known}"
                )));
            }
            verdict.outcome.as_str()
        }
        "recommended" => recommended.map_or("nothing", |recommended| recommended.name.as_str()),
        "lineage" => recommended.map_or("nothing", |recommended| recommended.lineage.as_str()),
        _ => {
            let problem =
                format!("--expect {key}={value}: what can be expected is outcome, recommended or lineage");
            return Err(Error::Options(problem));
        }
    };
    let open = verdict.outcome == Outcome::Undecided && value != Outcome::Undecided.as_str();
    // What is undecided is not what was expected, and not shown to be anything else; who leads for now may be.
    let state = match (found == value, open) {
        (true, false) => State::Passed,
        (_, true) if recommended.is_some() => State::Undecided,
        _ => State::Failed,
    };
    let found =
        if open && key != "outcome" { format!("{found}, for now: undecided") } else { found.to_owned() };
    Ok(GateCheck { name: format!("{key} = {value}"), state, found })
}

/// Whether what is recommended now is no worse than what was, by more than the margin.
fn against(now: &Judged, before: &Judged, path: &Path) -> GateCheck {
    let margin = now.verdict.needs.margin();
    let name = format!("no worse than {} by more than {margin}", path.display());
    let (Some(is), Some(was)) = (&now.verdict.recommended, &before.verdict.recommended) else {
        let found = "one of the two runs recommends nothing".to_owned();
        return GateCheck { name, state: State::Failed, found };
    };
    let (difference, mut how) = match paired(now, before, f64::NAN) {
        Some((difference, items)) => (difference, format!("on {items} items of both runs")),
        None => (apart(is.quality, was.quality), "with items of their own each".to_owned()),
    };
    let Estimate { mean, low, high } = difference;
    let of = |Estimate { low, high, .. }: Estimate| {
        if low >= -margin {
            State::Passed
        } else if high < -margin {
            State::Failed
        } else {
            State::Undecided
        }
    };
    let mut state = of(difference);
    // What has no answer now may have none because it would have been wrong.
    let missing = now.scores.iter().filter(|score| score.is_nan()).count();
    let at_worst = paired(now, before, 0.0).map(|(difference, _)| of(difference));
    if missing > 0 && at_worst.is_some_and(|at_worst| at_worst != state) {
        state = State::Undecided;
        how += &format!("; {missing} items have no answer now, which may decide it");
    }
    let found = format!("{} now and {} then: {mean:+.3} [{low:+.3}, {high:+.3}] {how}", is.name, was.name);
    GateCheck { name, state, found }
}

/// The difference over the items that both runs scored, by their ids and with the same text; what has no answer now scores
/// `missing`, and is left out where that is NaN.
fn paired(now: &Judged, before: &Judged, missing: f64) -> Option<(Estimate, usize)> {
    let score = |at: usize| if now.scores[at].is_nan() { missing } else { now.scores[at] };
    let text = |judged: &Judged, row: usize| judged.evidence.items().input(row).map(str::to_owned);
    let then: HashMap<&str, usize> =
        (0..before.scores.len()).map(|at| (before.evidence.items().id(before.rows[at]), at)).collect();
    let pairs: Vec<(usize, usize)> = (0..now.scores.len())
        .filter_map(|at| Some((at, *then.get(now.evidence.items().id(now.rows[at]))?)))
        .filter(|&(is, was)| text(now, now.rows[is]) == text(before, before.rows[was]))
        .filter(|&(is, was)| !score(is).is_nan() && !before.scores[was].is_nan())
        .collect();
    if pairs.len() < MIN_PAIRS {
        return None;
    }
    let rows = pairs.iter().map(|&(is, _)| now.rows[is]).collect();
    let groups = dense_groups(&View { evidence: &now.evidence, rows }).map(|codes| Groups::new(&codes));
    let is: Vec<f64> = pairs.iter().map(|&(is, _)| score(is)).collect();
    let was: Vec<f64> = pairs.iter().map(|&(_, was)| before.scores[was]).collect();
    if is == was {
        return Some((Estimate { mean: 0.0, low: 0.0, high: 0.0 }, pairs.len()));
    }
    let bootstrap = Bootstrap { resamples: now.resamples, seed: 0, interval: IntervalKind::default() };
    let resampled =
        (*bootstrap.run(&[&is, &was], groups.as_ref(), &[Statistic::Difference(0, 1)]).first()?)?;
    let level = 0.95;
    Some((bounds::of_difference(&is, &was, groups.as_ref(), &resampled, level), pairs.len()))
}

/// The difference of two figures of different items: the halves of their intervals add up as independent errors do.
fn apart(is: Estimate, was: Estimate) -> Estimate {
    let mean = is.mean - was.mean;
    let low = mean - (is.mean - is.low).hypot(was.high - was.mean);
    let high = mean + (is.high - is.mean).hypot(was.mean - was.low);
    Estimate { mean, low, high }
}
