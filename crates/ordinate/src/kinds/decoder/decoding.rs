//! A decoder that answers items.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ordinate_core::Item;
use ordinate_core::task::Local;
use ordinate_measure::{Answerer, AnswererError, Attempt, Limits, PuttingAway, Request};
use ordinate_models::decoder::{Place as Files, Question, Sampling, Writer, identity, open};
use ordinate_models::gauge::{Asked, Order};
use ordinate_models::{ModelError, inspect};
use ordinate_remote::{Failure, PromptError, Reply};
use serde::{Deserialize, Serialize};

use super::questions::{Questions, Told, answer};
use crate::cache::{self, digest, read_json, write_json};
use crate::error::Error;
use crate::hosting::spread;
use crate::kinds::{HereFacts, InProcess};
use crate::observe::Doing;

/// Raised when the same model comes to be asked or read in another way: what older versions answered is not taken then.
const VERSION: u32 = 1;

/// What its answers hang on, besides the request.
#[derive(Serialize)]
struct Identity {
    decoder: u32,
    files: String,
    engine: ordinate_core::task::Engine,
    temperature: f64,
    top_p: f64,
    seed: u64,
    kind: &'static str,
}

/// A candidate that writes here.
pub(super) struct Decoding {
    identity: String,
    files: Files,
    questions: Questions,
    engine: ordinate_core::task::Engine,
    sampling: Sampling,
    cache: PathBuf,
    /// A digest of the model and all requests.
    kept: String,
    /// Requests of some of the items, on which hosting is measured.
    sample: Vec<String>,
    /// Whether it says which of the options is right, and writes nothing.
    chooses: bool,
    /// Open from the first question until it is put away.
    writer: Mutex<Option<Arc<Writer>>>,
}

impl Decoding {
    /// One that is not read into memory yet.
    pub(super) fn new(files: Files, local: &Local, told: &Told<'_>) -> Result<Self, String> {
        let seed = told.seed;
        let identity = Identity {
            decoder: VERSION,
            files: identity(&files).map_err(|error| error.to_string())?,
            engine: local.engine.unwrap_or_default(),
            temperature: local.temperature.unwrap_or(0.0),
            top_p: local.top_p.unwrap_or(1.0),
            seed,
            kind: told.kind.name(),
        };
        Ok(Self {
            sampling: Sampling { temperature: identity.temperature, top_p: identity.top_p, seed },
            identity: serde_json::to_string(&identity).map_err(|error| error.to_string())?,
            files,
            questions: Questions::new(told, local.max_tokens).map_err(|error| error.to_string())?,
            engine: identity.engine,
            cache: PathBuf::new(),
            kept: String::new(),
            sample: Vec::new(),
            chooses: false,
            writer: Mutex::default(),
        })
    }

    /// Settles under which name it is kept, for these items.
    pub(super) fn settle(
        &mut self,
        cache: &Path,
        items: impl Iterator<Item = Item>,
    ) -> Result<(), PromptError> {
        let mut seen = vec![self.identity.clone()];
        for (at, item) in items.enumerate() {
            self.chooses |= at == 0 && self.chooses(&item);
            seen.push(self.request(&item)?);
        }
        self.sample = spread(seen.len() - 1).map(|at| seen[at + 1].clone()).collect();
        self.kept = digest(seen.iter().map(String::as_str));
        self.cache = cache.to_owned();
        Ok(())
    }

    /// Whether it says which of the options of an item is right, and writes nothing.
    pub(super) fn chooses(&self, item: &Item) -> bool {
        self.questions.chooses(item)
    }

    pub(super) fn request(&self, item: &Item) -> Result<String, PromptError> {
        self.questions.request(item)
    }

    fn writer(&self) -> Result<Arc<Writer>, ModelError> {
        let mut held = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(writer) = held.as_ref() {
            return Ok(Arc::clone(writer));
        }
        let writer = Arc::new(open(&self.files)?);
        *held = Some(Arc::clone(&writer));
        Ok(writer)
    }

    /// The answer to a request. What cannot be answered, because it is too long, is a failure of this item.
    pub(super) fn answer(&self, body: &str) -> Result<Result<Reply, Failure>, ModelError> {
        answer(self.writer()?.as_ref(), body, self.sampling)
    }
}

pub(super) struct DecoderAnswerer(pub(super) Arc<Decoding>);

impl Answerer for DecoderAnswerer {
    fn identity(&self) -> String {
        self.0.identity.clone()
    }

    fn request(&self, _: usize, item: &Item) -> Result<String, PromptError> {
        self.0.request(item)
    }

    fn ask<'a>(&'a self, batch: &'a [Request]) -> Attempt<'a> {
        let decoding = Arc::clone(&self.0);
        let bodies: Vec<String> = batch.iter().map(|request| request.body.clone()).collect();
        Box::pin(async move {
            let answers = move || bodies.iter().map(|body| decoding.answer(body)).collect::<Result<_, _>>();
            let answered = tokio::task::spawn_blocking(answers).await.map_err(AnswererError::new)?;
            answered.map_err(AnswererError::new)
        })
    }

    fn put_away(&self) -> PuttingAway<'_> {
        let decoding = Arc::clone(&self.0);
        Box::pin(async move {
            let work = move || decoding.put_away();
            tokio::task::spawn_blocking(work).await.map_err(AnswererError::new)?.map_err(AnswererError::new)
        })
    }

    fn limits(&self) -> Limits {
        Limits { in_flight: Some(1), batch: 1, files: 0, alone: true }
    }

    fn gives_outputs(&self) -> bool {
        self.0.chooses
    }
}

impl Decoding {
    /// Lets go of the memory, and keeps what is known of the model's size.
    fn put_away(&self) -> Result<(), Error> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(writer) = writer else { return Ok(()) };
        let ordinate_models::Facts { parameters, bytes } = writer.facts();
        drop(writer);
        let disk_bytes = self.inspected().map_err(Error::broken)?.1;
        let facts = Kept { version: VERSION, parameters, memory_bytes: bytes, disk_bytes };
        write_json(&self.kept_as(".json"), &facts)
    }

    /// The path of the model, and the bytes of its files.
    fn inspected(&self) -> Result<(String, u64), String> {
        let path = match &self.files {
            Files::Folder(source) => &source.folder,
            Files::Gguf(path) | Files::Llama(path) => path,
        };
        let path = std::path::absolute(path).map_err(|error| error.to_string())?;
        let model = path.to_str().ok_or("the name of its file is not UTF-8")?.to_owned();
        let disk = inspect(&model, Path::new("")).map_err(|error| error.to_string())?.disk_bytes;
        Ok((model, disk))
    }
}

/// What is kept of a decoder's size.
#[derive(Serialize, Deserialize)]
struct Kept {
    version: u32,
    parameters: u64,
    memory_bytes: u64,
    disk_bytes: u64,
}

impl InProcess for Decoding {
    fn doing(&self, items: usize) -> Doing {
        Doing::Answering(items)
    }

    fn kept_as(&self, ending: &str) -> PathBuf {
        cache::path(&self.cache, &self.kept, ending)
    }

    fn facts(&self) -> Result<HereFacts, Error> {
        let kept = read_json::<Kept>(&self.kept_as(".json")).filter(|kept| kept.version == VERSION);
        let kept = match kept {
            Some(kept) => kept,
            // All its answers were there already, and its size was not.
            None => {
                self.writer().map_err(Error::broken)?;
                self.put_away()?;
                read_json(&self.kept_as(".json")).ok_or_else(|| Error::broken("its size is not kept"))?
            }
        };
        let Kept { parameters, memory_bytes, disk_bytes, .. } = kept;
        Ok(HereFacts { parameters, memory_bytes, disk_bytes })
    }

    fn order(&self) -> Result<Option<Order>, String> {
        let writer = self.writer().map_err(|error| error.to_string())?;
        let asked = |body: &String| -> Result<Asked, ModelError> {
            let question = Question::read(body)?;
            let text = writer.prompt(&question.messages())?;
            Ok(match question.options {
                Some(options) => Asked::Choose { text, options },
                None => Asked::Write { text, most: question.most.unwrap_or(usize::MAX) },
            })
        };
        let asked =
            self.sample.iter().map(asked).collect::<Result<_, _>>().map_err(|error| error.to_string())?;
        // The process that measures needs the memory.
        drop(writer);
        self.put_away().map_err(|error| error.to_string())?;
        let Sampling { temperature, top_p, seed } = self.sampling;
        let (model, _) = self.inspected()?;
        Ok(Some(Order::Writer { model, asked, temperature, top_p, seed, engine: self.engine }))
    }
}
