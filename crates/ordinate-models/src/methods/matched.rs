//! The labels of a published classifier, matched to the task's.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::error::ModelError;
use crate::head::said;
use crate::kind::{Kind, tag_text};
use crate::model::Prediction;

/// How the labels of a classifier were matched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Matched {
    /// The task's name of each of its labels; `None` where the task has no such label.
    names: Vec<Option<String>>,
    kind: Kind,
}

impl Matched {
    /// Of the classifier's labels and the task's: the same where their names are the same but for case, or where `map` says so (the task's
    /// name to the classifier's).
    ///
    /// # Errors
    /// [`ModelError::Labels`] where a label of `map` is not the classifier's, or fewer than two labels are the task's.
    pub(crate) fn new(
        theirs: &[String],
        kind: Kind,
        task: &BTreeSet<String>,
        map: &BTreeMap<String, String>,
    ) -> Result<Self, ModelError> {
        let list = |names: &mut dyn Iterator<Item = &String>| {
            let names: Vec<&str> = names.take(20).map(String::as_str).collect();
            names.join(", ")
        };
        let refused = |why: String| ModelError::Labels {
            why,
            theirs: list(&mut theirs.iter()),
            ours: list(&mut task.iter()),
        };
        let same = |a: &str, b: &str| a.to_lowercase() == b.to_lowercase();
        if let Some((ours, unknown)) =
            map.iter().find(|(_, name)| theirs.iter().all(|their| !same(their, name)))
        {
            return Err(refused(format!("labels.{ours} says {unknown:?}, which it does not know")));
        }
        let names: Vec<Option<String>> = theirs
            .iter()
            .map(|their| {
                let mapped = map.iter().find(|(_, name)| same(their, name)).map(|(ours, _)| ours);
                let plain = || task.iter().find(|ours| same(their, ours) && !map.contains_key(*ours));
                mapped.or_else(plain).cloned()
            })
            .collect();
        let least = if kind == Kind::Tag { 1 } else { 2 };
        if names.iter().flatten().count() < least {
            return Err(refused("fewer than two of its labels are the task's".to_owned()));
        }
        Ok(Self { names, kind })
    }

    /// Of a classifier whose labels are the task's.
    pub(crate) fn of(theirs: &[String], kind: Kind) -> Self {
        Self { names: theirs.iter().cloned().map(Some).collect(), kind }
    }

    /// What logits say.
    pub(crate) fn predict(&self, logits: &[f32]) -> Prediction {
        let known = || self.known(logits);
        if self.kind == Kind::Regress {
            return said(f64::from(logits.first().copied().unwrap_or_default()));
        }
        if self.kind == Kind::Tag {
            let share = |logit: f32| 1.0 / (1.0 + (-f64::from(logit)).exp());
            let chosen: Vec<&str> =
                known().filter(|(_, logit)| *logit >= 0.0).map(|(name, _)| name).collect();
            let sure = known().map(|(_, logit)| share(logit).max(1.0 - share(logit))).product();
            return Prediction { output: tag_text(&chosen), confidence: Some(sure), ..Prediction::default() };
        }
        let (most, sum) = self.spread(logits);
        let mut names: Vec<&str> = Vec::new();
        let mut shares: Vec<f64> = Vec::new();
        for (name, logit) in known() {
            let share = f64::from(logit - most).exp() / sum;
            // As `share` has it: where several of its labels are one of the task's, the likeliest says it.
            match names.iter().position(|known| *known == name) {
                Some(at) => shares[at] = shares[at].max(share),
                None => {
                    names.push(name);
                    shares.push(share);
                }
            }
        }
        Prediction::likeliest(&names, &shares)
    }

    /// How probable one of the task's labels is, of those that it knows and of which one is right; `None` where it does not know it.
    pub(crate) fn share(&self, logits: &[f32], label: &str) -> Option<f64> {
        let (most, sum) = self.spread(logits);
        let own = self.known(logits).filter(|(name, _)| *name == label).map(|(_, logit)| logit);
        // Where several of its labels are one of the task's, the likeliest says it, as it does the answer.
        let own = own.reduce(f32::max)?;
        Some(f64::from(own - most).exp() / sum)
    }

    /// The largest logit of a label that is the task's, and the sum of the powers of all of them below it.
    fn spread(&self, logits: &[f32]) -> (f32, f64) {
        let most = self.known(logits).map(|(_, logit)| logit).fold(f32::NEG_INFINITY, f32::max);
        (most, self.known(logits).map(|(_, logit)| f64::from(logit - most).exp()).sum())
    }

    /// The task's labels and the logit of each.
    fn known<'a>(&'a self, logits: &'a [f32]) -> impl Iterator<Item = (&'a str, f32)> {
        self.names.iter().zip(logits).filter_map(|(name, &logit)| Some((name.as_deref()?, logit)))
    }
}
