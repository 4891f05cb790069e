//! Labels by a sentence with a gap, which a masked language model fills (Schick and Schütze 2021, "Exploiting cloze
//! questions"): no training, and a probability for each label.

use std::collections::{BTreeMap, BTreeSet};

use ordinate_core::task::Local;

use crate::encoder::{Masked, Source};
use crate::error::ModelError;
use crate::kind::Kind;
use crate::model::{Facts, Model, Reply};

/// Where the text of an item stands in a template.
const INPUT: &str = "{input}";
/// Where the gap is: as written in templates, whatever the model's own word for it.
const GAPS: [&str; 2] = ["[MASK]", "<mask>"];

/// What is allowed in a template.
const ALLOWED: &str =
    "it is a text with {input} once and [MASK] once, for example template = \"{input} It is [MASK].\"";

/// A masked language model that was told a template and the words of the labels.
///
/// A label's score is the mean of the log-probabilities of its word's tokens, each at a gap of its own, all open at once: for
/// words of one token, that is the paper's. The confidence is the softmax over the labels.
#[derive(Debug)]
pub struct Cloze {
    model: Masked,
    /// What stands before, between and behind the item's text and the gap, and whether the gap comes first.
    parts: [String; 3],
    gap_first: bool,
    /// The labels by name, and the tokens of the word of each.
    labels: Vec<(String, Vec<u32>)>,
}

impl Cloze {
    /// Whether a candidate with a template says nothing that does not go with one.
    pub(crate) fn allowed(local: &Local) -> Result<(), ModelError> {
        if local.examples.is_some() {
            return Err(ModelError::Template(
                "examples do not go with a template: a masked language model is not shown any; remove one of the two"
                    .to_owned(),
            ));
        }
        if Local::BROUGHT.contains(&local.model.as_str()) {
            return Err(Self::not_for(&local.model));
        }
        parts(local.template.as_deref().unwrap_or_default()).map(drop)
    }

    /// That a model has no use for a template.
    pub(crate) fn not_for(model: &str) -> ModelError {
        ModelError::Template(format!(
            "template is for masked language models (a folder or hf:org/name whose config.json names ...ForMaskedLM), and \
             {model:?} is none; remove it, or name such a model"
        ))
    }

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
        Ok(Self { model, parts, gap_first, labels })
    }

    /// The names of the labels.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        self.labels.iter().map(|(name, _)| name.clone()).collect()
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

    fn reply(&self, input: &str) -> Result<Reply, ModelError> {
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
        Ok(Reply { output: self.labels[best].0.clone(), confidence: Some(1.0 / all) })
    }
}

impl Model for Cloze {
    fn answer(&self, inputs: &[&str]) -> Result<Vec<Reply>, ModelError> {
        inputs.iter().map(|input| self.reply(input)).collect()
    }

    fn facts(&self) -> Facts {
        self.model.facts()
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
