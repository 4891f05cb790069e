//! What can be asked: the one trait between measuring and the rooms where models are.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use ordinate_core::Item;
use ordinate_remote::{Chat, Command, Embeddings, Examples, Failure, Prompt, PromptError, Reply, Usage};

/// What one request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The item's place in the plan.
    pub item: usize,
    /// The bytes that decide the answer, besides the identity of whoever is asked.
    pub body: String,
}

/// Why a candidate cannot answer at all, whatever the item: it cannot be opened or trained.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct AnswererError(Box<dyn Error + Send + Sync>);

impl AnswererError {
    /// For this reason.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(error.into())
    }
}

/// A future of one attempt: a result for each request of the batch, in its order.
pub type Attempt<'a> =
    Pin<Box<dyn Future<Output = Result<Vec<Result<Reply, Failure>>, AnswererError>> + Send + 'a>>;

/// A future of putting things away.
pub type PuttingAway<'a> = Pin<Box<dyn Future<Output = Result<(), AnswererError>> + Send + 'a>>;

/// How something can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most batches that make sense side by side, if it knows.
    pub in_flight: Option<usize>,
    /// The most requests of one batch, at least 1. A batch is committed whole: what a kill loses is at most the batches
    /// in flight.
    pub batch: usize,
    /// Files and connections that one request keeps open.
    pub files: usize,
    /// Whether it takes this machine's processors, so that nothing else is asked meanwhile: latencies would be of both.
    pub alone: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self { in_flight: None, batch: 1, files: 0, alone: false }
    }
}

/// Something that can be asked about an item, once at a time or many times side by side.
pub trait Answerer: Send + Sync + 'static {
    /// What makes its answers differ from those of others, apart from the request. Never holds a key. The same after a
    /// new version of this program, as long as the answers are.
    fn identity(&self) -> String;

    /// The bytes that decide the answer to `item`, which is in this place: the same item always makes the same.
    ///
    /// # Errors
    /// [`PromptError`] when no request can be made.
    fn request(&self, at: usize, item: &Item) -> Result<String, PromptError>;

    /// The most tokens that `request` can use up.
    fn most_tokens(&self, _request: &str) -> Usage {
        Usage::default()
    }

    /// Whether it uses up tokens, which somebody may bill.
    fn uses_tokens(&self) -> bool {
        self.most_tokens("") != Usage::default()
    }

    /// Asks once. A batch has at most [`Limits::batch`] requests.
    fn ask<'a>(&'a self, batch: &'a [Request]) -> Attempt<'a>;

    /// Items of a lower stage are asked about first: whoever is trained anew for some of the items is trained once.
    fn stage(&self, _at: usize) -> u32 {
        0
    }

    /// Nothing more is asked: what it holds can be put away. Not called where the run broke off.
    fn put_away(&self) -> PuttingAway<'_> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// How it can be asked.
    fn limits(&self) -> Limits {
        Limits::default()
    }

    /// Whether a reply is the output itself, and not a text out of which one is to be read.
    fn gives_outputs(&self) -> bool {
        false
    }
}

/// The connection of a request, and what is opened to look its address up.
const FILES_OF_A_REQUEST: usize = 2;

/// Asks about one item after another.
fn each<'a, F>(batch: &'a [Request], ask: impl Fn(&'a Request) -> F + Send + 'a) -> Attempt<'a>
where
    F: Future<Output = Result<Reply, Failure>> + Send + 'a,
{
    Box::pin(async move {
        let mut replies = Vec::with_capacity(batch.len());
        for request in batch {
            replies.push(ask(request).await);
        }
        Ok(replies)
    })
}

/// A chat model with its prompt.
#[derive(Debug)]
pub struct ChatAnswerer {
    /// The model.
    pub chat: Chat,
    /// What it is told.
    pub prompt: Arc<Prompt>,
    /// The examples that it is shown.
    pub examples: Arc<Examples>,
}

impl Answerer for ChatAnswerer {
    fn identity(&self) -> String {
        self.chat.identity()
    }

    fn request(&self, _: usize, item: &Item) -> Result<String, PromptError> {
        let prompted = self.prompt.render(item, &self.examples.of(item))?;
        Ok(self.chat.body(&prompted))
    }

    fn most_tokens(&self, request: &str) -> Usage {
        self.chat.most_tokens(request)
    }

    fn ask<'a>(&'a self, batch: &'a [Request]) -> Attempt<'a> {
        each(batch, |request| self.chat.ask(&request.body))
    }

    fn limits(&self) -> Limits {
        Limits { files: FILES_OF_A_REQUEST, ..Limits::default() }
    }
}

/// A model that turns a text into a vector.
#[derive(Debug)]
pub struct EmbeddingsAnswerer(pub Embeddings);

impl Answerer for EmbeddingsAnswerer {
    fn identity(&self) -> String {
        self.0.identity()
    }

    fn request(&self, _: usize, item: &Item) -> Result<String, PromptError> {
        Ok(self.0.body(&item.input.text))
    }

    fn most_tokens(&self, request: &str) -> Usage {
        self.0.most_tokens(request)
    }

    fn ask<'a>(&'a self, batch: &'a [Request]) -> Attempt<'a> {
        each(batch, |request| self.0.ask(&request.body))
    }

    fn limits(&self) -> Limits {
        Limits { files: FILES_OF_A_REQUEST, ..Limits::default() }
    }

    fn gives_outputs(&self) -> bool {
        true
    }
}

/// An external command.
#[derive(Debug)]
pub struct CommandAnswerer(pub Command);

impl Answerer for CommandAnswerer {
    fn identity(&self) -> String {
        self.0.identity().to_owned()
    }

    fn request(&self, _: usize, item: &Item) -> Result<String, PromptError> {
        Ok(self.0.line(item))
    }

    fn ask<'a>(&'a self, batch: &'a [Request]) -> Attempt<'a> {
        each(batch, |request| self.0.ask(&request.body))
    }

    fn limits(&self) -> Limits {
        // Its input, its output and its errors.
        Limits { in_flight: Some(self.0.workers()), files: 3, ..Limits::default() }
    }
}
