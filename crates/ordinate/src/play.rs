//! A policy of a run, played over one item by the candidates that can be opened here.

use std::collections::HashMap;

use ordinate_combine::Artefact;
use ordinate_core::{CandidateName, Dial, Given, Item, Prediction, Probabilities, Query, Seen, Step};
use serde::Serialize;

use crate::error::Error;
use crate::folder::Folder;
use crate::options::Options;
use crate::reopen::{AnswersInputs, Reopened, opened};

/// What a candidate answered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Said {
    /// The candidate.
    pub candidate: CandidateName,
    /// What it said.
    pub output: Option<String>,
    /// How sure it is, in `[0, 1]`.
    pub confidence: Option<f64>,
    /// How probable it finds single labels: for policies.
    #[serde(skip)]
    pub probabilities: Vec<(String, f64)>,
    /// Why there is no output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What came of playing.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Played {
    /// What was answered, in the order of the asking.
    pub answers: Vec<Said>,
    /// The policy's answer; `None` where it needs a candidate that is not in this process, or nobody answered.
    pub answer: Option<String>,
    /// How sure the candidate is whose answer that is.
    pub confidence: Option<f64>,
}

/// The candidates of a run that were opened again.
pub(crate) struct Bench<'a> {
    folder: &'a Folder,
    all: Option<Reopened>,
    options: &'a Options,
    opened: HashMap<CandidateName, Option<Box<dyn AnswersInputs>>>,
}

impl<'a> Bench<'a> {
    /// Those of the run in this folder; each is opened when it is first asked.
    ///
    /// # Errors
    /// [`Error`] where the folder does not say how.
    pub(crate) fn of(folder: &'a Folder, options: &'a Options) -> Result<Self, Error> {
        // Folders of earlier versions do not say how candidates are opened.
        let all = folder.path(crate::reopen::FILE).is_file().then(|| Reopened::read(folder)).transpose()?;
        Ok(Self { folder, all, options, opened: HashMap::new() })
    }

    /// Whether any of these, or of those that were asked for before, is in this process.
    ///
    /// # Errors
    /// [`Error`] where one cannot be opened again.
    pub(crate) fn can_answer(&mut self, names: &[CandidateName]) -> Result<bool, Error> {
        for name in names {
            let opened = self.open(name)?;
            self.opened.insert(name.clone(), opened);
        }
        Ok(self.opened.values().any(Option::is_some))
    }

    /// Whether this one is in this process.
    ///
    /// # Errors
    /// [`Error`] where it cannot be opened again.
    pub(crate) fn answers(&mut self, name: &CandidateName) -> Result<bool, Error> {
        if !self.opened.contains_key(name) {
            let opened = self.open(name)?;
            self.opened.insert(name.clone(), opened);
        }
        Ok(self.opened.get(name).is_some_and(Option::is_some))
    }

    /// The first of these that looks for its answers in passages, of those in this process.
    ///
    /// # Errors
    /// [`Error`] where one cannot be opened again.
    pub(crate) fn reader_of_passages<'n>(
        &mut self,
        names: &'n [CandidateName],
    ) -> Result<Option<&'n CandidateName>, Error> {
        for name in names {
            let reads = |opened: &Option<Box<dyn AnswersInputs>>| {
                opened.as_ref().is_some_and(|opened| opened.reads_passages())
            };
            if self.answers(name)? && self.opened.get(name).is_some_and(reads) {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// The answer of a candidate; `None` for one that is not in this process.
    pub(crate) fn ask(&mut self, name: &CandidateName, item: &Item) -> Result<Option<Said>, Error> {
        if !self.opened.contains_key(name) {
            let opened = self.open(name)?;
            self.opened.insert(name.clone(), opened);
        }
        let Some(Some(opened)) = self.opened.get(name) else { return Ok(None) };
        let candidate = name.clone();
        Ok(Some(match opened.answer_item(item) {
            Ok(Prediction { output, confidence, probabilities }) => {
                Said { candidate, output: Some(output), confidence, probabilities, error: None }
            }
            Err(error) => Said {
                candidate,
                output: None,
                confidence: None,
                probabilities: Vec::new(),
                error: Some(error),
            },
        }))
    }

    fn open(&self, name: &CandidateName) -> Result<Option<Box<dyn AnswersInputs>>, Error> {
        match &self.all {
            Some(all) => opened(self.folder, all, name, self.options),
            None => Ok(None),
        }
    }
}

/// Plays a policy over an item until it gives an answer, or asks a candidate that is not in this process.
///
/// # Errors
/// [`Error`] where a candidate cannot be opened again.
pub(crate) fn play(
    bench: &mut Bench<'_>,
    artefact: &Artefact,
    query: &Query<'_>,
    item: &Item,
    dial: Dial,
) -> Result<Played, Error> {
    let names = artefact.policy.candidates();
    let mut thought = artefact.policy.think(query);
    let mut played = Played::default();
    let mut order: Vec<usize> = Vec::new();
    loop {
        let seen: Vec<Seen<'_>> =
            order.iter().zip(&played.answers).map(|(at, said)| seen(*at, said)).collect();
        match artefact.policy.next(query, &mut thought, &seen, dial) {
            Step::Ask(asked) => {
                drop(seen);
                if asked.is_empty() {
                    return Ok(played);
                }
                for at in asked {
                    let new = names.get(at).filter(|_| !order.contains(&at));
                    let Some(said) = new.map(|name| bench.ask(name, item)) else {
                        return Ok(played);
                    };
                    let Some(said) = said? else { return Ok(played) };
                    order.push(at);
                    played.answers.push(said);
                }
            }
            Step::Give(Given::Answer(at)) => {
                let place = order.iter().position(|one| *one == at);
                let said = place.map(|place| &played.answers[place]);
                (played.answer, played.confidence) =
                    said.map_or((None, None), |said| (said.output.clone(), said.confidence));
                return Ok(played);
            }
            Step::Give(Given::Merged(output)) => {
                played.answer = Some(output.to_string());
                return Ok(played);
            }
        }
    }
}

fn seen(candidate: usize, said: &Said) -> Seen<'_> {
    Seen {
        candidate,
        output: said.output.as_deref(),
        confidence: said.confidence,
        probabilities: Probabilities::Listed(&said.probabilities),
        output_tokens: None,
        failed: said.output.is_none(),
        notes: None,
    }
}
