//! What every format is read into: one model's answer to one item.

use std::path::Path;

use ordinate_core::Finish;

use crate::error::{ImportError, Place};

/// One model's answer to one item, as a log gives it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Record {
    /// The model, as the tool names it.
    pub(crate) model: String,
    /// The task, as the tool names it: it becomes the slice.
    pub(crate) task: String,
    /// The filter that the tool read the answer through, where a log has an answer's score once for each.
    pub(crate) filter: Option<String>,
    /// The tool's own id of the item.
    pub(crate) sample: String,
    /// A digest by the tool of what the item is made of; better than ours, where there is one.
    pub(crate) digest: Option<String>,
    /// What was asked.
    pub(crate) input: Option<String>,
    /// The right answer, as text (never as an index or a letter where the choices are known).
    pub(crate) target: Option<String>,
    /// The choices that the item gives.
    pub(crate) choices: Vec<String>,
    /// Scores by metric, the tool's primary one first.
    pub(crate) metrics: Vec<(String, f64)>,
    /// What went wrong. An answer with neither error nor metrics is an error too: it was not scored.
    pub(crate) error: Option<String>,
    /// What the model said.
    pub(crate) output: Option<String>,
    /// Price paid, USD.
    pub(crate) cost_usd: Option<f64>,
    /// Wall-clock time, milliseconds.
    pub(crate) latency_ms: Option<f64>,
    /// Tokens read.
    pub(crate) input_tokens: Option<u64>,
    /// Tokens written.
    pub(crate) output_tokens: Option<u64>,
    /// The model's own confidence in the output, in `[0, 1]`.
    pub(crate) confidence: Option<f64>,
    /// How the answer ended, as far as the log says so.
    pub(crate) ended: Finish,
}

/// What a log says of the run that it is of. A log is one run of a tool; several logs may be of one launch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    /// What the logs of one launch (a time, a folder) have in common: its tasks stay together.
    pub(crate) launch: String,
    /// When it started, as the tool writes a time with the year first.
    pub(crate) started: Option<String>,
    /// Whether it came to its end.
    pub(crate) finished: bool,
}

/// A figure of the tool's own over all answers of a model to a task: what was imported has to come to it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OwnFigure {
    /// The model, as its records name it; `None` for whichever the log has.
    pub(crate) model: Option<String>,
    pub(crate) task: String,
    /// The filter, for tools that have them.
    pub(crate) filter: Option<String>,
    /// The metric, as its records name it.
    pub(crate) metric: String,
    /// The mean, on the metric's own scale.
    pub(crate) value: f64,
}

/// Takes the records of one log.
pub(crate) trait Sink {
    /// Takes what the log says of its run; a log that says nothing is a launch of its own.
    fn run(&mut self, run: Run);

    /// Takes one record.
    ///
    /// # Errors
    /// When the record cannot be used, or cannot be written.
    fn record(&mut self, record: Record, place: &Place) -> Result<(), ImportError>;

    /// Takes a figure of the tool's own on the log's answers.
    fn own(&mut self, figure: OwnFigure);

    /// The place of a variant (a prompt) among all that were named so far, in all logs, from 0.
    fn rank(&mut self, variant: &str) -> usize;

    /// Takes a file that was read beside the log: it is not passed over.
    fn used(&mut self, file: &Path);

    /// Takes something that the person should know; the same note twice is one note.
    fn note(&mut self, note: String);

    /// Takes something that may make the figures wrong: a note that the readers of the verdict see too.
    fn warn(&mut self, warning: String);
}

/// The confidence of a choice among log-probabilities: its share after a softmax over the choices.
pub(crate) fn share_of_best(logs: &[f64]) -> Option<(usize, f64)> {
    let (best, top) = logs
        .iter()
        .copied()
        .enumerate()
        .filter(|(_, log)| !log.is_nan())
        .max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))?;
    let sum: f64 = logs.iter().filter(|log| !log.is_nan()).map(|log| (log - top).exp()).sum();
    Some((best, 1.0 / sum)).filter(|(_, share)| share.is_finite())
}

/// The text of a target that is given as a letter or an index into the choices.
pub(crate) fn resolve_letter(target: &str, choices: &[String]) -> Option<String> {
    let letter = target.trim().as_bytes();
    let [letter] = letter else { return None };
    let at = letter.to_ascii_uppercase().checked_sub(b'A')?;
    choices.get(usize::from(at)).map(|choice| choice.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_choice_and_its_share() {
        let (best, share) = share_of_best(&[-1.0, -0.5, f64::NAN]).unwrap();
        assert_eq!(best, 1);
        assert!((share - 1.0 / (1.0 + (-0.5f64).exp())).abs() < 1e-15);
        assert_eq!(share_of_best(&[f64::NAN]), None);
        assert_eq!(share_of_best(&[f64::NEG_INFINITY]), None);
        // A tie goes to the first, as numpy's argmax does.
        assert_eq!(share_of_best(&[-1.0, -1.0]), Some((0, 0.5)));
    }

    #[test]
    fn letters_point_at_choices() {
        let choices = ["3".to_owned(), " 4".to_owned()];
        assert_eq!(resolve_letter("B", &choices).as_deref(), Some("4"));
        assert_eq!(resolve_letter("C", &choices), None);
        assert_eq!(resolve_letter("4", &choices), None);
    }
}
