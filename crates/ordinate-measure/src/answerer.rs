//! What can be asked: the one trait between measuring and the rooms where models are.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use ordinate_core::Item;
use ordinate_remote::{Chat, Command, Embeddings, Examples, Failure, Prompt, PromptError, Reply, Usage};

/// A future of one attempt.
pub type Attempt<'a> = Pin<Box<dyn Future<Output = Result<Reply, Failure>> + Send + 'a>>;

/// Something that can be asked about an item, once at a time or many times side by side.
pub trait Answerer: Send + Sync + 'static {
    /// What makes its answers differ from those of others, apart from the request. Never holds a key.
    fn identity(&self) -> String;

    /// The exact request about `item`: the same item always makes the same bytes.
    ///
    /// # Errors
    /// [`PromptError`] when no request can be made.
    fn request(&self, item: &Item) -> Result<String, PromptError>;

    /// The most tokens that `request` can use up.
    fn most_tokens(&self, request: &str) -> Usage;

    /// Whether it uses up tokens, which somebody may bill.
    fn uses_tokens(&self) -> bool {
        self.most_tokens("") != Usage::default()
    }

    /// Asks once.
    fn ask<'a>(&'a self, request: &'a str) -> Attempt<'a>;

    /// The most requests that make sense side by side, if it knows.
    fn most_in_flight(&self) -> Option<usize> {
        None
    }
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

    fn request(&self, item: &Item) -> Result<String, PromptError> {
        let prompted = self.prompt.render(item, &self.examples.of(item))?;
        Ok(self.chat.body(&prompted))
    }

    fn most_tokens(&self, request: &str) -> Usage {
        self.chat.most_tokens(request)
    }

    fn ask<'a>(&'a self, request: &'a str) -> Attempt<'a> {
        Box::pin(self.chat.ask(request))
    }
}

/// A model that turns a text into a vector: its answer is the vector, as a JSON list.
#[derive(Debug)]
pub struct EmbeddingsAnswerer(pub Embeddings);

impl Answerer for EmbeddingsAnswerer {
    fn identity(&self) -> String {
        self.0.identity()
    }

    fn request(&self, item: &Item) -> Result<String, PromptError> {
        Ok(self.0.body(&item.input.text))
    }

    fn most_tokens(&self, request: &str) -> Usage {
        self.0.most_tokens(request)
    }

    fn ask<'a>(&'a self, request: &'a str) -> Attempt<'a> {
        Box::pin(self.0.ask(request))
    }
}

/// An external command.
#[derive(Debug)]
pub struct CommandAnswerer(pub Command);

impl Answerer for CommandAnswerer {
    fn identity(&self) -> String {
        self.0.identity().to_owned()
    }

    fn request(&self, item: &Item) -> Result<String, PromptError> {
        Ok(self.0.line(item))
    }

    fn most_tokens(&self, _: &str) -> Usage {
        Usage::default()
    }

    fn ask<'a>(&'a self, request: &'a str) -> Attempt<'a> {
        Box::pin(self.0.ask(request))
    }

    fn most_in_flight(&self) -> Option<usize> {
        Some(self.0.workers())
    }
}
