//! Distillation (Hinton et al. 2015): a pupil learns the answers of another candidate to train items whose targets it is not
//! shown, each as probable as the teacher finds it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ordinate_core::CandidateName;
use ordinate_core::task::CandidateEntry;
use ordinate_models::{
    EncoderSource, Fitting, Identity, Kind, Method, MethodKind, Model, ModelError, Probing, Taught,
    TrainingSet, drawn, number,
};
use serde::Serialize;

use crate::auto::load;
use crate::settings::Settings;
use crate::tune::Tuning;
use crate::validation::held_out;

/// `adapt = { from = "...", method = "distill", teacher = "..." }`.
pub const DISTILL: MethodKind = MethodKind { name: NAME, of, load };
const NAME: &str = "distill";
/// Raised when the same data come to give another model.
const VERSION: u32 = 2;

/// The way of training.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Distill {
    #[serde(flatten)]
    settings: Settings,
}

fn of(entry: &CandidateEntry, base: &Path) -> Result<Option<Box<dyn Method>>, ModelError> {
    let Some(adapt) = entry.adapt.as_ref().filter(|adapt| adapt.method == NAME) else { return Ok(None) };
    let takes = ["epochs", "max_minutes", "learning_rate", "batch_size", "teacher"];
    let settings = Settings::of(adapt, base, &takes)?;
    let problem = match &settings.teacher {
        None => "method \"distill\" learns from another candidate; name it: teacher = \"...\"",
        Some(teacher) if *teacher == entry.name => "teacher: it is its own teacher; name another candidate",
        Some(_) => return Ok(Some(Box::new(Distill { settings }))),
    };
    Err(ModelError::Setting(problem.to_owned()))
}

impl Method for Distill {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "a pupil of another candidate"
    }

    fn identity(&self) -> Result<Identity, ModelError> {
        Identity::of(self, VERSION)
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Classify, Kind::Tag, Kind::Regress]
    }

    fn source(&self) -> Option<&EncoderSource> {
        Some(&self.settings.source)
    }

    fn is_slow(&self) -> bool {
        true
    }

    fn teacher(&self) -> Option<&CandidateName> {
        self.settings.teacher.as_ref()
    }

    fn fit(&self, train: &TrainingSet<'_>, fitting: &Fitting<'_>) -> Result<Box<dyn Model>, ModelError> {
        let train = self.lesson(train, fitting.seed)?;
        if self.settings.source == EncoderSource::Builtin {
            // It has no layers to train.
            return Probing { source: EncoderSource::Builtin, examples: None }.fit(&train, fitting);
        }
        let tuning = Tuning { name: NAME, settings: self.settings.clone(), chosen: None };
        Ok(Box::new(tuning.tune(&train, fitting)?))
    }
}

impl Distill {
    /// Items whose target is shown, without an answer of the teacher, and items with such an answer in place of a target.
    fn lesson<'a>(&self, train: &TrainingSet<'a>, seed: u64) -> Result<TrainingSet<'a>, ModelError> {
        let known = (0..train.len()).filter(|&at| !train.targets()[at].trim().is_empty()).collect();
        // Drawn as `examples` of other methods are, so that both are shown the same.
        let order = drawn(known, self.settings.examples.unwrap_or(u32::MAX), seed);
        let shown: BTreeSet<usize> = order.iter().copied().collect();
        let named = train.names();
        let names: BTreeMap<String, &str> =
            train.targets().iter().map(|target| (target.trim().to_lowercase(), target.trim())).collect();
        let said = |at: usize| {
            let output = train.taught()[at]?.output.trim();
            match train.kind() {
                Kind::Classify => names.get(&output.to_lowercase()).copied().filter(|name| !name.is_empty()),
                Kind::Tag => {
                    train.kind().labels(output).iter().all(|tag| named.contains(tag)).then_some(output)
                }
                Kind::Regress => number(output).is_ok().then_some(output),
                Kind::Choose | Kind::Series | Kind::Text | Kind::Extract => Some(output),
            }
        };
        let free: Vec<(usize, &'a str)> = (0..train.len())
            .filter(|at| !shown.contains(at))
            .filter_map(|at| said(at).map(|said| (at, said)))
            .collect();
        if free.is_empty() {
            let problem = "its teacher answered no train item but those whose targets it is shown, or none with a label of the \
                           task; show it fewer (examples = 200), or add train items without a target";
            return Err(ModelError::Setting(problem.to_owned()));
        }
        let shown = order.into_iter().map(|at| (at, train.targets()[at], None));
        let all: Vec<_> =
            shown.chain(free.into_iter().map(|(at, said)| (at, said, train.taught()[at]))).collect();
        let pairs = all.iter().map(|&(at, target, _)| (train.samples()[at], target));
        Ok(TrainingSet::new(train.kind(), pairs).taught_by(all.iter().map(|&(_, _, taught)| taught)))
    }
}

/// The share of each label of an item. Without a teacher all of it for its one label. With one as much as the teacher finds the label
/// probable, where it says so of labels; else as much for its answer as it was sure of it. What is left is shared evenly by the labels
/// that it says nothing of.
pub(crate) fn shares(train: &TrainingSet<'_>, right: &[Vec<usize>], names: &[String]) -> Vec<Vec<f32>> {
    let of = |(right, taught): (&Vec<usize>, &Option<&Taught>)| {
        let mut shares = vec![None; names.len()];
        let said = taught.map(|taught| taught.probabilities.as_slice()).unwrap_or_default();
        for (label, probability) in said {
            if let Some(at) = names.iter().position(|name| name == label) {
                shares[at] = Some(*probability);
            }
        }
        if shares.iter().all(Option::is_none) {
            let sure = taught.and_then(|taught| taught.confidence).unwrap_or(1.0);
            right.iter().for_each(|&at| shares[at] = Some(sure.clamp(0.0, 1.0)));
        }
        let told: f64 = shares.iter().flatten().sum();
        let others = shares.iter().filter(|share| share.is_none()).count().max(1) as f64;
        let rest = (1.0 - told).max(0.0) / others;
        shares.into_iter().map(|share| share.unwrap_or(rest) as f32).collect()
    };
    right.iter().zip(train.taught()).map(of).collect()
}

/// As [`held_out`], of those items alone whose targets are known: what the teacher said tells nothing of how good a pupil is.
pub(crate) fn held_out_of(train: &TrainingSet<'_>, strata: &[String], seed: u64) -> (Vec<usize>, Vec<usize>) {
    let known: Vec<usize> = (0..train.len()).filter(|&at| train.taught()[at].is_none()).collect();
    let of: Vec<String> = known.iter().map(|&at| strata[at].clone()).collect();
    let held: Vec<usize> = held_out(&of, seed).1.into_iter().map(|at| known[at]).collect();
    let learned = (0..train.len()).filter(|at| held.binary_search(at).is_err()).collect();
    (learned, held)
}

#[cfg(test)]
mod tests {
    use ordinate_models::Sample;

    use super::*;

    #[test]
    fn labels_share_what_the_teacher_says_of_them() {
        let names = ["a", "b", "c", "d"].map(str::to_owned);
        let told = |confidence, probabilities: &[(&str, f64)]| Taught {
            output: "b".to_owned(),
            confidence,
            probabilities: probabilities.iter().map(|&(label, share)| (label.to_owned(), share)).collect(),
        };
        let taught = [
            told(Some(0.7), &[("b", 0.5), ("d", 0.3)]),
            told(Some(0.7), &[]),
            told(None, &[]),
            // None of them is a label here.
            told(Some(0.4), &[("e", 0.9)]),
        ];
        let pairs = ["b"; 5].map(|target| (Sample::text("text"), target));
        let lessons = taught.iter().map(Some).chain([None]);
        let train = TrainingSet::new(Kind::Classify, pairs).taught_by(lessons);
        let shares = shares(&train, &vec![vec![1]; 5], &names);
        let expected = [
            [0.1, 0.5, 0.1, 0.3],
            [0.1, 0.7, 0.1, 0.1],
            [0.0, 1.0, 0.0, 0.0],
            [0.2, 0.4, 0.2, 0.2],
            [0.0, 1.0, 0.0, 0.0],
        ];
        for (shares, expected) in shares.iter().zip(expected) {
            assert!(shares.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{shares:?}");
        }
    }
}
