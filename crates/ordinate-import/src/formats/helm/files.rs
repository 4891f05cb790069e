//! What the files of a run say, as `helm-run` and `helm-summarize` write them.

use std::collections::HashMap;

use ordinate_core::Finish;
use serde::Deserialize;
use serde_json::Value;

use crate::json::{Scalar, or_default};

#[derive(Deserialize)]
pub(super) struct RunSpec {
    pub(super) name: String,
    pub(super) adapter_spec: AdapterSpec,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) metric_specs: Vec<MetricSpec>,
}

#[derive(Deserialize)]
pub(super) struct AdapterSpec {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) model: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) model_deployment: String,
}

#[derive(Deserialize)]
pub(super) struct MetricSpec {
    #[serde(default)]
    pub(super) args: Value,
}

/// What makes an answer unique in a run: the instance, its perturbation, and the trial.
#[derive(Deserialize, PartialEq, Eq, Hash, Clone)]
pub(super) struct Key {
    pub(super) instance_id: String,
    #[serde(default, deserialize_with = "perturbation")]
    pub(super) perturbation: Option<String>,
    #[serde(default)]
    pub(super) train_trial_index: u64,
}

#[derive(Deserialize)]
pub(super) struct InstanceStats {
    #[serde(flatten)]
    pub(super) key: Key,
    #[serde(default)]
    pub(super) stats: Vec<Stat>,
}

#[derive(Deserialize)]
pub(super) struct Stat {
    pub(super) name: StatName,
    #[serde(default)]
    pub(super) mean: Scalar,
}

#[derive(Deserialize)]
pub(super) struct StatName {
    pub(super) name: String,
    #[serde(default)]
    pub(super) split: Option<String>,
    #[serde(default, deserialize_with = "perturbation")]
    pub(super) perturbation: Option<String>,
}

impl StatName {
    pub(super) fn of(name: String) -> Self {
        Self { name, split: None, perturbation: None }
    }
}

#[derive(Deserialize)]
pub(super) struct Prediction {
    #[serde(flatten)]
    pub(super) key: Key,
    #[serde(default)]
    pub(super) predicted_text: Scalar,
    #[serde(default)]
    pub(super) mapped_output: Scalar,
    #[serde(default)]
    pub(super) stats: HashMap<String, Scalar>,
}

#[derive(Deserialize)]
pub(super) struct RequestState {
    pub(super) instance: Instance,
    #[serde(default)]
    pub(super) reference_index: Option<u64>,
    #[serde(default)]
    pub(super) request_mode: Option<String>,
    #[serde(default)]
    pub(super) train_trial_index: u64,
    #[serde(default)]
    pub(super) output_mapping: Option<HashMap<String, String>>,
    #[serde(default)]
    pub(super) result: Option<RequestResult>,
}

#[derive(Deserialize, Default)]
pub(super) struct Instance {
    #[serde(default)]
    pub(super) input: TextOf,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) references: Vec<Reference>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) id: String,
    #[serde(default)]
    pub(super) split: Option<String>,
    #[serde(default, deserialize_with = "perturbation")]
    pub(super) perturbation: Option<String>,
}

#[derive(Deserialize, Default)]
pub(super) struct TextOf {
    #[serde(default)]
    pub(super) text: Scalar,
}

#[derive(Deserialize)]
pub(super) struct Reference {
    #[serde(default)]
    pub(super) output: TextOf,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) tags: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct RequestResult {
    #[serde(default)]
    pub(super) success: Scalar,
    #[serde(default)]
    pub(super) error: Scalar,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) completions: Vec<Completion>,
    #[serde(default)]
    pub(super) request_time: Scalar,
    #[serde(default)]
    pub(super) cached: Scalar,
}

#[derive(Deserialize)]
pub(super) struct Completion {
    #[serde(default)]
    pub(super) text: Scalar,
    /// `{"reason": "length"}`; what cut it to a stop sequence writes it too.
    #[serde(default, deserialize_with = "or_default")]
    pub(super) finish_reason: FinishReason,
}

#[derive(Deserialize, Default)]
pub(super) struct FinishReason {
    #[serde(default)]
    pub(super) reason: Scalar,
}

impl RequestResult {
    /// How the answer ended, where its client says so.
    pub(super) fn ended(&self) -> Option<Finish> {
        if self.success == Scalar::Bool(false) {
            // Clients give the refusal of a filter as an error in words.
            let filtered = self.error.text().is_some_and(|text| Finish::of(&text) == Finish::Filtered);
            return filtered.then_some(Finish::Filtered);
        }
        self.completions.first()?.finish_reason.reason.text().map(|word| Finish::of(&word))
    }
}

/// A perturbation as one text, so that it can be part of a key.
fn perturbation<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok((!value.is_null()).then(|| value.to_string()))
}
