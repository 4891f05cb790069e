//! The kinds of candidate: one file and one line in the table each. A kind says which entries of the task file are its
//! own, what is wrong with one, whether the task's data leaves this machine, whose answers it needs first, and opens it
//! as something that answers items. Nothing outside of this folder asks of what kind a candidate is.

mod chat;
mod command;
mod curve;
mod decoder;
mod digests;
mod embeddings;
mod forecaster;
mod methods;
mod recorded;
mod sentences;
pub(crate) mod teaching;
mod trained;
mod trained_kind;
mod untrained;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ordinate_core::task::CandidateEntry;
use ordinate_core::{CandidateName, Hosting, Items, Price};
use ordinate_data::Task;
use ordinate_judge::LearningCurve;
use ordinate_measure::{CancellationToken, Contender, Row};
use ordinate_models::gauge::Order;
use ordinate_models::{Encoders, Methods};
use ordinate_remote::chat::Embeddings;
use ordinate_remote::{Chat, Prompted};
use ordinate_tasks::Kind;

use crate::error::Error;
use crate::materials::Materials;
use crate::observe::{Doing, Seen};
use crate::reopen::{Again, AnswersInputs};
pub use curve::Lesson;

/// What of a candidate may be answered by one machine, and the rest by others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pieces {
    /// Any items, so many: each is answered by itself, by what learned nothing of the others.
    Items(usize),
    /// The items that one model answers ([`ordinate_measure::Answerer::stage`]), which is trained for them; and the model of all train
    /// items, which is kept.
    Folds,
}

impl Pieces {
    /// Of models that write, or read long texts.
    const FEW: Self = Self::Items(16);

    /// Of models that read an item and say a label or a number.
    const MANY: Self = Self::Items(64);
}

/// A kind of candidate.
pub trait CandidateKind: Send + Sync {
    /// Its name in `candidates.json`.
    fn name(&self) -> &'static str;

    /// Whether this entry of the task file is of this kind.
    ///
    /// # Errors
    /// [`Error`] where that cannot be said, for example because a file is missing.
    fn takes(&self, place: Place<'_>) -> Result<bool, Error>;

    /// How the candidate is answered, in words. Nothing is asked, trained or fetched.
    ///
    /// # Errors
    /// [`Error`] for what is wrong with the entry.
    fn check(&self, place: Place<'_>) -> Result<String, Error>;

    /// What has to be there before it is asked, and need not be for looking at it: the environment variable with its key.
    ///
    /// # Errors
    /// [`Error`] for what is not there.
    fn ready(&self, _place: Place<'_>) -> Result<(), Error> {
        Ok(())
    }

    /// Whether its answers are read from a file, so that it is not asked.
    fn is_recorded(&self) -> bool {
        false
    }

    /// Whether asking it sends the task's data away from this machine.
    fn data_leaves(&self, _entry: &CandidateEntry) -> bool {
        false
    }

    /// Whether somebody else answers, who may take money for it: what will be asked is said before.
    fn is_elsewhere(&self) -> bool {
        false
    }

    /// What is wrong with these items for it, as far as that can be said without setting it up.
    ///
    /// # Errors
    /// [`Error`] for the first item that it cannot be asked about.
    fn check_items(&self, _place: Place<'_>, _items: &Items) -> Result<(), Error> {
        Ok(())
    }

    /// Whether it is asked about test items alone: evidence then has no train items.
    ///
    /// # Errors
    /// As [`Self::check`].
    fn spares_train(&self, _place: Place<'_>) -> Result<bool, Error> {
        Ok(false)
    }

    /// Whether it reads fields of items as numbers and categories.
    ///
    /// # Errors
    /// As [`Self::check`].
    fn reads_fields(&self, _place: Place<'_>) -> Result<bool, Error> {
        Ok(false)
    }

    /// The candidates whose answers it needs before it can answer.
    fn after(&self, _entry: &CandidateEntry) -> Vec<CandidateName> {
        Vec::new()
    }

    /// Whether it learns from the labels here and is trained on parts of them too, to tell what more would be worth.
    ///
    /// # Errors
    /// As [`Self::check`].
    fn has_curve(&self, _place: Place<'_>) -> Result<bool, Error> {
        Ok(false)
    }

    /// How it may be answered piece by piece, on many machines; `None` where it is not in this process, or cannot be parted.
    ///
    /// # Errors
    /// As [`Self::check`].
    fn pieces(&self, _place: Place<'_>) -> Result<Option<Pieces>, Error> {
        Ok(None)
    }

    /// Sets it up. Nothing is asked, trained or read into memory yet.
    ///
    /// # Errors
    /// [`Error`] for what is wrong with the entry, or with the items for it.
    fn open(&self, opening: &Opening<'_>) -> Result<Opened, Error>;

    /// Opens it again out of a run folder; `None` where it is not in this process.
    ///
    /// # Errors
    /// [`Error`] where that cannot be done, for example because a file is missing.
    fn reopen(&self, _again: &Again<'_>) -> Result<Option<Box<dyn AnswersInputs>>, Error> {
        Ok(None)
    }

    /// Opens it for a server, which asks it about items as a run did, and where it is a chat API passes on what others say;
    /// `None` where nobody is asked elsewhere.
    ///
    /// # Errors
    /// [`Error`] where that cannot be done, for example because its key is not set.
    fn serve(&self, _again: &Again<'_>, _kind: &'static dyn Kind) -> Result<Option<ServedElsewhere>, Error> {
        Ok(None)
    }
}

/// A candidate that a server asks elsewhere.
pub struct ServedElsewhere {
    /// How it is asked about an item; `None` where the kind of the task has no prompt.
    pub contender: Option<Contender>,
    /// The chat API behind it, and its price.
    pub chat: Option<(Arc<Chat>, Option<Price>)>,
    /// The embeddings API that it stands on.
    pub embeddings: Option<Arc<Embeddings>>,
}

/// An entry of a task file, and what it is looked at with.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The task.
    pub task: &'a Task,
    /// The entry.
    pub entry: &'a CandidateEntry,
    /// The methods of training that there are.
    pub methods: &'a Methods,
}

impl Place<'_> {
    /// That something is wrong with the entry.
    pub fn fail(&self, problem: impl std::fmt::Display) -> Error {
        Error::candidate(self.task, &self.entry.name, problem)
    }
}

/// What a candidate is opened with.
#[derive(Clone, Copy)]
pub struct Opening<'a> {
    /// Its entry.
    pub place: Place<'a>,
    /// The task's items, and what all candidates share of them.
    pub materials: &'a Materials,
    /// The encoders of this run.
    pub encoders: &'a Arc<Encoders>,
    /// The folder where what is made in this process is kept for further runs.
    pub cache: &'a Path,
    /// Who is told.
    pub seen: &'a Seen,
    /// Called when the run is to stop.
    pub cancel: &'a CancellationToken,
    /// Whether it is to be asked, and not only looked at with its kept answers: then its key has to be there.
    pub asks: bool,
    /// Whether it answers pieces, and others answer the rest: then nothing is made that answers none of its items.
    pub in_pieces: bool,
}

/// A candidate that can be asked.
pub struct Opened {
    /// How it is asked.
    pub contender: Contender,
    /// What has to be asked before, in this order.
    pub wants: Vec<Want>,
    /// What is known of it where it runs in this process.
    pub here: Option<Arc<dyn InProcess>>,
    /// What it is told about the first item, where it is prompted.
    pub prompt: Option<Prompted>,
}

impl Opened {
    /// One that needs nothing but to be asked.
    #[must_use]
    pub fn new(contender: Contender) -> Self {
        Self { contender, wants: Vec::new(), here: None, prompt: None }
    }
}

/// Answers that a candidate needs before it can answer.
pub struct Want {
    /// Who is asked.
    pub whom: Whom,
    /// The rows of the items that are asked about.
    pub rows: Arc<[u32]>,
    /// Takes the answers, in the order of the rows.
    pub take: Box<dyn FnOnce(Vec<Row>) -> Result<(), Error> + Send + Sync>,
}

/// Who is asked for what a candidate needs.
pub enum Whom {
    /// Another candidate of the task.
    Candidate(CandidateName),
    /// Something of its own, which is no candidate: what it cost is the candidate's.
    Own(Box<Contender>),
}

/// A candidate that runs in this process.
pub trait InProcess: Send + Sync {
    /// What is done when it is asked about this many items.
    fn doing(&self, items: usize) -> Doing;

    /// Where something that is made of it here is kept for further runs on the same data, by the ending of its name:
    /// `.jsonl` for its answers.
    fn kept_as(&self, ending: &str) -> PathBuf;

    /// Its size; after it was asked. Reads files.
    ///
    /// # Errors
    /// [`Error`] where they cannot be read.
    fn facts(&self) -> Result<HereFacts, Error>;

    /// What is handed to the program that measures hosting; `None` where it cannot be hosted here. May take long.
    ///
    /// # Errors
    /// Why it cannot be measured, in words.
    fn order(&self) -> Result<Option<Order>, String>;

    /// The folder with what was trained here, for the run folder.
    fn model(&self) -> Option<PathBuf> {
        None
    }

    /// What readers of the verdict should know of how it was made; after it was asked.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// How it comes through when it is trained on parts of the labels; `None` where it learns from none, or there are too few.
    ///
    /// # Errors
    /// [`Error`] where it could not be trained; [`Error::Stopped`].
    fn learning(&self, _lesson: &Lesson<'_>) -> Result<Option<LearningCurve>, Error> {
        Ok(None)
    }

    /// What each answer used up besides the candidate itself: the embedding that it stands on, for example.
    fn used_up(&self, _row: usize) -> Option<UsedUp> {
        None
    }
}

/// The size of a candidate that runs in this process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HereFacts {
    /// Weights.
    pub parameters: u64,
    /// Bytes of the weights in memory.
    pub memory_bytes: u64,
    /// Bytes of its files, and of those that it stands on.
    pub disk_bytes: u64,
}

/// What an answer used up elsewhere.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct UsedUp {
    /// USD, where a price is known.
    pub cost_usd: Option<f64>,
    /// Tokens read, where they were counted.
    pub input_tokens: Option<u64>,
}

/// The kinds of candidate that there are: those of this crate, and a caller's own.
#[derive(Clone)]
pub struct CandidateKinds(Vec<Arc<dyn CandidateKind>>);

impl Default for CandidateKinds {
    /// A line a kind. The first that takes an entry has it.
    fn default() -> Self {
        Self(vec![
            Arc::new(recorded::RecordedKind),
            Arc::new(embeddings::EmbeddingsKind),
            Arc::new(chat::ChatKind),
            Arc::new(command::CommandKind),
            Arc::new(forecaster::ForecasterKind),
            Arc::new(sentences::SentencesKind),
            Arc::new(decoder::DecoderKind),
            Arc::new(trained_kind::TrainedKind),
        ])
    }
}

impl std::fmt::Debug for CandidateKinds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|kind| kind.name())).finish()
    }
}

impl CandidateKinds {
    /// With one more, which is asked before the others.
    #[must_use]
    pub fn with(mut self, kind: impl CandidateKind + 'static) -> Self {
        self.0.insert(0, Arc::new(kind));
        self
    }

    /// The kind of this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<Arc<dyn CandidateKind>> {
        self.0.iter().find(|kind| kind.name() == name).cloned()
    }

    /// The kind of an entry.
    ///
    /// # Errors
    /// [`Error`] where no kind takes it.
    pub fn of(&self, place: Place<'_>) -> Result<Arc<dyn CandidateKind>, Error> {
        for kind in &self.0 {
            if kind.takes(place)? {
                return Ok(Arc::clone(kind));
            }
        }
        Err(place.fail("nothing says how it is answered; give it recorded, openai, command, local or adapt"))
    }
}

/// Whether the needs let the task's data be sent to it.
///
/// # Errors
/// [`Error::Candidate`] where `stay_local` forbids it.
pub(crate) fn may_have_the_data(kind: &dyn CandidateKind, place: Place<'_>) -> Result<(), Error> {
    let is_own = place.entry.hosting == Some(Hosting::Local);
    if place.task.file.needs.stay_local && !is_own && kind.data_leaves(place.entry) {
        return Err(place.fail(
            "stay_local forbids to send it the data; say hosting = \"local\" if its server is your own, or remove the \
             candidate",
        ));
    }
    Ok(())
}

/// The rows of items that have a target.
pub(crate) fn rows_with_target(items: &Items) -> Vec<u32> {
    (0..).zip(0..items.len()).filter(|&(_, row)| items.target(row).is_some()).map(|(at, _)| at).collect()
}
