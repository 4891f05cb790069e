//! What a run tells while it goes on.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use ordinate_core::CandidateName;
use ordinate_measure::{Estimate, Progress, Summary};
use ordinate_models::TrainingProgress;

/// Something that happens in a run.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A step begins, or is done.
    Step(Step<'a>),
    /// What asking will probably cost; nothing was asked yet.
    Estimated {
        /// One estimate a candidate that is asked.
        estimates: &'a [Estimate],
        /// The limit, USD.
        max_spend: Option<f64>,
    },
    /// How far the asking is: several times a second, and at the end.
    Progress {
        /// One a candidate that is asked.
        candidates: &'a [Progress],
        /// What counts against the limit, USD.
        spent_usd: f64,
        /// The limit, USD.
        max_spend: Option<f64>,
    },
    /// How far the training of a candidate is: several times a second.
    Training {
        /// The candidate.
        candidate: &'a CandidateName,
        /// How far.
        progress: &'a TrainingProgress,
    },
    /// A candidate's asking has ended.
    Ended(&'a Summary),
    /// How far this machine is with work that nobody is asked for.
    Working {
        /// What it does.
        work: Work,
        /// Parts that are done.
        done: usize,
        /// Parts in all; they take more or less long.
        of: usize,
    },
}

/// What takes this machine a while besides training and answering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Work {
    /// Policies are learned, fold by fold.
    Learning,
    /// Resamples are drawn and rules applied.
    Judging,
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Learning => "learning policies",
            Self::Judging => "judging",
        })
    }
}

/// A step of a run; as text, a line for people.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Step<'a> {
    /// A model is fetched from the hub: what of it.
    Fetching(&'a str),
    /// Vectors of this many items are asked for.
    Embeddings(usize),
    /// Live candidates are asked.
    Asking,
    /// A judge is asked this many questions about answers.
    Grading(usize),
    /// Another run on the same answer store asks within the same rates or `max_spend`: it is waited for.
    WaitsForAnother,
    /// What is done with one candidate that runs in this process.
    Candidate(&'a CandidateName, Doing),
    /// Something that the verdict will note as well.
    Note(&'a str),
    /// All answers are there.
    Read {
        /// How many items.
        items: usize,
        /// How many candidates.
        candidates: usize,
    },
    /// The verdict was reached, after this many policies were tried.
    Judged(usize),
    /// The verdict that was in the run folder is kept here, as another one took its place.
    KeptBefore(&'a Path),
    /// The run folder is whole.
    Written(&'a Path),
}

/// What is done with a candidate that runs in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Doing {
    /// Its answers of an earlier run on the same data are taken.
    Kept,
    /// Its encoder reads this many items.
    Embedding(usize),
    /// It is trained, and answers this many items.
    Training(usize),
    /// It answers this many items.
    Answering(usize),
    /// What hosting it takes is measured.
    Gauging,
    /// It is trained this many times on parts of the labels.
    Learning(usize),
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fetching(line) | Self::Note(line) => f.write_str(line),
            Self::Embeddings(items) => write!(f, "asking for embeddings of {items} items"),
            Self::Asking => f.write_str("asking live candidates"),
            Self::Grading(questions) => write!(f, "grading: {questions} questions to the judge"),
            Self::WaitsForAnother => f.write_str(
                "waiting for another run on this answer store, which asks within the same rates or max_spend",
            ),
            Self::Candidate(name, doing) => write!(f, "{name}: {doing}"),
            Self::Read { items, candidates } => write!(f, "{items} items x {candidates} candidates read"),
            Self::Judged(policies) => write!(f, "judged; policies tried: {policies}"),
            Self::KeptBefore(folder) => write!(f, "the verdict before is kept in {}", folder.display()),
            Self::Written(folder) => write!(f, "written to {}", folder.display()),
        }
    }
}

impl fmt::Display for Doing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kept => f.write_str("answers of an earlier run on the same data"),
            Self::Embedding(items) => write!(f, "embedding {items} items"),
            Self::Training(items) => write!(f, "training and answering {items} items"),
            Self::Answering(items) => write!(f, "answering {items} items"),
            Self::Learning(trainings) => {
                write!(f, "training it {trainings} times on parts of the labels, for its learning curve")
            }
            Self::Gauging => f.write_str("measuring what hosting it takes"),
        }
    }
}

/// Is told of what happens in a run.
pub trait Observer: Send + Sync {
    /// Something happens. Called from any thread, also from several at once; the run waits until it returns.
    fn see(&self, event: Event<'_>);
}

/// Nobody looks.
impl Observer for () {
    fn see(&self, _: Event<'_>) {}
}

/// An observer that parts of a run can share.
pub(crate) type Seen = Arc<dyn Observer>;

/// Tells of one step.
pub(crate) fn step(seen: &dyn Observer, step: Step<'_>) {
    seen.see(Event::Step(step));
}

/// Tells what measuring tells.
pub(crate) struct Asked<'a> {
    pub(crate) seen: &'a dyn Observer,
    pub(crate) max_spend: Option<f64>,
    /// What is done with candidates in this process when their turn comes.
    pub(crate) doing: HashMap<CandidateName, Doing>,
}

impl ordinate_measure::Observer for Asked<'_> {
    fn started(&self, candidate: &CandidateName) {
        if let Some(doing) = self.doing.get(candidate) {
            step(self.seen, Step::Candidate(candidate, *doing));
        }
    }

    fn waits_for_another(&self) {
        step(self.seen, Step::WaitsForAnother);
    }

    fn estimated(&self, estimates: &[Estimate]) {
        if estimates.is_empty() {
            return;
        }
        self.seen.see(Event::Estimated { estimates, max_spend: self.max_spend });
    }

    fn progress(&self, candidates: &[Progress], spent_usd: f64) {
        self.seen.see(Event::Progress { candidates, spent_usd, max_spend: self.max_spend });
    }

    fn ended(&self, summary: &Summary) {
        self.seen.see(Event::Ended(summary));
    }
}
