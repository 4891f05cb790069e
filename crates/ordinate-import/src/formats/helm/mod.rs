//! HELM: the folder of one run. Scores are in `per_instance_stats.json`, questions and requests in
//! `scenario_state.json`, and what was understood as the answer in `display_predictions.json` (`helm-summarize`).

mod files;

use std::collections::{HashMap, HashSet};

use ordinate_core::Finish;
use serde_json::Value;

use crate::error::ImportError;
use crate::formats::{Format, Head};
use crate::json::Scalar;
use crate::log::Log;
use crate::options::Options;
use crate::record::{OwnFigure, Record, Run, Sink};
use crate::rows::each_row;

use files::{Instance, InstanceStats, Key, Prediction, RequestResult, RequestState, RunSpec, Stat, StatName};

pub(crate) const FORMAT: Format = Format { name: "HELM", detect, read };

fn detect(head: &Head) -> bool {
    head.is_run_folder
}

/// Whether a folder holds one run.
pub(crate) fn is_run(log: &Log) -> bool {
    log.member("run_spec.json").is_some()
}

/// What was measured of one answer.
#[derive(Default)]
struct Measured {
    metrics: Vec<(String, f64)>,
    predicted_index: Option<u64>,
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    /// HELM's own count: it was cut.
    cut: bool,
}

fn read(log: &Log, options: &Options, sink: &mut dyn Sink) -> Result<(), ImportError> {
    let limits = &options.limits;
    let need = |name: &str| {
        log.member(name).ok_or_else(|| {
            log.place()
                .entry(name)
                .refuse("is missing", "name the whole folder of the run, as helm-run wrote it")
        })
    };
    let spec: RunSpec = need("run_spec.json")?.json(limits)?;
    let wanted = Wanted::new(&spec, options);
    // The runs of a suite are one launch.
    let suite = log.path().parent().map(|suite| suite.display().to_string()).unwrap_or_default();
    sink.run(Run { launch: suite, started: None, finished: true });
    if let Some(file) = log.member("stats.json") {
        each_row(&file, limits, &[], &mut |stat: Stat, _| {
            if let Some(figure) = wanted.own_figure(stat, &spec) {
                sink.own(figure);
            }
            Ok(())
        })?;
    }
    let mut predictions: HashMap<Key, Prediction> = HashMap::new();
    if let Some(file) = log.member("display_predictions.json") {
        each_row(&file, limits, &[], &mut |row: Prediction, _| {
            predictions.entry(row.key.clone()).or_insert(row);
            Ok(())
        })?;
    }
    let mut measured: HashMap<Key, Measured> = HashMap::new();
    if let Some(file) = log.member("per_instance_stats.json") {
        each_row(&file, limits, &[], &mut |row: InstanceStats, _| {
            wanted.measure(row.stats, measured.entry(row.key).or_default());
            Ok(())
        })?;
    } else {
        for (key, prediction) in &mut predictions {
            let stats = std::mem::take(&mut prediction.stats);
            let stats = stats.into_iter().map(|(name, mean)| Stat { name: StatName::of(name), mean });
            wanted.measure(stats, measured.entry(key.clone()).or_default());
        }
    }
    let states = need("scenario_state.json")?;
    let mut seen = HashSet::new();
    each_row(&states, limits, &["request_states"], &mut |state: RequestState, at| {
        let key = Key {
            instance_id: state.instance.id.clone(),
            perturbation: state.instance.perturbation.clone(),
            train_trial_index: state.train_trial_index,
        };
        let facts = measured.get(&key);
        // Choices that were asked about one by one have a request each: the answer is the one that HELM predicted.
        let predicted = facts.and_then(|facts| facts.predicted_index);
        let other =
            predicted.is_some() && state.reference_index.is_some() && predicted != state.reference_index;
        if state.request_mode.as_deref() == Some("calibration") || other || !seen.insert(key.clone()) {
            return Ok(());
        }
        let record = record(state, &spec, predictions.get(&key), facts);
        sink.record(record, &states.place().field(&format!("request_states[{at}]")))
    })?;
    Ok(())
}

/// Which statistics are scores: those that the run's metrics name, in their order, and the one that was asked for.
struct Wanted {
    names: Vec<String>,
}

impl Wanted {
    fn new(spec: &RunSpec, options: &Options) -> Self {
        let lists = spec.metric_specs.iter().filter_map(|metric| metric.args.get("names")?.as_array());
        let mut names: Vec<String> = options.metric.iter().cloned().collect();
        names.extend(lists.flatten().filter_map(|name| Some(name.as_str()?.to_owned())));
        Self { names }
    }

    fn measure(&self, stats: impl IntoIterator<Item = Stat>, into: &mut Measured) {
        for stat in stats {
            match stat.name.name.as_str() {
                "num_prompt_tokens" => into.input_tokens = stat.mean.count(),
                "num_completion_tokens" => into.output_tokens = stat.mean.count(),
                "finish_reason_length" => into.cut = stat.mean.number().is_some_and(|mean| mean > 0.0),
                "predicted_index" => into.predicted_index = stat.mean.count(),
                name if self.takes(name) => {
                    if let Some(mean) = stat.mean.number()
                        && !into.metrics.iter().any(|(known, _)| known == name)
                    {
                        into.metrics.push((stat.name.name, mean));
                    }
                }
                _ => {}
            }
        }
        into.metrics.sort_by_key(|(name, _)| self.rank(name));
    }

    /// HELM's own mean of a metric, over a split and a perturbation.
    fn own_figure(&self, stat: Stat, spec: &RunSpec) -> Option<OwnFigure> {
        let StatName { name, split, perturbation } = stat.name;
        let value = stat.mean.number().filter(|_| self.takes(&name))?;
        let task = task(&spec.name, split.as_deref(), perturbation.as_deref());
        Some(OwnFigure { model: None, task, filter: None, metric: name, value })
    }

    fn rank(&self, name: &str) -> usize {
        self.names.iter().position(|known| known == name).unwrap_or(usize::MAX)
    }

    /// Runs whose metrics name nothing (they compute one fixed set) are left to the usual names.
    fn takes(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
            || (self.names.is_empty() && crate::metric::is_usual(name))
    }
}

fn record(
    state: RequestState,
    spec: &RunSpec,
    prediction: Option<&Prediction>,
    facts: Option<&Measured>,
) -> Record {
    let Instance { input, references, id, split, perturbation } = state.instance;
    let right = references.iter().find(|reference| reference.tags.iter().any(|tag| tag == "correct"));
    let target = right.and_then(|reference| reference.output.text.text());
    let said = state.result.as_ref().and_then(|result| result.completions.first()?.text.text());
    let mapped = |text: &String| state.output_mapping.as_ref()?.get(text.trim()).cloned();
    let output = match prediction {
        Some(prediction) => prediction.mapped_output.text().or_else(|| prediction.predicted_text.text()),
        None => said.as_ref().and_then(mapped).or(said),
    };
    let choices = if state.output_mapping.is_some() || state.reference_index.is_some() {
        references.iter().filter_map(|reference| reference.output.text.text()).collect()
    } else {
        Vec::new()
    };
    let model = if spec.adapter_spec.model.is_empty() {
        spec.adapter_spec.model_deployment.clone()
    } else {
        spec.adapter_spec.model.clone()
    };
    let failed = match &state.result {
        None => Some("HELM has no result for this request".to_owned()),
        Some(result) if result.success == Scalar::Bool(false) => Some(
            result
                .error
                .text()
                .filter(|text| !text.is_empty())
                .unwrap_or_else(|| "the request failed".into()),
        ),
        Some(_) => None,
    };
    let ended = state.result.as_ref().and_then(RequestResult::ended);
    let seconds =
        state.result.filter(|result| result.cached != Scalar::Bool(true)).map(|result| result.request_time);
    Record {
        model,
        task: task(&spec.name, split.as_deref(), perturbation.as_deref()),
        sample: id,
        input: input.text.text(),
        target,
        choices,
        metrics: facts.map(|facts| facts.metrics.clone()).unwrap_or_default(),
        error: failed,
        output,
        latency_ms: seconds.and_then(|seconds| seconds.number()).map(|seconds| seconds * 1e3),
        input_tokens: facts.and_then(|facts| facts.input_tokens),
        output_tokens: facts.and_then(|facts| facts.output_tokens),
        ended: match (ended, facts) {
            (None, Some(facts)) if facts.cut => Finish::Cut,
            (ended, _) => ended.unwrap_or_default(),
        },
        ..Record::default()
    }
}

/// The run's name without its model, so that runs of several models are one task; perturbed items, and splits other than
/// the test split, are tasks of their own, as they are in HELM's tables.
fn task(run: &str, split: Option<&str>, perturbation: Option<&str>) -> String {
    let (scenario, args) = run.split_once(':').unwrap_or((run, ""));
    let kept: Vec<&str> = args
        .split(',')
        .filter(|arg| !arg.is_empty() && !arg.starts_with("model=") && !arg.starts_with("model_deployment="))
        .collect();
    let mut task = scenario.to_owned();
    if !kept.is_empty() {
        task = format!("{task}:{}", kept.join(","));
    }
    if let Some(split) = split.filter(|split| *split != "test") {
        task = format!("{task} [{split}]");
    }
    let name = perturbation.and_then(|text| serde_json::from_str::<Value>(text).ok());
    if let Some(name) = name {
        let name = name.get("name").and_then(Value::as_str).unwrap_or("perturbed");
        task = format!("{task} [{name}]");
    }
    task
}

#[cfg(test)]
mod tests {
    use super::task;

    #[test]
    fn the_model_is_no_part_of_the_task() {
        assert_eq!(
            task("mmlu:subject=anatomy,model=openai_gpt2", Some("test"), None),
            "mmlu:subject=anatomy"
        );
        assert_eq!(task("simple_mcqa:model=simple_model1", Some("valid"), None), "simple_mcqa [valid]");
        assert_eq!(task("boolq", None, Some(r#"{"name":"typos","fairness":false}"#)), "boolq [typos]");
    }
}
