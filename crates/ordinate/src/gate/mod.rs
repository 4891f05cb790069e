//! A gate for continuous integration: does the verdict of a run say what is expected, and is what it recommends no worse than what
//! an earlier run did?

mod shown;

use std::path::Path;

use ordinate_core::verdict::{Estimate, Outcome, Verdict};

use crate::compared::{Judged, apart, paired};
use crate::error::Error;
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

/// Holds the run in this folder against what is expected of it. Nothing is asked, learned or written.
///
/// # Errors
/// [`Error`] where a folder holds no run, or an expectation or need is none.
pub async fn gate(run: &Path, expected: &Expectations) -> Result<Gate, Error> {
    let (run, expected) = (run.to_owned(), expected.clone());
    let cancel = ordinate_measure::CancellationToken::new();
    aside(&cancel, move || held(&run, &expected)).await
}

fn held(run: &Path, expected: &Expectations) -> Result<Gate, Error> {
    let now = Judged::again(run, &expected.needs)?;
    let mut checks = vec![needs(&now.verdict)];
    for (key, value) in &expected.expect {
        checks.push(expectation(&now.verdict, key, value)?);
    }
    if let Some(before) = &expected.against {
        checks.push(against(&now, &Judged::again(before, &expected.needs)?, before));
    }
    Ok(Gate { verdict: now.verdict, checks })
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
    let (difference, mut how) = match paired(&now.side(), &before.side(), f64::NAN) {
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
    let missing = now.scores().iter().filter(|score| score.is_nan()).count();
    let at_worst = paired(&now.side(), &before.side(), 0.0).map(|(difference, _)| of(difference));
    if missing > 0 && at_worst.is_some_and(|at_worst| at_worst != state) {
        state = State::Undecided;
        how += &format!("; {missing} items have no answer now, which may decide it");
    }
    let found = format!("{} now and {} then: {mean:+.3} [{low:+.3}, {high:+.3}] {how}", is.name, was.name);
    GateCheck { name, state, found }
}
