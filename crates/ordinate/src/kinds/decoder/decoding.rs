//! A decoder that answers items.
//!
//! One label or option is chosen by the probability that the model gives to each; everything else is written, and read
//! out of what was written as a live candidate's reply is.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use ordinate_core::Item;
use ordinate_core::task::{Local, PromptSection};
use ordinate_measure::{Answerer, AnswererError, Attempt, Limits, PuttingAway, Request};
use ordinate_models::decoder::{Place as Files, Role, Sampling, Writer, identity, open};
use ordinate_models::gauge::{Asked, Order};
use ordinate_models::{ModelError, inspect};
use ordinate_remote::{Examples, Failure, FailureKind, Prompt, PromptError, Reply, TokenLogprob, Usage};
use ordinate_tasks::Kind;
use serde::{Deserialize, Serialize};

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

/// What is asked about one item.
#[derive(Serialize, Deserialize)]
struct Question {
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<String>,
    user: String,
    /// What is chosen from; `None` where it writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    options: Option<Vec<String>>,
    /// The most tokens that are written.
    #[serde(skip_serializing_if = "Option::is_none")]
    most: Option<usize>,
}

/// A candidate that writes here.
pub(super) struct Decoding {
    identity: String,
    files: Files,
    kind: &'static dyn Kind,
    labels: Vec<String>,
    prompt: Prompt,
    examples: Arc<Examples>,
    engine: ordinate_core::task::Engine,
    sampling: Sampling,
    most: usize,
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

/// What a decoder is told, besides an item.
pub(super) struct Told<'a> {
    pub(super) kind: &'static dyn Kind,
    pub(super) labels: &'a [String],
    pub(super) prompt: &'a PromptSection,
    pub(super) examples: &'a Arc<Examples>,
    pub(super) seed: u64,
}

impl Decoding {
    /// One that is not read into memory yet.
    pub(super) fn new(files: Files, local: &Local, told: &Told<'_>) -> Result<Self, String> {
        let &Told { kind, labels, prompt, examples, seed } = told;
        let identity = Identity {
            decoder: VERSION,
            files: identity(&files).map_err(|error| error.to_string())?,
            engine: local.engine.unwrap_or_default(),
            temperature: local.temperature.unwrap_or(0.0),
            top_p: local.top_p.unwrap_or(1.0),
            seed,
            kind: kind.name(),
        };
        let most = local.max_tokens.unwrap_or_else(|| kind.max_tokens());
        Ok(Self {
            sampling: Sampling { temperature: identity.temperature, top_p: identity.top_p, seed },
            identity: serde_json::to_string(&identity).map_err(|error| error.to_string())?,
            files,
            kind,
            labels: labels.to_vec(),
            prompt: Prompt::new(kind, labels, prompt, false).map_err(|error| error.to_string())?,
            examples: Arc::clone(examples),
            engine: identity.engine,
            most: usize::try_from(most).unwrap_or(usize::MAX),
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
        self.kind.choices(item, &self.labels).is_some()
    }

    pub(super) fn request(&self, item: &Item) -> Result<String, PromptError> {
        let prompted = self.prompt.render(item, &self.examples.of(item))?;
        let options = self.kind.choices(item, &self.labels);
        let options = options.map(|all| all.into_iter().map(str::to_owned).collect::<Vec<_>>());
        let most = options.is_none().then_some(self.most);
        let question = Question { system: prompted.system, user: prompted.user, options, most };
        serde_json::to_string(&question).map_err(|error| PromptError::Lacks(error.to_string()))
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
        let writer = self.writer()?;
        let question = question(body)?;
        let started = Instant::now();
        let reply = match self.reply(&writer, &question) {
            Ok(reply) => Ok(Reply { latency: started.elapsed(), ..reply }),
            Err(error) => {
                let why = match error {
                    ModelError::Failed(why) => why,
                    other => other.to_string(),
                };
                let failure = Failure::new(FailureKind::Reported, why);
                Err(Failure { latency: started.elapsed(), ..failure })
            }
        };
        Ok(reply)
    }

    fn reply(&self, writer: &Writer, question: &Question) -> Result<Reply, ModelError> {
        let text = writer.prompt(&question.messages())?;
        if let Some(options) = &question.options {
            let options: Vec<&str> = options.iter().map(String::as_str).collect();
            let (best, confidence) = writer.choose(&text, &options)?;
            let (text, confidence) = (options[best].to_owned(), Some(confidence));
            return Ok(Reply { text, confidence, ..Reply::default() });
        }
        let most = question.most.unwrap_or(self.most);
        let written = writer.write(&text, most, self.sampling, &mut |_| ControlFlow::Continue(()))?;
        let usage = Usage { input_tokens: written.read as u64, output_tokens: written.pieces.len() as u64 };
        let text = written.text();
        let logprob = |piece: ordinate_models::decoder::Piece| TokenLogprob {
            token: piece.text,
            logprob: piece.log_probability,
        };
        Ok(Reply {
            text,
            cut_short: !written.ended,
            usage: Some(usage),
            first_token: written.first_text,
            logprobs: written.pieces.into_iter().map(logprob).collect(),
            ..Reply::default()
        })
    }
}

fn question(body: &str) -> Result<Question, ModelError> {
    serde_json::from_str(body).map_err(|error| ModelError::Failed(error.to_string()))
}

impl Question {
    fn messages(&self) -> Vec<(Role, &str)> {
        let system = self.system.as_deref().map(|system| (Role::System, system));
        system.into_iter().chain([(Role::User, self.user.as_str())]).collect()
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
            let question = question(body)?;
            let text = writer.prompt(&question.messages())?;
            Ok(match question.options {
                Some(options) => Asked::Choose { text, options },
                None => Asked::Write { text, most: self.most },
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
