//! The translation memory: the target of the train item whose text is most like the text that is asked about. What
//! translators' tools call a fuzzy match, for any task whose answers are free texts.

mod alike;

use std::path::Path;
use std::time::Duration;

use ordinate_core::task::CandidateEntry;
use ordinate_tasks::metric::{ChrfCounts, right_answers};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use self::alike::Alike;
use crate::error::ModelError;
use crate::kind::Kind;
use crate::manifest::{read_model, write_model};
use crate::method::{Fitting, Identity, Method, TrainingSet};
use crate::methods::{MethodKind, Saved, only};
use crate::model::{Facts, Model, Prediction, Reply, Sample};

pub(crate) const KIND: MethodKind = MethodKind { name: NAME, of, load };
const NAME: &str = "translation-memory";
/// Raised when the same data come to give another model.
const VERSION: u32 = 1;
/// Texts that share the most n-grams with the one that is asked about: chrF says which of them is the nearest.
const COMPARED: usize = 16;

/// `local = { model = "translation-memory" }`.
#[derive(Debug, Serialize)]
pub struct TranslationMemory {
    /// Train items at most; `None` for all.
    pub examples: Option<u32>,
}

fn of(entry: &CandidateEntry, _: &Path) -> Result<Option<Box<dyn Method>>, ModelError> {
    let Some(local) = entry.local.as_ref().filter(|local| local.model == NAME) else { return Ok(None) };
    only(local, &["examples"], "a translation memory")?;
    Ok(Some(Box::new(TranslationMemory { examples: local.examples })))
}

fn load(saved: &Saved<'_>) -> Result<Box<dyn Model>, ModelError> {
    Ok(Box::new(Memory::of(read_model(saved.folder)?)))
}

impl Method for TranslationMemory {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "a translation memory"
    }

    fn identity(&self) -> Result<Identity, ModelError> {
        Identity::of(self, VERSION)
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Text]
    }

    fn fit(&self, train: &TrainingSet<'_>, fitting: &Fitting<'_>) -> Result<Box<dyn Model>, ModelError> {
        let train = train.some(self.examples, fitting.seed);
        // Of several right answers the first is as good as any.
        let first = |target: &str| right_answers(target, |right| right.first().map(|one| (*one).to_owned()));
        let pairs: Vec<Pair> = train
            .samples()
            .iter()
            .zip(train.targets())
            .filter_map(|(sample, target)| {
                Some(Pair { source: sample.text.to_owned(), target: first(target)? })
            })
            .filter(|pair| !pair.source.trim().is_empty() && !pair.target.trim().is_empty())
            .collect();
        if pairs.is_empty() {
            return Err(ModelError::TooFew(0));
        }
        fitting.stop.check()?;
        Ok(Box::new(Memory::of(pairs)))
    }
}

/// A text and what it is in the other language.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Pair {
    source: String,
    target: String,
}

/// Pairs of texts, found by their first part.
pub struct Memory {
    pairs: Vec<Pair>,
    alike: Alike,
}

impl Memory {
    fn of(pairs: Vec<Pair>) -> Self {
        let sources: Vec<&str> = pairs.iter().map(|pair| pair.source.as_str()).collect();
        let alike = Alike::of(&sources);
        Self { pairs, alike }
    }

    /// The target of the nearest text, and how near that is: chrF of the one text against the other. Of equals the first; where
    /// nothing has anything in common with the text, nothing.
    fn predict(&self, text: &str) -> Prediction {
        let mut best: Option<(f64, &Pair)> = None;
        for place in self.alike.nearest(text, COMPARED) {
            let Some(pair) = self.pairs.get(place) else { continue };
            let near = ChrfCounts::of(&pair.source, &[text], false).score();
            if best.is_none_or(|(most, _)| near > most) {
                best = Some((near, pair));
            }
        }
        match best {
            Some((near, pair)) => {
                Prediction { output: pair.target.clone(), confidence: Some(near), ..Prediction::default() }
            }
            None => Prediction { confidence: Some(0.0), ..Prediction::default() },
        }
    }
}

impl Model for Memory {
    fn answer(&self, samples: &[Sample<'_>]) -> Result<Vec<Reply>, ModelError> {
        let reply = |sample: &Sample<'_>| Reply::timed(Duration::ZERO, || self.predict(sample.text));
        Ok(match samples {
            [one] => vec![reply(one)],
            many => many.par_iter().map(reply).collect(),
        })
    }

    fn facts(&self) -> Facts {
        let texts: usize = self.pairs.iter().map(|pair| pair.source.len() + pair.target.len()).sum();
        // It has texts, and no weights.
        Facts { parameters: 0, bytes: (texts + self.alike.bytes()) as u64 }
    }

    fn save(&self, folder: &Path) -> Result<(), ModelError> {
        write_model(folder, &self.pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoders::Encoders;

    const PAIRS: [(&str, &str); 5] = [
        ("Two dogs run on the beach.", "Zwei Hunde rennen am Strand."),
        ("A man rides a horse.", "Ein Mann reitet auf einem Pferd."),
        ("A woman rides a bicycle.", "[\"Eine Frau fährt Rad.\", \"Eine Frau auf einem Rad.\"]"),
        ("Children play in the snow.", ""),
        ("雪が降る。", "Es schneit."),
    ];

    fn memory(pairs: &[(&'static str, &'static str)]) -> Result<Box<dyn Model>, ModelError> {
        let samples = pairs.iter().map(|(source, target)| (Sample::text(source), *target));
        let train = TrainingSet::new(Kind::Text, samples);
        TranslationMemory { examples: None }.fit(&train, &Fitting::new(0, &Encoders::new()))
    }

    fn says(model: &dyn Model, text: &str) -> (String, f64) {
        let said = model.answer(&[Sample::text(text)]).unwrap().remove(0).prediction;
        (said.output, said.confidence.unwrap())
    }

    #[test]
    fn the_target_of_the_nearest_text_is_given() {
        let model = memory(&PAIRS).unwrap();
        assert_eq!(says(model.as_ref(), PAIRS[1].0), (PAIRS[1].1.to_owned(), 1.0));
        let (said, near) = says(model.as_ref(), "A woman rides a red bicycle.");
        assert!(said == "Eine Frau fährt Rad." && near > 0.6 && near < 1.0, "{said} {near}");
        assert_eq!(says(model.as_ref(), "雪が積もる").0, "Es schneit.");
        // A pair without a target teaches nothing.
        assert_ne!(says(model.as_ref(), "Children play in the snow.").0, "");
        for nothing in ["", "???", "ЖЩЪ"] {
            assert_eq!(says(model.as_ref(), nothing), (String::new(), 0.0));
        }
        assert!(matches!(memory(&PAIRS[3..4]), Err(ModelError::TooFew(0))));
    }

    #[test]
    fn what_was_saved_says_the_same() {
        let model = memory(&PAIRS).unwrap();
        let folder = tempfile::tempdir().unwrap();
        model.save(folder.path()).unwrap();
        let read = Memory::of(read_model(folder.path()).unwrap());
        for (source, _) in PAIRS {
            assert_eq!(says(model.as_ref(), source), says(&read, source));
        }
        assert!(read.facts().bytes > 200 && read.facts() == model.facts());
    }
}
