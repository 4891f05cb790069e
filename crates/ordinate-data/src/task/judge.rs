//! Whether what `[judge]` says fits the task, and itself.

use ordinate_core::task::{JudgeMode, JudgeSection};
use ordinate_core::{OutputKind, nearest};

use crate::error::{DataError, PathProblem, Problem, quoted};
use crate::source;
use crate::task::Key;
use crate::task::Task;
use crate::task::position::Document;

/// With `with_files` those that it names have to be there.
pub(super) fn check(task: &Task, document: &Document<'_>, with_files: bool) -> Result<(), DataError> {
    let file = &task.file;
    let wants = file.task.metric.as_deref() == Some(JudgeSection::METRIC);
    let at = |section: &'static str, key: &'static str, message: String| {
        Err(document.error_at(&[Key::Name(section), Key::Name(key)], Problem::DataSources(message)))
    };
    let Some(judge) = &file.judge else {
        if wants {
            let message = "a judge grades the answers, and nothing says who. Add a section [judge] with a rubric and openai = { model = \
                           \"...\" }, or name another metric.";
            return at("task", "metric", message.to_owned());
        }
        return Ok(());
    };
    if !wants {
        let message = "the section says who grades the answers, and the metric is another one. Say metric = \"judge\" in [task], or \
                       remove the section.";
        return Err(document.error_at(&[Key::Name("judge")], Problem::DataSources(message.to_owned())));
    }
    if task.kind.output() != Some(OutputKind::Text) || task.kind.extracts() {
        let message = format!(
            "a judge grades free text, and the answers of {} are not. Name another metric, and remove [judge].",
            task.kind.name()
        );
        return at("task", "metric", message);
    }
    if file.data.evidence.is_some() {
        let message = "evidence is a table of answers whose scores are known. Name items, and the answers as recorded candidates, or \
                       remove [judge] and the metric.";
        return at("data", "evidence", message.to_owned());
    }
    for (key, stops) in [("stop_early", file.measure.stop_early), ("stop_settled", file.measure.stop_settled)]
    {
        if stops == Some(true) {
            let message = format!(
                "{key} looks at scores while candidates are asked, and a judge grades when all have answered. Remove it, or name another \
                 metric."
            );
            return at("measure", key, message);
        }
    }
    asked(judge, document)?;
    numbers(judge, document)?;
    names(task, judge, document)?;
    if with_files { files(task, judge, document) } else { Ok(()) }
}

/// How it is asked.
fn asked(judge: &JudgeSection, document: &Document<'_>) -> Result<(), DataError> {
    let at = |key: &'static str, message: &str| {
        Err(document
            .error_at(&[Key::Name("judge"), Key::Name(key)], Problem::DataSources(message.to_owned())))
    };
    let ways: Vec<&'static str> = [
        ("openai", judge.openai.is_some()),
        ("command", judge.command.is_some()),
        ("local", judge.local.is_some()),
        ("recorded", judge.recorded.is_some()),
    ]
    .into_iter()
    .filter_map(|(key, given)| given.then_some(key))
    .collect();
    match ways.as_slice() {
        [] => {
            let message = "nothing says how the judge is asked. Say openai = { model = \"...\" }, command = { run = [\"...\"] }, local = \
                           { model = \"...\" }, or recorded = { path = \"grades.csv\" }.";
            return Err(document.error_at(&[Key::Name("judge")], Problem::DataSources(message.to_owned())));
        }
        [_] => {}
        [first, second, ..] => {
            return at(
                second,
                &format!("{first} and {second} are both given. Keep one way to ask the judge."),
            );
        }
    }
    if judge.recorded.is_none() && judge.rubric.as_deref().is_none_or(|rubric| rubric.trim().is_empty()) {
        let message = "the judge has to be told what a good answer is. Say rubric = \"...\".";
        return at("rubric", message);
    }
    Ok(())
}

fn numbers(judge: &JudgeSection, document: &Document<'_>) -> Result<(), DataError> {
    let at = |key: &'static str, message: &str| {
        Err(document
            .error_at(&[Key::Name("judge"), Key::Name(key)], Problem::DataSources(message.to_owned())))
    };
    if let Some([worst, best]) = judge.scale {
        if judge.mode() == JudgeMode::Pairwise {
            return at(
                "scale",
                "in pairwise an answer is better, worse or a tie. Remove scale, or say mode = \"single\".",
            );
        }
        if !(worst.is_finite() && best.is_finite() && worst < best) {
            return at(
                "scale",
                "the first is the worst grade and the second, larger one the best. Write [1, 5], for example.",
            );
        }
    }
    let prices = [judge.price, judge.openai.as_ref().and_then(|openai| openai.price)];
    let amounts = prices
        .into_iter()
        .flatten()
        .flat_map(|price| [Some(price.input), Some(price.output), price.per_item]);
    if amounts.flatten().any(|usd| !(0.0..=1e12).contains(&usd)) {
        return at("price", "a price is a number of at least 0. Correct it.");
    }
    Ok(())
}

/// The candidates that it names.
fn names(task: &Task, judge: &JudgeSection, document: &Document<'_>) -> Result<(), DataError> {
    let names: Vec<&str> = task.file.candidate.iter().map(|entry| entry.name.as_str()).collect();
    let against = judge.against.iter().map(|name| ("against", name));
    for (key, name) in against.chain(judge.family.iter().map(|name| ("family", name))) {
        if !names.contains(&name.as_str()) {
            let nearest = nearest(name.as_str(), names.iter().copied()).map(str::to_owned);
            let allowed = format!("the name of a candidate: {}", names.join(", "));
            let problem = Problem::BadValue { found: quoted(name.as_str()), allowed, nearest };
            return Err(document.error_at(&[Key::Name("judge"), Key::Name(key)], problem));
        }
    }
    if judge.against.is_some() && judge.mode() == JudgeMode::Single {
        let message =
            "in single each answer is graded by itself. Say mode = \"pairwise\", or remove against.";
        let keys = [Key::Name("judge"), Key::Name("against")];
        return Err(document.error_at(&keys, Problem::DataSources(message.to_owned())));
    }
    Ok(())
}

fn files(task: &Task, judge: &JudgeSection, document: &Document<'_>) -> Result<(), DataError> {
    let human = judge.human.as_deref().map(|path| (vec![Key::Name("judge"), Key::Name("human")], path));
    let recorded = judge.recorded.as_ref().map(|recorded| recorded.path.as_str());
    let recorded =
        recorded.map(|path| (vec![Key::Name("judge"), Key::Name("recorded"), Key::Name("path")], path));
    for (keys, path) in human.into_iter().chain(recorded) {
        match source::resolve(task.dir(), path) {
            Ok(_) => {}
            Err(Problem::Path(PathProblem::NotFound)) => {
                return Err(document.error_at(&keys, PathProblem::NotFoundAt(quoted(path)).into()));
            }
            Err(problem) => return Err(document.error_at(&keys, problem)),
        }
    }
    Ok(())
}
