//! How a decoder is asked about an item, whether it answers as it is or was trained, and how it answers.
//!
//! One label or option is chosen by the probability that the model gives to each; everything else is written, and read
//! out of what was written as a live candidate's reply is.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use ordinate_core::Item;
use ordinate_core::task::PromptSection;
use ordinate_models::ModelError;
use ordinate_models::decoder::{Piece, Question, Sampling, Writer};
use ordinate_remote::{Examples, Failure, FailureKind, Prompt, PromptError, Reply, TokenLogprob, Usage};
use ordinate_tasks::Kind;

use crate::error::Error;
use crate::kinds::Opening;

/// What a decoder is told, besides an item.
pub(in crate::kinds) struct Told<'a> {
    pub(in crate::kinds) kind: &'static dyn Kind,
    pub(in crate::kinds) labels: &'a [String],
    pub(in crate::kinds) prompt: &'a PromptSection,
    pub(in crate::kinds) examples: &'a Arc<Examples>,
    pub(in crate::kinds) seed: u64,
}

/// How a decoder is asked about the items of a task.
pub(in crate::kinds) struct Questions {
    kind: &'static dyn Kind,
    labels: Vec<String>,
    prompt: Prompt,
    examples: Arc<Examples>,
    /// The most tokens that are written.
    most: usize,
}

impl Questions {
    /// As the task says; `most` tokens are written, or as many as its kind takes.
    pub(in crate::kinds) fn new(told: &Told<'_>, most: Option<u32>) -> Result<Self, PromptError> {
        let &Told { kind, labels, prompt, examples, .. } = told;
        if kind.takes_images() {
            return Err(PromptError::Kind(kind.name()));
        }
        let most = most.unwrap_or_else(|| kind.max_tokens());
        Ok(Self {
            kind,
            labels: labels.to_vec(),
            prompt: Prompt::new(kind, labels, prompt, false)?,
            examples: Arc::clone(examples),
            most: usize::try_from(most).unwrap_or(usize::MAX),
        })
    }

    /// Whether the answer is one of the options of an item, of which each has a probability, and is not written.
    pub(in crate::kinds) fn chooses(&self, item: &Item) -> bool {
        self.kind.choices(item, &self.labels).is_some()
    }

    /// What it is asked about an item, as JSON.
    pub(in crate::kinds) fn request(&self, item: &Item) -> Result<String, PromptError> {
        let prompted = self.prompt.render(item, &self.examples.of(item))?;
        let options = self.kind.choices(item, &self.labels);
        let options = options.map(|all| all.into_iter().map(str::to_owned).collect::<Vec<_>>());
        let most = options.is_none().then_some(self.most);
        let question = Question { system: prompted.system, user: prompted.user, options, most };
        serde_json::to_string(&question).map_err(|error| PromptError::Lacks(error.to_string()))
    }
}

/// What a decoder is asked about each item, by row, as one is asked that was not trained.
pub(in crate::kinds) fn asked(opening: &Opening<'_>) -> Result<Vec<String>, Error> {
    let (task, materials) = (opening.place.task, opening.materials);
    let told = Told {
        kind: task.kind,
        labels: &materials.labels,
        prompt: &task.file.prompt,
        examples: &materials.examples,
        seed: task.file.statistics.seed.unwrap_or_default(),
    };
    let fail = |error| opening.place.fail(error);
    let questions = Questions::new(&told, None).map_err(fail)?;
    let items = &materials.items;
    let is_asked = |row: usize| items.target(row).or(items.input(row)).is_some();
    let one = |row: usize| match is_asked(row) {
        true => questions.request(&items.item(row)).map_err(fail),
        false => Ok(String::new()),
    };
    (0..items.len()).map(one).collect()
}

/// The answer to a request. What cannot be answered, because it is too long, is a failure of this item.
pub(in crate::kinds) fn answer(
    writer: &Writer,
    body: &str,
    sampling: Sampling,
) -> Result<Result<Reply, Failure>, ModelError> {
    let question = Question::read(body)?;
    let started = Instant::now();
    Ok(match reply(writer, &question, sampling) {
        Ok(reply) => Ok(Reply { latency: started.elapsed(), ..reply }),
        // What is wrong with a file is so for every item.
        Err(error @ ModelError::File { .. }) => return Err(error),
        Err(error) => {
            let why = match error {
                ModelError::Failed(why) => why,
                other => other.to_string(),
            };
            let failure = Failure::new(FailureKind::Reported, why);
            Err(Failure { latency: started.elapsed(), ..failure })
        }
    })
}

fn reply(writer: &Writer, question: &Question, sampling: Sampling) -> Result<Reply, ModelError> {
    let text = writer.prompt(&question.messages())?;
    if let Some(options) = &question.options {
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let (best, confidence) = writer.choose(&text, &options)?;
        let (text, confidence) = (options[best].to_owned(), Some(confidence));
        return Ok(Reply { text, confidence, ..Reply::default() });
    }
    let most = question.most.unwrap_or(usize::MAX);
    let written = writer.write(&text, most, sampling, &mut |_| ControlFlow::Continue(()))?;
    let (input_tokens, output_tokens) = (written.read as u64, written.pieces.len() as u64);
    let usage = Usage { input_tokens, output_tokens, ..Usage::default() };
    let text = written.text();
    let logprob = |piece: Piece| TokenLogprob { token: piece.text, logprob: piece.log_probability };
    Ok(Reply {
        text,
        cut_short: !written.ended,
        usage: Some(usage),
        first_token: written.first_text,
        logprobs: written.pieces.into_iter().map(logprob).collect(),
        ..Reply::default()
    })
}
