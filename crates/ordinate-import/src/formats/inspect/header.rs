//! What the header of a log says: the run, the model, and what its scorers came to.

use serde::Deserialize;
use serde_json::Value;

use crate::json::{Ordered, Scalar, or_default};
use crate::log::Log;
use crate::record::{OwnFigure, Run, Sink};

/// `header.json`, and `_journal/start.json`, which lacks status and results.
#[derive(Deserialize)]
pub(super) struct Header {
    #[serde(default)]
    status: Option<String>,
    pub(super) eval: Spec,
    #[serde(default)]
    pub(super) results: Option<Results>,
}

#[derive(Deserialize)]
pub(super) struct Spec {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) task: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) model: String,
    #[serde(default)]
    run_id: Scalar,
    #[serde(default)]
    created: Scalar,
}

#[derive(Deserialize, Default)]
pub(super) struct Results {
    #[serde(default)]
    pub(super) headline: Option<Headline>,
    #[serde(default, deserialize_with = "or_default")]
    scores: Vec<Scorer>,
    /// Of the first versions: one scorer, its metrics beside it.
    #[serde(default)]
    pub(super) scorer: Option<Scorer>,
    #[serde(default, deserialize_with = "or_default")]
    metrics: Ordered<Value>,
}

#[derive(Deserialize)]
pub(super) struct Headline {
    #[serde(default)]
    pub(super) scorer: Option<String>,
}

/// What a scorer's scores come to.
#[derive(Deserialize)]
pub(super) struct Scorer {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) name: String,
    #[serde(default)]
    scorer: Scalar,
    /// How epochs were made one; absent: by the mean.
    #[serde(default)]
    reducer: Scalar,
    #[serde(default, deserialize_with = "or_default")]
    metrics: Ordered<Value>,
}

/// Says what the header tells of the run.
pub(super) fn announce(header: &Header, log: &Log, sink: &mut dyn Sink) {
    let file = log.file_name();
    let finished = header.status.as_deref() == Some("success");
    match header.status.as_deref() {
        Some("success") => {}
        Some(status) => {
            sink.note(format!(
                "{file}: the run ended with status {status:?}, and may have logged a part alone."
            ));
        }
        None => sink.note(format!("{file}: the run did not end; its journal may hold a part alone.")),
    }
    // The logs of one call of `eval` have its id.
    let launch = header.eval.run_id.text().unwrap_or_else(|| log.path().display().to_string());
    sink.run(Run { launch, started: header.eval.created.text(), finished });
    for figure in own_figures(header) {
        sink.own(figure);
    }
}

/// The accuracy or mean that the header has for each scorer.
fn own_figures(header: &Header) -> Vec<OwnFigure> {
    let Some(results) = &header.results else { return Vec::new() };
    let figure = |scorer: String, metrics: &Ordered<Value>| {
        let metric = ["accuracy", "mean"].iter().find_map(|name| metrics.get(name))?;
        let value = match metric {
            Value::Object(fields) => fields.get("value")?.as_f64()?,
            plain => plain.as_f64()?,
        };
        let (task, model) = (header.eval.task.clone(), Some(header.eval.model.clone()));
        Some(OwnFigure { model, task, filter: None, metric: scorer, value })
    };
    let mean = |one: &&Scorer| one.reducer.text().is_none_or(|reducer| reducer == "mean");
    let mut figures: Vec<OwnFigure> = results
        .scores
        .iter()
        .filter(mean)
        .filter_map(|one| {
            let scorer = one.scorer.text().filter(|scorer| *scorer != one.name);
            // A scorer whose value has keys has a figure a key.
            let metric = scorer.map_or_else(|| one.name.clone(), |scorer| format!("{scorer}.{}", one.name));
            figure(metric, &one.metrics)
        })
        .collect();
    if let Some(one) = &results.scorer {
        figures.extend(figure(one.name.clone(), &results.metrics));
    }
    figures
}
