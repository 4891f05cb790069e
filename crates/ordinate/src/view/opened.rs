//! A run whose items are looked at: its evidence, read once and kept while the run is the same.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use ordinate_combine::scored_rows;
use ordinate_core::verdict::Verdict;
use ordinate_core::{Evidence, OutputKind, Row, Status};
use ordinate_data::read_evidence;
use ordinate_judge::{Act, Acts, Giver, Setting, acts_of, kept, scores_of};
use ordinate_report::{Mark, RunHead};
use ordinate_trials::Trials;

use super::heat::Networks;
use crate::error::{Error, Fault};
use crate::folder::{EVIDENCE, Folder, TRIALS};

/// Runs that are kept at one time: two are compared, and one is looked at besides.
const KEPT: usize = 3;
/// Evidence up to this size is read before anybody asks for an item, once the page of its run was asked for.
const AHEAD_BYTES: u64 = 64 << 20;

/// A run whose items are looked at. Items go by their place among those that are scored.
#[derive(Debug)]
pub(super) struct OpenedRun {
    folder: Folder,
    stamp: Option<Stamp>,
    id: String,
    name: String,
    pub(super) verdict: Verdict,
    pub(super) evidence: Evidence,
    /// The row of each item.
    pub(super) rows: Vec<Row>,
    /// The items in the order of the evidence, which is that of the data.
    pub(super) order: Vec<usize>,
    /// The candidates, the best first.
    pub(super) best_first: Vec<usize>,
    /// Whether any score is neither 0 nor 1.
    pub(super) is_graded: bool,
    trials: OnceLock<Result<(Trials, Setting), String>>,
    acts: Mutex<HashMap<String, Option<Arc<Acts>>>>,
    /// Its networks of images.
    pub(super) networks: Networks,
}

/// By which it is told that a run is still the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    time: SystemTime,
    length: u64,
}

impl Stamp {
    fn of(run: &Path) -> Option<Self> {
        let file = fs::metadata(run.join("verdict.json")).ok()?;
        Some(Self { time: file.modified().ok()?, length: file.len() })
    }
}

impl OpenedRun {
    fn open(path: &Path, id: &str, name: &str) -> Result<Self, Error> {
        let stamp = Stamp::of(path);
        let folder = Folder::open(path)?;
        let verdict = folder.verdict()?;
        let evidence = read_evidence(&folder.path(EVIDENCE))?;
        let rows = scored_rows(&evidence);
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_unstable_by_key(|&at| rows[at]);
        let place = |column: usize| {
            let name = &evidence.candidates()[column].name;
            verdict.candidates.iter().position(|row| row.name == *name).unwrap_or(usize::MAX)
        };
        let mut best_first: Vec<usize> = (0..evidence.candidates().len()).collect();
        best_first.sort_by_key(|&column| place(column));
        let is_graded = evidence
            .columns()
            .iter()
            .any(|answers| rows.iter().filter_map(|&row| answers.score(row)).any(|s| s != 0.0 && s != 1.0));
        Ok(Self {
            folder,
            stamp,
            id: id.to_owned(),
            name: name.to_owned(),
            verdict,
            evidence,
            rows,
            order,
            best_first,
            is_graded,
            trials: OnceLock::new(),
            acts: Mutex::default(),
            networks: Networks::default(),
        })
    }

    /// What pages say of the run.
    pub(super) fn head(&self) -> RunHead<'_> {
        RunHead {
            id: &self.id,
            name: &self.name,
            task: &self.verdict.task,
            has_labels: self.evidence.known_output_kind() == Some(OutputKind::Label),
            has_slices: self.evidence.items().has_slices(),
        }
    }

    pub(super) fn folder(&self) -> &Folder {
        &self.folder
    }

    pub(super) fn name_of(&self, column: usize) -> &str {
        self.evidence.candidates()[column].name.as_str()
    }

    /// What a candidate scores on an item; an error counts as 0, and NaN is what it was never asked about.
    pub(super) fn score(&self, column: usize, at: usize) -> f64 {
        let (answers, row) = (self.evidence.answers(column), self.rows[at]);
        match answers.status(row) {
            Status::Scored => answers.score(row).unwrap_or(f64::NAN),
            Status::Error => 0.0,
            Status::Missing => f64::NAN,
        }
    }

    /// How the answer of a candidate to an item came out.
    pub(super) fn mark(&self, column: usize, at: usize, right_from: f64) -> Mark {
        let (answers, row) = (self.evidence.answers(column), self.rows[at]);
        match answers.status(row) {
            Status::Scored if answers.score(row).is_some_and(|score| score >= right_from) => Mark::Right,
            Status::Scored => Mark::Wrong,
            Status::Error => Mark::Error,
            Status::Missing => Mark::NotAsked,
        }
    }

    /// What the candidate or policy of this name did with every item. `None` where nothing has this name, or the run has no
    /// trials.
    pub(super) fn acts(&self, name: &str) -> Option<Arc<Acts>> {
        let mut known = self.acts.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(name.to_owned()).or_insert_with(|| self.find_acts(name).map(Arc::new)).clone()
    }

    fn find_acts(&self, name: &str) -> Option<Acts> {
        // A single candidate needs no trials.
        if let Some(column) = (0..self.best_first.len()).find(|&column| self.name_of(column) == name) {
            let act = Act { asked: vec![(column, 1)], given: vec![(Giver::Candidate(column), 1)] };
            let scores = (0..self.rows.len()).map(|at| self.score(column, at)).collect();
            return Some(Acts { scores, acts: vec![act], of: vec![0; self.rows.len()], foldings: 1 });
        }
        let (trials, setting) = self.trials().as_ref().ok()?;
        let acts = acts_of(trials, &self.verdict.needs, setting, name);
        let mut acts = acts.filter(|acts| acts.of.len() == self.rows.len())?;
        // Trials have their candidates in the order of names, evidence in that of the task file.
        let own = |column: &mut usize| {
            let name = trials.candidates.get(*column).map(|candidate| &candidate.name);
            *column = name.and_then(|name| self.evidence.column_of(name)).unwrap_or(*column);
        };
        for act in &mut acts.acts {
            act.asked.iter_mut().for_each(|(column, _)| own(column));
            let given = act.given.iter_mut().filter_map(|(giver, _)| match giver {
                Giver::Candidate(column) => Some(column),
                Giver::Several | Giver::Nobody => None,
            });
            given.for_each(own);
        }
        if self.is_corrected() {
            acts.scores = (0..self.rows.len()).map(|at| self.graded(&acts, at)).collect();
        }
        Some(acts)
    }

    /// Whether estimates are corrected by grades of people, so that they do not follow from the scores of single items.
    pub(super) fn is_corrected(&self) -> bool {
        let judge = self.verdict.judge.as_ref();
        judge.is_some_and(|judge| judge.candidates.iter().any(|one| one.lambda.is_some()))
    }

    /// What the judge gave to the answers of a policy to an item, as a mean over foldings.
    fn graded(&self, acts: &Acts, at: usize) -> f64 {
        let given = acts.acts.get(acts.of[at] as usize).map_or(&[][..], |act| &act.given);
        let (mut sum, mut all) = (0.0, 0.0);
        for (giver, times) in given {
            let Giver::Candidate(column) = giver else { return f64::NAN };
            sum += self.score(*column, at) * f64::from(*times);
            all += f64::from(*times);
        }
        sum / all
    }

    /// The scores of a candidate or policy from which the verdict estimates its quality, where grades of people correct these.
    pub(super) fn corrected(&self, name: &str) -> Option<Vec<f64>> {
        let (trials, setting) = self.trials().as_ref().ok().filter(|_| self.is_corrected())?;
        let scores = scores_of(trials, &self.verdict.needs, setting, name)?;
        (scores.len() == self.rows.len()).then_some(scores)
    }

    fn trials(&self) -> &Result<(Trials, Setting), String> {
        self.trials.get_or_init(|| {
            let path = self.folder.path(TRIALS);
            self.folder
                .unpack(TRIALS)
                .and_then(|bytes| kept(&bytes).map_err(|error| Error::file(&path, Fault::Input, error)))
                .map_err(|error| error.to_string())
        })
    }

    /// Why nothing can be said of policies, where that is so.
    pub(super) fn no_trials(&self) -> Option<&str> {
        self.trials().as_ref().err().map(String::as_str)
    }
}

/// The runs that were opened last.
#[derive(Debug, Default)]
pub(super) struct OpenedRuns(Mutex<Vec<(PathBuf, Arc<OpenedRun>)>>);

impl OpenedRuns {
    /// The run of this id, where it was opened and is still the same.
    pub(super) fn known(&self, id: &str) -> Option<Arc<OpenedRun>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = all.iter().position(|(path, run)| run.id == id && run.stamp == Stamp::of(path))?;
        let found = all.remove(at);
        let run = Arc::clone(&found.1);
        all.push(found);
        Some(run)
    }

    /// Opens a run. Others wait meanwhile, so that no run is read twice at one time.
    pub(super) fn open(&self, path: &Path, id: &str, name: &str) -> Result<Arc<OpenedRun>, Error> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, run)) = all.iter().find(|(known, run)| known == path && run.stamp == Stamp::of(path))
        {
            return Ok(Arc::clone(run));
        }
        all.retain(|(known, _)| known != path);
        let run = Arc::new(OpenedRun::open(path, id, name)?);
        if all.len() >= KEPT {
            all.remove(0);
        }
        all.push((path.to_owned(), Arc::clone(&run)));
        Ok(run)
    }

    /// Opens a run that is not too large, for whoever looks at its items next; and what its recommended policy did.
    pub(super) fn open_ahead(self: &Arc<Self>, path: &Path, id: &str, name: &str) {
        if !fs::metadata(path.join(EVIDENCE)).is_ok_and(|file| file.len() <= AHEAD_BYTES) {
            return;
        }
        let (all, path, id, name) = (Arc::clone(self), path.to_owned(), id.to_owned(), name.to_owned());
        std::thread::spawn(move || {
            // What is wrong is told to whoever asks.
            if let Ok(run) = all.open(&path, &id, &name)
                && let Some(recommended) = &run.verdict.recommended
            {
                run.acts(&recommended.name);
            }
        });
    }
}
