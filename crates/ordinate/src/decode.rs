//! Candidates that write in this process (`local` with a decoder): told the same as live candidates, and their answers
//! kept as recorded ones.
//!
//! One label or option is chosen by the probability that the model gives to each; everything else is written, and read
//! out of what was written as a live candidate's reply is.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ordinate_core::task::{CandidateEntry, Local};
use ordinate_core::verdict::Deployment;
use ordinate_core::{CandidateName, Item, Part};
use ordinate_data::{Task, load_items};
use ordinate_models::decoder::{Place, Role, Sampling, Writer, find, open};
use ordinate_models::gauge::{Asked, Order};
use ordinate_models::{Facts, ModelError, inspect};
use ordinate_remote::{Examples, Prompt, Prompted, TokenLogprob, confidence};
use ordinate_tasks::{Reader, Scorer, Wrote};
use serde::Serialize;

use crate::deploy::{Site, spread};
use crate::error::Error;
use crate::live::examples;
use crate::local::{Kept, cache, key, read, write};
use crate::observe::{Doing, Observer, Step, step};
use crate::options::Options;

/// How often it is told how far the answering is.
const PAUSE: Duration = Duration::from_secs(10);

/// A row of recorded answers.
#[derive(Debug, Default, Serialize)]
struct Row<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_tokens: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_tokens: Option<usize>,
    latency_ms: f64,
    /// To the first text, where the answer was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_token_ms: Option<f64>,
    cost_usd: f64,
}

/// A candidate that writes here.
pub(crate) struct Decoding<'a> {
    task: &'a Task,
    name: CandidateName,
    local: Local,
    cost_usd: f64,
    place: Place,
    metric: Scorer,
}

/// The decoder of a candidate; `None` for another one.
pub(crate) fn of<'a>(task: &'a Task, entry: &CandidateEntry) -> Result<Option<Decoding<'a>>, Error> {
    let fail = |error: &dyn std::fmt::Display| Error::candidate(task, &entry.name, error);
    let Some(local) = &entry.local else { return Ok(None) };
    let Some(place) = find(&local.model, task.dir()).map_err(|error| fail(&error))? else {
        let keys = [
            ("max_tokens", local.max_tokens.is_some()),
            ("temperature", local.temperature.is_some()),
            ("top_p", local.top_p.is_some()),
            ("engine", local.engine.is_some()),
        ];
        return match keys.iter().find(|(_, there)| *there) {
            Some((key, _)) => Err(fail(&format!(
                "{key} is for models that write, and {:?} does not; remove it",
                local.model
            ))),
            None => Ok(None),
        };
    };
    if !local.labels.is_empty() || local.examples.is_some() {
        return Err(fail(
            &"labels and examples are for encoders; a model that writes is told what labels mean by [prompt] instruction, and shown examples by [prompt] examples",
        ));
    }
    if local.template.is_some() {
        return Err(fail(
            &"template is for masked language models; a model that writes is asked as [prompt] template says",
        ));
    }
    if local.temperature.is_some_and(|heat| !(0.0..=100.0).contains(&heat)) {
        return Err(fail(&"temperature is not a number from 0 to 100"));
    }
    if local.top_p.is_some_and(|share| !(share > 0.0 && share <= 1.0)) {
        return Err(fail(&"top_p is not a number above 0, and at most 1"));
    }
    let place = place.by(local.engine.unwrap_or_default()).map_err(|error| fail(&error))?;
    let metric = crate::metric::of(task)?;
    Ok(Some(Decoding {
        task,
        name: entry.name.clone(),
        local: local.clone(),
        cost_usd: entry.price.and_then(|price| price.per_item).unwrap_or(0.0),
        place,
        metric,
    }))
}

impl Decoding<'_> {
    fn fail(&self, error: &dyn std::fmt::Display) -> Error {
        Error::candidate(self.task, &self.name, error)
    }

    /// Answers every item that has a target, unless that was done before; the file of answers, and what hosting the
    /// model takes, or why that is not known.
    pub(crate) fn answered(
        &self,
        options: &Options,
        seen: &dyn Observer,
    ) -> Result<(Kept, PathBuf, Result<Deployment, String>), Error> {
        let task = self.task;
        let does = |doing| step(seen, Step::Candidate(&self.name, doing));
        let kind = task.kind;
        let items = load_items(task)?;
        let seed = task.file.statistics.seed.unwrap_or_default();
        // Before the model is read, which may take long.
        let mut targets: Vec<String> =
            (0..items.len()).filter_map(|row| items.target(row)).map(str::to_owned).collect();
        targets.sort_unstable();
        targets.dedup();
        let labels = kind.labels(targets);
        let prompt =
            Prompt::new(kind, &labels, &task.file.prompt, false).map_err(|error| self.fail(&error))?;
        let of_train = |row: &usize| items.has_parts() && items.part(*row) == Some(Part::Train);
        let train = (0..items.len()).filter(of_train).map(|row| items.item(row)).collect();
        let examples = examples(task, train)?;
        let writer = open(&self.place).map_err(|error| self.fail(&error))?;
        let told: Vec<_> = (0..items.len())
            .map(|row| (items.context(row), items.options(row), items.slices().get(row)))
            .collect();
        let recipe = format!(
            "{} {:?} {:?} {told:?} {:?}",
            ordinate_models::decoder::identity(&self.place).map_err(|error| self.fail(&error))?,
            self.local,
            task.file.prompt,
            self.metric
        );
        let key = key(&items, task, &recipe, seed, self.cost_usd);
        let folder = cache(options)?;
        let (path, facts_path) = (folder.join(format!("{key}.jsonl")), folder.join(format!("{key}.json")));
        let site = Site::new(&self.name, &folder, &key, options);
        let kept = read(&facts_path).filter(|_| path.is_file());
        if kept.is_some() {
            does(Doing::Kept);
        }
        let kept = match (kept, site.kept()) {
            (Some(kept), Some(measured)) => return Ok((kept, path, Ok(measured))),
            (kept, _) => kept,
        };
        let asked: Vec<Item> =
            (0..items.len()).map(|row| items.item(row)).filter(|item| item.target.is_some()).collect();
        let bench = Bench {
            decoding: self,
            writer: &writer,
            prompt,
            examples,
            reader: Reader::new(kind, &labels),
            labels,
        };
        let kept = match kept {
            Some(kept) => kept,
            None => {
                does(Doing::Answering(asked.len()));
                write(&folder, &path, &bench.rows(&asked, options, seen)?)?;
                let Facts { parameters, bytes } = writer.facts();
                let kept = Kept { parameters, bytes };
                let text = serde_json::to_string(&kept).map_err(Error::broken)?;
                write(&folder, &facts_path, &text)?;
                kept
            }
        };
        site.tell(seen);
        let sample = spread(asked.len()).map(|place| bench.asked(&asked[place])).collect::<Result<_, _>>()?;
        // The process that measures needs the memory.
        drop(bench);
        drop(writer);
        let facts = Facts { parameters: kept.parameters, bytes: kept.bytes };
        let measured = self.measured(&site, facts, sample);
        Ok((kept, path, measured))
    }

    /// What hosting the model takes.
    fn measured(&self, site: &Site<'_>, facts: Facts, asked: Vec<Asked>) -> Result<Deployment, String> {
        let path = match &self.place {
            Place::Folder(source) => &source.folder,
            Place::Gguf(path) | Place::Llama(path) => path,
        };
        let path = std::path::absolute(path).map_err(|error| error.to_string())?;
        let model = path.to_str().ok_or("the name of its file is not UTF-8")?.to_owned();
        let disk = inspect(&model, Path::new("")).map_err(|error| error.to_string())?.disk_bytes;
        let Sampling { temperature, top_p, seed } = self.sampling();
        let engine = self.local.engine.unwrap_or_default();
        site.measured(&Order::Writer { model, asked, temperature, top_p, seed, engine }, facts, disk)
    }

    /// How tokens are drawn.
    fn sampling(&self) -> Sampling {
        Sampling {
            temperature: self.local.temperature.unwrap_or(0.0),
            top_p: self.local.top_p.unwrap_or(1.0),
            seed: self.task.file.statistics.seed.unwrap_or_default(),
        }
    }

    /// The most tokens of an answer.
    fn most(&self) -> usize {
        let most = self.local.max_tokens.unwrap_or_else(|| self.task.kind.max_tokens());
        usize::try_from(most).unwrap_or(usize::MAX)
    }
}

/// What is at hand while items are answered.
struct Bench<'a> {
    decoding: &'a Decoding<'a>,
    writer: &'a Writer,
    prompt: Prompt,
    examples: Examples,
    reader: Reader,
    labels: Vec<String>,
}

fn messages(prompted: &Prompted) -> Vec<(Role, &str)> {
    let system = prompted.system.as_deref().map(|system| (Role::System, system));
    system.into_iter().chain([(Role::User, prompted.user.as_str())]).collect()
}

impl Bench<'_> {
    /// The rows of these answers.
    fn rows(&self, asked: &[Item], options: &Options, seen: &dyn Observer) -> Result<String, Error> {
        let (mut text, mut last) = (String::new(), Instant::now());
        for (done, item) in asked.iter().enumerate() {
            if options.cancel.is_cancelled() {
                return Err(Error::Stopped);
            }
            let row = self.row(item)?;
            text += &serde_json::to_string(&row).map_err(Error::broken)?;
            text.push('\n');
            if last.elapsed() > PAUSE {
                last = Instant::now();
                let doing = Doing::Answered { done: done + 1, items: asked.len() };
                step(seen, Step::Candidate(&self.decoding.name, doing));
            }
        }
        Ok(text)
    }

    fn prompted(&self, item: &Item) -> Result<Prompted, Error> {
        self.prompt.render(item, &self.examples.of(item)).map_err(|error| self.decoding.fail(&error))
    }

    /// What the model is asked about an item.
    fn asked(&self, item: &Item) -> Result<Asked, Error> {
        let prompted = self.prompted(item)?;
        let text = self.writer.prompt(&messages(&prompted)).map_err(|error| self.decoding.fail(&error))?;
        Ok(match self.options(item) {
            Some(options) => {
                Asked::Choose { text, options: options.into_iter().map(str::to_owned).collect() }
            }
            None => Asked::Write { text, most: self.decoding.most() },
        })
    }

    /// What it chooses from; `None` where it writes.
    fn options<'i>(&'i self, item: &'i Item) -> Option<Vec<&'i str>> {
        self.decoding.task.kind.choices(item, &self.labels)
    }

    /// The answer to an item. What cannot be answered (it is too long, or nothing can be read out of what was written)
    /// is an error of this item.
    fn row<'q>(&self, item: &'q Item) -> Result<Row<'q>, Error> {
        let prompted = self.prompted(item)?;
        let messages = messages(&prompted);
        let started = Instant::now();
        let mut row = self.answer(item, &messages).unwrap_or_else(|error| {
            let error = match error {
                ModelError::Failed(why) => why,
                other => other.to_string(),
            };
            Row { error: Some(error), ..Row::default() }
        });
        row.id = &item.id;
        row.latency_ms = started.elapsed().as_secs_f64() * 1e3;
        row.cost_usd = self.decoding.cost_usd;
        row.score = row
            .output
            .as_deref()
            .filter(|_| row.error.is_none())
            .map(|output| self.decoding.metric.score(output, item.target.as_deref().unwrap_or_default()));
        Ok(row)
    }

    fn answer<'q>(&self, item: &Item, messages: &[(Role, &str)]) -> Result<Row<'q>, ModelError> {
        let text = self.writer.prompt(messages)?;
        let Some(options) = self.options(item) else { return self.written(item, &text) };
        let (best, confidence) = self.writer.choose(&text, &options)?;
        Ok(Row { output: Some(options[best].to_owned()), confidence: Some(confidence), ..Row::default() })
    }

    fn written<'q>(&self, item: &Item, text: &str) -> Result<Row<'q>, ModelError> {
        let (most, sampling) = (self.decoding.most(), self.decoding.sampling());
        let written = self.writer.write(text, most, sampling, &mut |_| ControlFlow::Continue(()))?;
        let said = written.text();
        let row = Row {
            input_tokens: Some(written.read),
            output_tokens: Some(written.pieces.len()),
            first_token_ms: written.first_text.map(|time| time.as_secs_f64() * 1e3),
            ..Row::default()
        };
        // What ends of itself ends before the most tokens.
        let cut = written.pieces.len() >= most;
        Ok(match self.reader.read_wrote(item, Wrote { text: &said, cut }) {
            Err(unreadable) => Row { error: Some(unreadable.to_string()), output: Some(said), ..row },
            Ok(found) => {
                let tokens: Vec<TokenLogprob> = written
                    .pieces
                    .into_iter()
                    .map(|piece| TokenLogprob { token: piece.text, logprob: piece.log_probability })
                    .collect();
                let confidence = confidence::of_span(&tokens, &said, &found.span, self.reader.is_long());
                Row { output: Some(found.output.to_string()), confidence, ..row }
            }
        })
    }
}
