//! Two runs against each other: on the items that both scored where there are enough, else with items of their own each.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::path::Path;

use ordinate_combine::{dense_groups, scored_rows};
use ordinate_core::evidence::{Row, View};
use ordinate_core::task::IntervalKind;
use ordinate_core::verdict::{Estimate, Verdict};
use ordinate_core::{Evidence, Needs};
use ordinate_data::read_evidence;
use ordinate_judge::{Setting, decide, kept, scores_of};
use ordinate_score::{Bootstrap, Groups, Statistic, bounds};
use ordinate_trials::Trials;

use crate::decide::change_needs;
use crate::error::{Error, Fault};
use crate::folder::{EVIDENCE, Folder, TRIALS};

/// Fewer items of both runs are no pairs to compare by: then all items of either are compared.
const MIN_PAIRS: usize = 10;

/// A run with its verdict, and all that the verdict rests on.
pub(crate) struct Judged {
    pub(crate) verdict: Verdict,
    trials: Trials,
    setting: Setting,
    evidence: Evidence,
    /// The items that are scored.
    rows: Vec<Row>,
    /// Of what is recommended, by item in the order of `rows`.
    scores: Vec<f64>,
}

/// Somebody's scores on the items of a run; NaN where there is none.
pub(crate) struct Side<'j> {
    evidence: &'j Evidence,
    rows: &'j [Row],
    scores: &'j [f64],
    resamples: NonZeroU32,
}

impl Judged {
    /// The run in this folder, judged again under its needs with some of them changed (`KEY=VALUE`).
    pub(crate) fn again(run: &Path, assignments: &[String]) -> Result<Self, Error> {
        let folder = Folder::open(run)?;
        let mut needs: Needs = folder.verdict()?.needs;
        change_needs(&mut needs, assignments)?;
        Self::of(&folder, |trials, setting| Ok(decide(trials, &needs, setting)))
    }

    /// The run in this folder with the verdict that is in it.
    pub(crate) fn as_kept(run: &Path) -> Result<Self, Error> {
        let folder = Folder::open(run)?;
        Self::of(&folder, |_, _| folder.verdict())
    }

    fn of(
        folder: &Folder,
        verdict: impl FnOnce(&Trials, &Setting) -> Result<Verdict, Error>,
    ) -> Result<Self, Error> {
        let (trials, setting) = kept(&folder.unpack(TRIALS)?)
            .map_err(|error| Error::file(&folder.path(TRIALS), Fault::Input, error))?;
        let verdict = verdict(&trials, &setting)?;
        let evidence = read_evidence(&folder.path(EVIDENCE))?;
        let rows = scored_rows(&evidence);
        let judged = Self { verdict, trials, setting, evidence, rows, scores: Vec::new() };
        let recommended = judged.verdict.recommended.as_ref();
        let scores =
            recommended.and_then(|recommended| judged.scores_of(&recommended.name)).unwrap_or_default();
        if !scores.is_empty() && scores.len() != judged.rows.len() {
            let problem = "has other items than the trials beside it; run the task again";
            return Err(Error::file(&folder.path(EVIDENCE), Fault::Input, problem));
        }
        Ok(Self { scores, ..judged })
    }

    /// The scores of the candidate or policy of this name, by item in the order in which items are scored.
    pub(crate) fn scores_of(&self, name: &str) -> Option<Vec<f64>> {
        scores_of(&self.trials, &self.verdict.needs, &self.setting, name)
    }

    /// The scores of what is recommended; none where nothing is.
    pub(crate) fn scores(&self) -> &[f64] {
        &self.scores
    }

    /// What is recommended, to be compared.
    pub(crate) fn side(&self) -> Side<'_> {
        self.side_of(&self.scores)
    }

    /// These scores, to be compared; none where they are not of the items that are scored.
    pub(crate) fn side_of<'j>(&'j self, scores: &'j [f64]) -> Side<'j> {
        let scores = if scores.len() == self.rows.len() { scores } else { &[] };
        Side {
            evidence: &self.evidence,
            rows: &self.rows,
            scores,
            resamples: self.setting.resampling.resamples,
        }
    }
}

/// The difference, now less then, over the items that both runs scored, by their ids and with the same text, and how many these are;
/// what has no answer now scores `missing`, and is left out where that is NaN.
pub(crate) fn paired(now: &Side<'_>, before: &Side<'_>, missing: f64) -> Option<(Estimate, usize)> {
    let score = |at: usize| if now.scores[at].is_nan() { missing } else { now.scores[at] };
    let text = |side: &Side<'_>, row: Row| side.evidence.items().input(row).map(str::to_owned);
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
    let groups = dense_groups(&View { evidence: now.evidence, rows }).map(|codes| Groups::new(&codes));
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
pub(crate) fn apart(is: Estimate, was: Estimate) -> Estimate {
    let mean = is.mean - was.mean;
    let low = mean - (is.mean - is.low).hypot(was.high - was.mean);
    let high = mean + (is.high - is.mean).hypot(was.mean - was.low);
    Estimate { mean, low, high }
}
