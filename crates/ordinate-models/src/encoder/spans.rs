//! A head for spans: which tokens of a passage begin and end the answer to a question (Devlin et al. 2019), as
//! `...ForQuestionAnswering` of `transformers` has it.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::time::Instant;

use candle_core::{Result as Candle, Tensor, Var};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::encoder::adapter;
use crate::encoder::files::{Files, json as read_json};
use crate::encoder::folder::{Folder, plain};
use crate::encoder::head::Head;
use crate::encoder::layout::{EXTRACTS, Layout, is_named};
use crate::encoder::tunable::{Last, Reach, Tunable, allowed, describe, layout};
use crate::encoder::windows::{Cutter, Window};
use crate::encoder::written::Written;
use crate::error::ModelError;
use crate::manifest::write_model;
use crate::model::{Facts, Model, Prediction, Reply, Sample};
use crate::source::{Source, file};

/// Spans that share the probability, the best of all: as many as `run_qa.py` of `transformers` keeps.
const BEST: usize = 20;

/// Which spans may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spans {
    /// Tokens of the longest.
    pub most: usize,
    /// Whether nothing in the passage may be the answer: then an empty text is.
    pub nothing: bool,
}

impl Default for Spans {
    /// As `run_qa.py` of `transformers` for SQuAD.
    fn default() -> Self {
        Self { most: 30, nothing: false }
    }
}

/// The logits of starts and ends at the tokens of a window.
pub type Ends = [Vec<f32>; 2];

/// Bytes of the passage, and their score; no bytes where nothing there answers.
type Scored = (Option<Range<usize>>, f64);

impl Spans {
    /// The texts that may answer and the score of each, which is the sum of the logits of its start and its end; the best first, of
    /// equal ones the first in the passage. That nothing answers scores what the first token does, in the window where that is
    /// least.
    #[must_use]
    pub fn texts<'p>(
        &self,
        passage: &'p str,
        windows: &[Window],
        logits: &[impl Borrow<Ends>],
    ) -> Vec<(&'p str, f64)> {
        let mut texts: Vec<(&str, f64)> = Vec::new();
        for (bytes, score) in self.best(windows, logits) {
            let text = bytes.and_then(|bytes| passage.get(bytes)).unwrap_or_default().trim();
            if texts.iter().all(|(other, _)| *other != text) {
                texts.push((text, score));
            }
        }
        texts
    }

    fn best(&self, windows: &[Window], logits: &[impl Borrow<Ends>]) -> Vec<Scored> {
        let mut best: Vec<Scored> = Vec::with_capacity(BEST + 1);
        let mut add = |bytes: Option<Range<usize>>, score: f64| {
            if best.len() == BEST && best.last().is_some_and(|(_, least)| *least >= score) {
                return;
            }
            // Windows overlap: the same span is one.
            if let Some(at) = best.iter().position(|(other, _)| *other == bytes) {
                if best[at].1 >= score {
                    return;
                }
                best.remove(at);
            }
            let place = best.partition_point(|(_, other)| *other >= score);
            best.insert(place, (bytes, score));
            best.truncate(BEST);
        };
        let mut least = f64::INFINITY;
        for (window, logits) in windows.iter().zip(logits) {
            let [starts, ends]: &Ends = logits.borrow();
            let passage = window.passage();
            for start in passage.clone() {
                let last = passage.end.min(start + self.most);
                for (end, of_end) in ends.iter().enumerate().take(last).skip(start) {
                    if let Some(bytes) = window.bytes(start, end) {
                        add(Some(bytes), f64::from(starts[start]) + f64::from(*of_end));
                    }
                }
            }
            let first = |of: &Vec<f32>| f64::from(of.first().copied().unwrap_or_default());
            least = least.min(first(starts) + first(ends));
        }
        if self.nothing {
            add(None, least);
        }
        best
    }
}

/// The best of these texts, and the share of the probability that it has among all of them.
fn answer(texts: &[(&str, f64)]) -> Option<Prediction> {
    let &(output, most) = texts.first()?;
    let confidence = 1.0 / texts.iter().map(|(_, score)| (score - most).exp()).sum::<f64>();
    Some(Prediction { output: output.to_owned(), confidence: Some(confidence), ..Prediction::default() })
}

/// Whether a folder holds a model with a head for spans, or an adapter of one.
#[must_use]
pub fn is_extractor(source: &Source) -> bool {
    adapter::is_for(&source.folder, adapter::EXTRACTS).unwrap_or_else(|| {
        let config = read_json::<Value>(&source.folder.join("config.json"));
        config.is_ok_and(|config| is_named(&config, EXTRACTS))
    })
}

/// An encoder with a head for spans.
pub struct Extractor {
    folder: Folder,
    head: Head,
    cutter: Cutter,
    spans: Spans,
}

impl Extractor {
    /// Opens one.
    ///
    /// # Errors
    /// As [`crate::encoder::open`]; [`ModelError::File`] where the head is none of two outputs.
    pub fn open(source: &Source, spans: Spans) -> Result<Self, ModelError> {
        Self::of(&Files::read(source)?, spans)
    }

    /// That of files that were read.
    fn of(files: &Files, spans: Spans) -> Result<Self, ModelError> {
        let folder = Folder::of(files)?;
        let head = Head::of_spans(&files.config, &files.tensors, folder.width())
            .map_err(|error| file(&files.weights, &plain(&error)))?;
        let cutter = Cutter::new(folder.tokenizer(), folder.longest())?;
        Ok(Self { folder, head, cutter, spans })
    }

    /// The windows of a passage with a question.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where the passage is empty, or the tokenizer fails.
    pub fn windows(&self, question: &str, passage: &str) -> Result<Vec<Window>, ModelError> {
        self.cutter.windows(question, passage)
    }

    /// The logits of windows.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where the computation fails.
    pub fn logits(&self, windows: &[Window]) -> Result<Vec<Ends>, ModelError> {
        let tokens: Vec<&[u32]> = windows.iter().map(Window::tokens).collect();
        let firsts: Vec<usize> = windows.iter().map(Window::first).collect();
        let each = |states: &Tensor| self.head.rows(states)?.t()?.flatten_all()?.to_vec1();
        let rows = self.folder.states_of(&tokens, &firsts, each)?;
        let halves = |mut starts: Vec<f32>| {
            let ends = starts.split_off(starts.len() / 2);
            [starts, ends]
        };
        Ok(rows.into_iter().map(halves).collect())
    }

    /// The answers to questions about passages.
    ///
    /// # Errors
    /// As [`Self::windows`] and [`Self::logits`].
    pub fn answers(&self, asked: &[(&str, &str)]) -> Result<Vec<Prediction>, ModelError> {
        let cut = asked.iter().map(|(question, passage)| self.windows(question, passage));
        let cut = cut.collect::<Result<Vec<_>, _>>()?;
        let all: Vec<Window> = cut.iter().flatten().cloned().collect();
        let logits = self.logits(&all)?;
        let mut from = 0;
        let mut answers = Vec::with_capacity(asked.len());
        for ((_, passage), windows) in asked.iter().zip(&cut) {
            let texts = self.spans.texts(passage, windows, &logits[from..from + windows.len()]);
            from += windows.len();
            let answer = answer(&texts);
            answers.push(answer.ok_or_else(|| {
                ModelError::Failed("the passage has no text that a span could be".to_owned())
            })?);
        }
        Ok(answers)
    }
}

impl Model for Extractor {
    fn answer(&self, samples: &[Sample<'_>]) -> Result<Vec<Reply>, ModelError> {
        let started = Instant::now();
        let asked: Vec<(&str, &str)> =
            samples.iter().map(|sample| (sample.text, sample.context.unwrap_or_default())).collect();
        let answers = self.answers(&asked)?;
        let took = started.elapsed() / u32::try_from(samples.len().max(1)).unwrap_or(u32::MAX);
        Ok(answers.into_iter().map(|prediction| Reply { prediction, took }).collect())
    }

    fn facts(&self) -> Facts {
        self.folder.facts()
    }

    fn save(&self, folder: &Path) -> Result<(), ModelError> {
        write_model(folder, &self.spans)
    }
}

/// An encoder with a head for spans whose weights, or some of them, are variables.
pub struct TrainableExtractor {
    model: Tunable,
    cutter: Cutter,
}

impl TrainableExtractor {
    /// Opens an encoder with a new head, or with its own where it has one.
    ///
    /// # Errors
    /// As [`crate::encoder::open`].
    pub fn open(source: &Source, reach: Reach, seed: u64) -> Result<Self, ModelError> {
        allowed(source, reach)?;
        let mut files = Files::read(source)?;
        let layout = layout(&files, source, Layout::of_spans)?;
        // ModernBERT's last layer has the same name in a classifier.
        let last = Last { outputs: 2, kept: is_named(&files.config, EXTRACTS) };
        describe(&mut files.config, &layout);
        if let Some(config) = files.config.as_object_mut() {
            config.remove("problem_type");
            config.insert("id2label".to_owned(), json!({ "0": "LABEL_0", "1": "LABEL_1" }));
            config.insert("label2id".to_owned(), json!({ "LABEL_0": 0, "LABEL_1": 1 }));
        }
        let model = Tunable::of(files, source, layout, last, reach, seed)?;
        let cutter = Cutter::new(model.folder.tokenizer(), model.folder.longest())?;
        Ok(Self { model, cutter })
    }

    /// What is trained, by the names that `transformers` has for it.
    #[must_use]
    pub fn variables(&self) -> &BTreeMap<String, Var> {
        &self.model.variables
    }

    /// Whether a variable is of the head.
    #[must_use]
    pub fn is_head(&self, name: &str) -> bool {
        self.model.is_head(name)
    }

    /// The dimensions of its encoder.
    #[must_use]
    pub fn width(&self) -> usize {
        self.model.folder.width()
    }

    /// The windows of a passage with a question.
    ///
    /// # Errors
    /// As [`Extractor::windows`].
    pub fn windows(&self, question: &str, passage: &str) -> Result<Vec<Window>, ModelError> {
        self.cutter.windows(question, passage)
    }

    /// The logits of starts and of ends: 2 x windows x tokens, shorter windows filled up at the end.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where the computation fails.
    pub fn logits(&self, windows: &[&Window]) -> Result<Tensor, ModelError> {
        logits(&self.model.folder, &self.model.head, windows)
            .map_err(|error| ModelError::Failed(plain(&error)))
    }

    /// The logits of each window as numbers.
    ///
    /// # Errors
    /// As [`Self::logits`].
    pub fn read(&self, windows: &[&Window]) -> Result<Vec<Ends>, ModelError> {
        let (folder, head) = &self.model.reading;
        let rows = logits(folder, head, windows).and_then(|logits| logits.to_vec3::<f32>());
        let rows = rows.map_err(|error| ModelError::Failed(plain(&error)))?;
        let [starts, ends] = rows.as_slice() else {
            return Err(ModelError::Failed("its head has no start and end".to_owned()));
        };
        let of = |row: &Vec<f32>, window: &Window| row[..window.tokens().len()].to_vec();
        let all = windows.iter().zip(starts.iter().zip(ends));
        Ok(all.map(|(window, (start, end))| [of(start, window), of(end, window)]).collect())
    }

    /// Multiplies the logits, by the last layer's own weights, so that every reader of them does.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where the computation fails.
    pub fn scale_logits(&self, times: f64) -> Result<(), ModelError> {
        self.model.scale_logits(times, 0.0)
    }

    /// The model with the values that its variables have now, and what is written of it.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where the computation fails.
    pub fn tuned(&self, spans: Spans) -> Result<(Extractor, Written), ModelError> {
        let written = self.model.written(adapter::EXTRACTS)?;
        Ok((Extractor::of(&written.files, spans)?, written))
    }
}

fn logits(folder: &Folder, head: &Head, windows: &[&Window]) -> Candle<Tensor> {
    let tokens: Vec<&[u32]> = windows.iter().map(|window| window.tokens()).collect();
    let firsts: Vec<usize> = windows.iter().map(|window| window.first()).collect();
    let states = folder.body().states_of_pairs(&tokens, &firsts)?;
    let (count, longest, width) = states.dims3()?;
    let rows = head.rows(&states.reshape((count * longest, width))?)?;
    rows.t()?.contiguous()?.reshape((2, count, longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probability_is_a_texts() {
        let said = answer(&[("red", 2.0), ("blue", 1.0), ("", 1.0)]).unwrap();
        assert_eq!(said.output, "red");
        let e = std::f64::consts::E;
        assert!((said.confidence.unwrap() - e / (e + 2.0)).abs() < 1e-12);
        assert_eq!(answer(&[]), None);
    }
}
