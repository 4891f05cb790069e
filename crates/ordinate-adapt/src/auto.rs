//! `method = "auto"`: the way of training that the number of labels and the time allow.

use std::fs;
use std::path::Path;

use ordinate_core::task::CandidateEntry;
use ordinate_models::encoder::Source;
use ordinate_models::{
    EncoderSource, Fitting, Identity, Kind, Method, MethodKind, Model, ModelError, PROBE, Probing, Sample,
    Saved, Training, TrainingSet,
};
use serde::Serialize;
use serde_json::Value;

use crate::contrastive::Contrastive;
use crate::report::threads;
use crate::settings::Settings;
use crate::spans;
use crate::tune::Tuning;

/// `adapt = { from = "...", method = "auto" }`.
pub const AUTO: MethodKind = MethodKind { name: NAME, of, load };
const NAME: &str = "auto";
/// Raised when the same data come to give another model.
const VERSION: u32 = 3;
/// The default of `max_minutes`.
const MINUTES: f64 = 10.0;
/// Items a label up to which pairs teach more than labels do: at 64 of customer_reviews 0.85 and not 0.77, in a minute of one core each
/// (docs/adapt.md, "The ladder").
const FEW: usize = 64;
/// Labels beyond which a step of pairs does not hold a few texts of each.
const MANY: usize = 64;
/// Multiplications and additions a second and thread in training: an estimate for a core of today with wide registers,
/// not yet measured. Rounded down: what takes a little less than was said disappoints nobody.
const SPEED: f64 = 35e9;
/// The share of the work of training all weights that low-rank updates take.
const UPDATES: f64 = 0.65;

/// The way of choosing.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Auto {
    #[serde(flatten)]
    settings: Settings,
}

fn of(entry: &CandidateEntry, base: &Path) -> Result<Option<Box<dyn Method>>, ModelError> {
    let Some(adapt) = entry.adapt.as_ref().filter(|adapt| adapt.method == NAME) else { return Ok(None) };
    let mut settings = Settings::of(adapt, base, &["max_minutes", "epochs", "class_weights", "rank"])?;
    settings.max_minutes.get_or_insert(MINUTES);
    Ok(Some(Box::new(Auto { settings })))
}

/// Reads whichever model was made, by what lies in its folder.
pub(crate) fn load(saved: &Saved<'_>) -> Result<Box<dyn Model>, ModelError> {
    if saved.folder.join("modules.json").is_file() {
        return crate::contrastive::load(saved);
    }
    if saved.folder.join("tokenizer.json").is_file() {
        return crate::tune::load(saved);
    }
    (PROBE.load)(saved)
}

/// A way of training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Probe,
    Contrastive,
    Lora,
    Full,
}

/// What a choice hangs on.
struct Case {
    kind: Kind,
    items: usize,
    labels: usize,
    /// Seconds that training all weights will take; `None` where there are none to train.
    seconds: Option<f64>,
    minutes: f64,
}

impl Case {
    /// The way, and why.
    fn choose(&self) -> (Way, String) {
        let of = format!("{} items", self.items);
        let Some(full) = self.seconds else {
            return (Way::Probe, format!("a probe: {of}, and the built-in encoder has no layers to train"));
        };
        let each = self.items / self.labels.max(1);
        if self.kind == Kind::Classify && each <= FEW && self.labels <= MANY {
            return (
                Way::Contrastive,
                format!("contrastive tuning: {of} of {} labels are at most {FEW} a label", self.labels),
            );
        }
        let allowed = 60.0 * self.minutes;
        let time = |seconds: f64| format!("about {:.1} of {} minutes", seconds / 60.0, self.minutes);
        if full <= allowed {
            return (Way::Full, format!("full fine-tuning: {of}, {}", time(full)));
        }
        let updates = full * UPDATES;
        if updates <= allowed {
            return (
                Way::Lora,
                format!("LoRA: {of}, {} where full fine-tuning takes {:.1}", time(updates), full / 60.0),
            );
        }
        // Half of the passes teach most of what all do; less than that is no training. For spans there is nothing else.
        if updates <= 2.0 * allowed || self.kind == Kind::Extract {
            return (
                Way::Lora,
                format!("LoRA, ended after {} minutes: {of} would take {:.1}", self.minutes, updates / 60.0),
            );
        }
        (
            Way::Probe,
            format!(
                "a probe: {of} take {:.1} minutes even by LoRA, and {} are allowed",
                updates / 60.0,
                self.minutes
            ),
        )
    }
}

impl Method for Auto {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "an encoder that is adapted"
    }

    fn identity(&self) -> Result<Identity, ModelError> {
        Identity::of(self, VERSION)
    }

    fn kinds(&self) -> &'static [Kind] {
        match self.settings.source {
            // A head for spans has to be trained with what it stands on.
            EncoderSource::Builtin => &[Kind::Classify, Kind::Tag, Kind::Regress],
            EncoderSource::Folder(_) | EncoderSource::Elsewhere(_) => {
                &[Kind::Classify, Kind::Tag, Kind::Regress, Kind::Extract]
            }
        }
    }

    fn instead(&self) -> &'static str {
        match self.settings.source {
            EncoderSource::Builtin => {
                "for a task of kind extract name an encoder in a folder or on the hub, which has layers to train"
            }
            EncoderSource::Folder(_) | EncoderSource::Elsewhere(_) => {
                "record the answers instead (recorded = { path = ... })"
            }
        }
    }

    fn source(&self) -> Option<&EncoderSource> {
        Some(&self.settings.source)
    }

    fn is_slow(&self) -> bool {
        self.settings.source != EncoderSource::Builtin
    }

    fn fit(&self, train: &TrainingSet<'_>, fitting: &Fitting<'_>) -> Result<Box<dyn Model>, ModelError> {
        let train = train.some(self.settings.examples, fitting.seed);
        let case = Case {
            kind: train.kind(),
            items: train.len(),
            labels: train.names().len(),
            seconds: match &self.settings.source {
                EncoderSource::Folder(source) => Some(self.seconds(source, &train)?),
                EncoderSource::Builtin | EncoderSource::Elsewhere(_) => None,
            },
            minutes: self.settings.max_minutes.unwrap_or(MINUTES),
        };
        let (way, why) = case.choose();
        (fitting.watch)(Training::Chosen(&why));
        let (settings, chosen) = (self.settings.clone(), Some(why));
        let tuning = |name| Tuning { name, settings: settings.clone(), chosen: chosen.clone() };
        Ok(match way {
            Way::Probe => {
                let source = settings.source.clone();
                return Probing { source, examples: None }.fit(&train, fitting);
            }
            Way::Contrastive => Box::new(Contrastive { settings, chosen }.tune(&train, fitting)?),
            Way::Lora => Box::new(tuning("lora").tune(&train, fitting)?),
            Way::Full => Box::new(tuning("full").tune(&train, fitting)?),
        })
    }
}

impl Auto {
    /// About how long training all weights takes: six multiplications and additions a weight, token and pass (Kaplan et al.
    /// 2020), at [`SPEED`].
    fn seconds(&self, source: &Source, train: &TrainingSet<'_>) -> Result<f64, ModelError> {
        let count = |text: &str, most: usize| text.split_whitespace().count().min(most);
        let words = |sample: &Sample<'_>| match sample.context.filter(|_| train.kind() == Kind::Extract) {
            // Of a passage all is read, in windows.
            Some(passage) => count(sample.text, 200) + count(passage, usize::MAX),
            None => count(sample.text, 400),
        };
        let words: usize = train.samples().iter().map(words).sum();
        // A word is about 1.3 tokens, and a text has two more.
        let tokens = 1.3 * words as f64 + 2.0 * train.len() as f64;
        let passes = match train.kind() {
            Kind::Extract => spans::passes(&self.settings, train.len()),
            _ => self.settings.passes(train.len()),
        } as f64;
        Ok(6.0 * layer_weights(source)? * tokens * passes / (SPEED * threads() as f64))
    }
}

/// The weights of the layers of an encoder, from its configuration.
fn layer_weights(source: &Source) -> Result<f64, ModelError> {
    let path = source.folder.join("config.json");
    let text = fs::read(&path).unwrap_or_default();
    let config: Value = serde_json::from_slice(&text).unwrap_or_default();
    let number = |keys: [&str; 2]| keys.iter().find_map(|key| config[*key].as_f64());
    let (width, layers) = (number(["hidden_size", "dim"]), number(["num_hidden_layers", "n_layers"]));
    let inner = number(["intermediate_size", "hidden_dim"]);
    match (width, layers, inner) {
        (Some(width), Some(layers), Some(inner)) => Ok(layers * (4.0 * width * width + 2.0 * width * inner)),
        _ => {
            let problem = "does not say how large its layers are; name a method instead of auto".to_owned();
            Err(ModelError::File { path, problem })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_time_choose() {
        let case =
            |items, labels, seconds, minutes| Case { kind: Kind::Classify, items, labels, seconds, minutes };
        for (case, way, why) in [
            (case(5_000, 4, None, 10.0), Way::Probe, "no layers to train"),
            (case(64, 4, Some(5.0), 10.0), Way::Contrastive, "at most 64 a label"),
            (case(5_000, 4, Some(300.0), 10.0), Way::Full, "about 5.0 of 10 minutes"),
            (case(5_000, 4, Some(800.0), 10.0), Way::Lora, "full fine-tuning takes 13.3"),
            (case(5_000, 4, Some(1_500.0), 10.0), Way::Lora, "ended after 10 minutes"),
            (case(5_000, 4, Some(9_000.0), 10.0), Way::Probe, "10 are allowed"),
            (case(500, 150, Some(60.0), 10.0), Way::Full, "500 items"),
        ] {
            let (found, said) = case.choose();
            assert_eq!(found, way, "{said}");
            assert!(said.contains(why), "{said}");
        }
        let tags = Case { kind: Kind::Tag, ..case(64, 4, Some(5.0), 10.0) };
        assert_eq!(tags.choose().0, Way::Full);
        let spans = |seconds| Case { kind: Kind::Extract, ..case(64, 64, Some(seconds), 10.0) };
        assert_eq!((spans(5.0).choose().0, spans(9_000.0).choose().0), (Way::Full, Way::Lora));
    }
}
