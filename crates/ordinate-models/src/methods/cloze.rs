//! Labels by a sentence with a gap, which a masked language model fills (Schick and Schütze 2021, "Exploiting cloze
//! questions"): no training, and a probability for each label.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Instant;

use ordinate_core::task::{CandidateEntry, Local};
use serde::{Deserialize, Serialize};

use crate::encoder::Masked;
use crate::encoders::EncoderSource;
use crate::error::ModelError;
use crate::kind::Kind;
use crate::manifest::{read_model, write_model};
use crate::method::{Fitting, Identity, Method, TrainingSet};
use crate::methods::{MethodKind, Saved};
use crate::model::{Facts, Model, Prediction, Reply, Sample};
use crate::source::Source;

pub(crate) const KIND: MethodKind = MethodKind { name: NAME, of, load };
const NAME: &str = "cloze";
/// Raised when the same data come to give another model.
const VERSION: u32 = 1;

/// Where the text of an item stands in a template.
const INPUT: &str = "{input}";
/// Where the gap is: as written in templates, whatever the model's own word for it.
const GAPS: [&str; 2] = ["[MASK]", "<mask>"];

/// What is allowed in a template.
const ALLOWED: &str =
    "it is a text with {input} once and [MASK] once, for example template = \"{input} It is [MASK].\"";

/// `local = { model = "...", template = "{input} It is [MASK]." }` with a masked language model.
#[derive(Debug, Serialize)]
pub struct ClozeLabels {
    /// Where it is.
    #[serde(skip)]
    pub source: EncoderSource,
    /// The sentence with a gap.
    pub template: String,
    /// The word that stands in the gap for each label, where that is another than its name.
    pub words: BTreeMap<String, String>,
}

fn of(entry: &CandidateEntry, base: &Path) -> Result<Option<Box<dyn Method>>, ModelError> {
    let Some((local, template)) =
        entry.local.as_ref().and_then(|local| Some((local, local.template.as_ref()?)))
    else {
        return Ok(None);
    };
    allowed(local)?;
    let source = EncoderSource::find(&local.model, base)?;
    let (template, words) = (template.clone(), local.labels.clone());
    Ok(Some(Box::new(ClozeLabels { source, template, words })))
}

/// Whether a candidate with a template says nothing that does not go with one.
fn allowed(local: &Local) -> Result<(), ModelError> {
    if local.examples.is_some() {
        return Err(ModelError::Template(
            "examples do not go with a template: a masked language model is not shown any; remove one of the two"
                .to_owned(),
        ));
    }
    if Local::BROUGHT.contains(&local.model.as_str()) {
        return Err(ModelError::Template(format!(
            "template is for masked language models (a folder or hf:org/name whose config.json names ...ForMaskedLM), and \
             {:?} is none; remove it, or name such a model",
            local.model
        )));
    }
    parts(local.template.as_deref().unwrap_or_default()).map(drop)
}

/// What its method keeps of one.
#[derive(Debug, Serialize, Deserialize)]
struct Settings {
    template: String,
    names: BTreeSet<String>,
    words: BTreeMap<String, String>,
}

fn load(saved: &Saved<'_>) -> Result<Box<dyn Model>, ModelError> {
    let EncoderSource::Folder(source) = saved.source()? else {
        return Err(saved.damaged(&"its manifest names no folder"));
    };
    let Settings { template, names, words } = read_model(saved.folder)?;
    Ok(Box::new(Cloze::open(source, Kind::Classify, &template, &names, &words)?))
}

impl Method for ClozeLabels {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "a masked language model"
    }

    fn identity(&self) -> Result<Identity, ModelError> {
        Identity::of(self, VERSION)
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Classify]
    }

    fn source(&self) -> Option<&EncoderSource> {
        Some(&self.source)
    }

    fn learns(&self) -> bool {
        false
    }

    fn fit(&self, train: &TrainingSet<'_>, _: &Fitting<'_>) -> Result<Box<dyn Model>, ModelError> {
        let EncoderSource::Folder(source) = &self.source else {
            return Err(ModelError::Failed("its masked language model is not in a folder".to_owned()));
        };
        let (kind, names) = (train.kind(), train.names());
        Ok(Box::new(Cloze::open(source, kind, &self.template, &names, &self.words)?))
    }
}

/// A masked language model that was given a template and the words of the labels.
///
/// A label's score is the mean of the log-probabilities of its word's tokens, each at a gap of its own, all open at once: for
/// words of one token, that is the paper's. The confidence is the softmax over the labels.
#[derive(Debug)]
pub struct Cloze {
    model: Masked,
    /// What stands before, between and behind the item's text and the gap, and whether the gap comes first.
    parts: [String; 3],
    gap_first: bool,
    settings: Settings,
    /// The labels by name, and the tokens of the word of each.
    labels: Vec<(String, Vec<u32>)>,
}

impl Cloze {
    /// Opens the model. The word of a label is that of `words`, else its name.
    ///
    /// # Errors
    /// As [`Masked::open`]; [`ModelError::Template`] where the template or a word cannot be used; [`ModelError::TooLittle`]
    /// where there are fewer than two labels.
    pub fn open(
        source: &Source,
        kind: Kind,
        template: &str,
        task: &BTreeSet<String>,
        words: &BTreeMap<String, String>,
    ) -> Result<Self, ModelError> {
        if kind != Kind::Classify {
            return Err(ModelError::Template(
                "template answers tasks of kind classify: a gap has one word; remove it for this kind"
                    .to_owned(),
            ));
        }
        let (parts, gap_first) = parts(template)?;
        let names: BTreeSet<&String> = task.iter().chain(words.keys()).collect();
        if names.len() < 2 {
            return Err(ModelError::TooLittle { found: 0, labels: names.len() });
        }
        let model = Masked::open(source)?;
        // A gap behind a space is filled by a word behind a space, which is a token of its own in RoBERTa and its kin.
        let before = if gap_first { &parts[0] } else { &parts[1] };
        let space = if before.ends_with(char::is_whitespace) { " " } else { "" };
        let mut labels = Vec::with_capacity(names.len());
        for name in names {
            let word = words.get(name).cloned().unwrap_or_else(|| name.replace(['_', '-'], " "));
            let tokens = model.tokens(&format!("{space}{}", word.trim()))?;
            if tokens.is_empty() || tokens.len() > model.longest() / 2 {
                return Err(ModelError::Template(format!(
                    "the word {word:?} of the label {name:?} is {} tokens of this model; give it another in labels = {{ \
                     {name:?} = \"...\" }}",
                    tokens.len()
                )));
            }
            if let Some(token) = tokens.iter().find(|token| **token as usize >= model.vocabulary()) {
                return Err(ModelError::Template(format!(
                    "token {token} of the word {word:?} is not among the model's {}: its tokenizer and weights do not fit \
                     together; fetch it again",
                    model.vocabulary()
                )));
            }
            labels.push((name.clone(), tokens));
        }
        let settings = Settings {
            template: template.to_owned(),
            names: labels.iter().map(|(name, _)| name.clone()).collect(),
            words: words.clone(),
        };
        Ok(Self { model, parts, gap_first, settings, labels })
    }

    /// The text with so many gaps, and as much of the input as fits.
    fn text(&self, input: &str, gaps: usize) -> Result<String, ModelError> {
        let gap = self.model.mask().repeat(gaps);
        let [before, between, behind] = &self.parts;
        let with = |input: &str| match self.gap_first {
            true => format!("{before}{gap}{between}{input}{behind}"),
            false => format!("{before}{input}{between}{gap}{behind}"),
        };
        let mut kept = input;
        loop {
            let text = with(kept);
            let excess = self.model.excess(&text)?;
            if excess == 0 {
                return Ok(text);
            }
            let tokens = self.model.tokens(kept)?.len();
            if tokens == 0 {
                let most = self.model.longest();
                return Err(ModelError::Failed(format!(
                    "the template alone is longer than the model reads, {most} tokens; shorten it"
                )));
            }
            kept = self.model.beginning(kept, tokens.saturating_sub(excess))?;
        }
    }

    /// What it says of a text.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where the template alone is too long, or the computation fails.
    pub fn predict(&self, input: &str) -> Result<Prediction, ModelError> {
        // A mask in the text itself would be a gap more.
        let input = &input.replace(self.model.mask(), " ");
        // What was asked, by the number of gaps.
        let gaps: BTreeSet<usize> = self.labels.iter().map(|(_, tokens)| tokens.len()).collect();
        let mut asked: BTreeMap<usize, Vec<Vec<f64>>> = BTreeMap::new();
        for wanted in gaps {
            let logits = self.model.logits(&self.text(input, wanted)?)?;
            if logits.len() != wanted {
                let found = logits.len();
                return Err(ModelError::Failed(format!("there are {found} gaps, and {wanted} are wanted")));
            }
            asked.insert(wanted, logits.iter().map(|row| log_softmax(row)).collect());
        }
        let score = |(_, tokens): &(String, Vec<u32>)| {
            let rows = asked.get(&tokens.len()).map(Vec::as_slice).unwrap_or_default();
            let sum: f64 = tokens.iter().zip(rows).filter_map(|(&token, row)| row.get(token as usize)).sum();

            sum / tokens.len() as f64
        };
        let scores: Vec<f64> = self.labels.iter().map(score).collect();
        let best = (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b]).then(b.cmp(&a)));
        let best = best.ok_or_else(|| ModelError::Failed("there is no label".to_owned()))?;
        let all: f64 = scores.iter().map(|score| (score - scores[best]).exp()).sum();
        let labels: Vec<&str> = self.labels.iter().map(|(label, _)| label.as_str()).collect();
        let shares: Vec<f64> = scores.iter().map(|score| (score - scores[best]).exp() / all).collect();
        Ok(Prediction::likeliest(&labels, &shares))
    }
}

impl Model for Cloze {
    fn answer(&self, samples: &[Sample<'_>]) -> Result<Vec<Reply>, ModelError> {
        let reply = |sample: &Sample<'_>| {
            let started = Instant::now();
            let prediction = self.predict(sample.text)?;
            Ok(Reply { prediction, took: started.elapsed() })
        };
        samples.iter().map(reply).collect()
    }

    fn facts(&self) -> Facts {
        self.model.facts()
    }

    fn save(&self, folder: &Path) -> Result<(), ModelError> {
        write_model(folder, &self.settings)
    }
}

/// What stands before, between and behind, and whether the gap comes first.
fn parts(template: &str) -> Result<([String; 3], bool), ModelError> {
    let wrong = |what: &str| ModelError::Template(format!("the template {template:?} {what}; {ALLOWED}"));
    let once = |marks: &[&str]| -> Option<(usize, usize)> {
        let mut found = marks.iter().flat_map(|mark| template.match_indices(mark));
        let (at, mark) = found.next()?;
        found.next().is_none().then_some((at, at + mark.len()))
    };
    let input = once(&[INPUT]).ok_or_else(|| wrong("has not {input} once"))?;
    let gap = once(&GAPS).ok_or_else(|| wrong("has not [MASK] once"))?;
    let gap_first = gap.0 < input.0;
    let (first, second) = if gap_first { (gap, input) } else { (input, gap) };
    let cut = [&template[..first.0], &template[first.1..second.0], &template[second.1..]];
    Ok((cut.map(str::to_owned), gap_first))
}

fn log_softmax(logits: &[f32]) -> Vec<f64> {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|&logit| f64::from(logit - most).exp()).sum();
    logits.iter().map(|&logit| f64::from(logit - most) - sum.ln()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates() {
        let cut = |template: &str| parts(template).map_err(|error| error.to_string());
        let is = |[a, b, c]: [&str; 3], first| Ok(([a.to_owned(), b.to_owned(), c.to_owned()], first));
        assert_eq!(cut("{input} It is [MASK]."), is(["", " It is ", "."], false));
        assert_eq!(cut("A <mask> text: {input}"), is(["A ", " text: ", ""], true));
        for bad in [
            "[MASK]",
            "{input}",
            "",
            "{input} [MASK] [MASK]",
            "{input} {input} [MASK]",
            "{input} [MASK] <mask>",
        ] {
            assert!(cut(bad).unwrap_err().contains("once, for example"), "{bad}");
        }
    }
}
