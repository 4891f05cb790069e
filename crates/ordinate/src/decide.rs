//! Evidence to a verdict, and trials to another one.

use std::path::Path;

use ordinate_combine::{Learned, Plan, learn_telling};
use ordinate_core::task::{CombineSection, StatisticsSection};
use ordinate_core::verdict::Verdict;
use ordinate_core::{Evidence, Needs};
use ordinate_data::Task;
use ordinate_judge::{Resampling, Setting, kept};

use crate::corpus_figures;
use crate::error::{Error, Fault};
use crate::folder::{Folder, TRIALS};
use crate::forecast_errors;
use crate::grading::{self, Grading};
use crate::label_figures;
use crate::metric::{self, Known};
use crate::observe::{Event, Observer, Work};
use crate::series_shown;

/// A verdict, and what it was reached from.
#[derive(Debug)]
pub struct Decided {
    /// The verdict.
    pub verdict: Verdict,
    /// The policies, and what they did with items that they had not seen: from it a verdict for other needs follows, by
    /// [`ordinate_judge::decide`].
    pub learned: Learned,
    /// What it takes besides.
    pub setting: Setting,
}

/// Learns the task's policies on this evidence and reaches a verdict under its needs. `notes` are what was assumed when
/// the evidence was gathered. Takes the processor for as long as it takes: not for a thread that others wait for.
///
/// # Errors
/// [`Error::Policies`] where the items cannot be folded.
pub fn decide(task: &Task, evidence: &Evidence, notes: &[String]) -> Result<Decided, Error> {
    decided(task, evidence, setting(task, notes), None, &())
}

/// The same, with candidates that are hosted or were asked, and with what a judge and people said of their answers.
pub(crate) fn decided(
    task: &Task,
    evidence: &Evidence,
    setting: Setting,
    grading: Option<&Grading>,
    seen: &dyn Observer,
) -> Result<Decided, Error> {
    let working = |work, done, of| seen.see(Event::Working { work, done, of });
    let file = &task.file;
    let learners = ordinate_combine::learners(file.combine.kinds.as_deref());
    let plan = Plan {
        folds: file.combine.folds.unwrap_or(CombineSection::FOLDS),
        seed: file.statistics.seed.unwrap_or_default(),
    };
    let told = |done, of| working(Work::Learning, done, of);
    let mut learned = learn_telling(&evidence.view(), &learners, &plan, &told).map_err(|error| {
        match Error::from(error) {
            Error::Policies { error, fault: Fault::Input } => Error::task(task, error),
            other => other,
        }
    })?;
    let judge = grading.map(|grading| grading::correct(grading, evidence, &mut learned.trials));
    let Known { metric, floors, guess_rate } = metric::known(task, evidence);
    let mut notes = setting.notes;
    notes.extend(forecast_errors::notes(task, evidence, &learned.trials, metric.as_deref()));
    notes.extend(label_figures::note(task, evidence));
    notes.extend(corpus_figures::notes(task, evidence));
    let setting = Setting {
        notes,
        series: series_shown::shown(task, evidence),
        metric: metric.or(setting.metric),
        floors,
        guess_rate: setting.guess_rate.or(guess_rate),
        judge,
        ..setting
    };
    working(Work::Judging, 0, 1);
    let verdict = ordinate_judge::decide(&learned.trials, &file.needs, &setting);
    working(Work::Judging, 1, 1);
    Ok(Decided { verdict, learned, setting })
}

/// What a verdict on this task is made from besides trials and needs, where nobody is hosted or was asked.
pub(crate) fn setting(task: &Task, notes: &[String]) -> Setting {
    let file = &task.file;
    Setting {
        task: file.task.name.clone(),
        resampling: Resampling {
            resamples: file.statistics.resamples.unwrap_or(StatisticsSection::RESAMPLES),
            seed: file.statistics.seed.unwrap_or_default(),
            interval: file.statistics.interval.unwrap_or_default(),
        },
        guess_rate: file.task.guess_rate,
        metric: file.task.metric.clone(),
        floors: Vec::new(),
        notes: file.data.notes.iter().chain(notes).cloned().collect(),
        hosted: Vec::new(),
        measured: Vec::new(),
        deployment: Vec::new(),
        series: Vec::new(),
        learning: Vec::new(),
        judge: None,
    }
}

/// Changes some of the needs (`KEY=VALUE`).
///
/// # Errors
/// [`Error::Options`] where one is no need.
pub fn change_needs(needs: &mut Needs, assignments: &[String]) -> Result<(), Error> {
    for assignment in assignments {
        needs.set(assignment).map_err(|error| Error::Options(format!("--need {assignment}: {error}")))?;
    }
    Ok(())
}

/// The verdict of the run in this folder again, under its needs with some of them changed (`KEY=VALUE`): what a run with
/// these needs would say, to the last digit. Nothing is asked, learned or written.
///
/// # Errors
/// [`Error`] where the folder holds no run, or a need is none.
pub async fn judge(run: &Path, needs: &[String]) -> Result<Verdict, Error> {
    let (run, assignments) = (run.to_owned(), needs.to_vec());
    let cancel = ordinate_measure::CancellationToken::new();
    crate::work::aside(&cancel, move || {
        let folder = Folder::open(&run)?;
        let mut needs = folder.verdict()?.needs;
        change_needs(&mut needs, &assignments)?;
        let (trials, setting) = kept(&folder.unpack(TRIALS)?)
            .map_err(|error| Error::file(&folder.path(TRIALS), Fault::Input, error))?;
        Ok(ordinate_judge::decide(&trials, &needs, &setting))
    })
    .await
}
