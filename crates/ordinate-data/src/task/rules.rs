//! What the shape of a task file cannot say: ranges, unique names, one source of items, files that exist.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use ordinate_core::NeedsError;
use ordinate_core::forecast::are_levels;
use ordinate_core::task::{Adapt, CandidateEntry, ChooseExamples, DataSection, FeatureFields};

use crate::error::{At, DataError, PathProblem, Problem, quoted};
use crate::recorded::resolve;
use crate::source;
use crate::task::position::Document;
use crate::task::{Key, Task, judge, place, price};

/// With `files` those that it names have to be there.
pub(super) fn check(task: &Task, document: &Document<'_>, with_files: bool) -> Result<(), DataError> {
    numbers(task, document)?;
    price::check(task, document)?;
    names(task, document)?;
    sources(task, document)?;
    features(task, document)?;
    targets(task, document)?;
    series(task, document)?;
    images(task, document)?;
    judge::check(task, document, with_files)?;
    if with_files { files(task, document) } else { Ok(()) }
}

fn numbers(task: &Task, document: &Document<'_>) -> Result<(), DataError> {
    let file = &task.file;
    if let Err(error) = file.needs.check() {
        let key = match &error {
            NeedsError::BadValue { key, .. } => key,
            NeedsError::UnknownKey { .. } | NeedsError::NotAnAssignment(_) => "goal",
        };
        return Err(document.error_at(&[Key::Name("needs"), Key::Name(key)], error.into()));
    }
    let checks = [
        ("task", "guess_rate", file.task.guess_rate, 0.0..1.0, "a number in [0, 1)"),
        ("combine", "folds", file.combine.folds.map(f64::from), 2.0..101.0, "a whole number from 2 to 100"),
        (
            "statistics",
            "resamples",
            file.statistics.resamples.map(|resamples| f64::from(u32::from(resamples))),
            100.0..1_000_001.0,
            "a whole number from 100 to 1,000,000",
        ),
    ];
    for (section, key, value, range, allowed) in checks {
        if let Some(value) = value.filter(|value| !range.contains(value)) {
            return Err(bad_number(document, &[Key::Name(section), Key::Name(key)], value, allowed));
        }
    }
    for (place, entry) in file.candidate.iter().enumerate() {
        for (path, value) in amounts(entry) {
            if !(0.0..=MAX_AMOUNT).contains(&value) {
                let allowed = if value > 0.0 { "a number of at most 1e12" } else { "a number of at least 0" };
                let start = [Key::Name("candidate"), Key::Place(place)];
                let keys: Vec<_> = start.into_iter().chain(path.into_iter().map(Key::Name)).collect();
                return Err(bad_number(document, &keys, value, allowed));
            }
        }
    }
    Ok(())
}

/// No price and no size is beyond this; sums of larger ones may be no numbers.
const MAX_AMOUNT: f64 = 1e12;

/// The numbers of a candidate that may not be negative, with their keys.
fn amounts(entry: &CandidateEntry) -> Vec<(Vec<&'static str>, f64)> {
    let mut amounts = Vec::new();
    let openai = entry.openai.as_ref().and_then(|openai| openai.price);
    for (price, path) in [(entry.price, &["price"][..]), (openai, &["openai", "price"])] {
        let Some(price) = price else { continue };
        let parts = [
            ("input", Some(price.input)),
            ("output", Some(price.output)),
            ("cached_input", price.cached_input),
            ("cache_write", price.cache_write),
            ("per_item", price.per_item),
            ("per_hour", price.per_hour),
        ];
        amounts.extend(parts.into_iter().filter_map(|(key, value)| Some(([path, &[key]].concat(), value?))));
    }
    let others = [("memory_gb", entry.memory_gb), ("parameters_billion", entry.parameters_billion)];
    amounts.extend(others.into_iter().filter_map(|(key, value)| Some((vec![key], value?))));
    amounts
}

fn bad_number(document: &Document<'_>, keys: &[Key<'_>], value: f64, allowed: &str) -> DataError {
    let problem = Problem::BadValue { found: value.to_string(), allowed: allowed.to_owned(), nearest: None };
    document.error_at(keys, problem)
}

fn names(task: &Task, document: &Document<'_>) -> Result<(), DataError> {
    let mut first = HashMap::new();
    for (number, entry) in task.file.candidate.iter().enumerate() {
        if let Some(earlier) = first.insert(entry.name.as_str(), number) {
            let keys = |number| [Key::Name("candidate"), Key::Place(number), Key::Name("name")];
            let at = document.value(&keys(earlier)).map(|value| place(document.source, value.span().start));
            let line = match at {
                Some(At::LineColumn(line, _) | At::Line(line)) => line,
                Some(At::Row(_)) | None => 0,
            };
            return Err(document.error_at(&keys(number), Problem::RepeatedCandidate { first: line }));
        }
    }
    Ok(())
}

/// The keys of `[data]` that name files, with what they name.
fn data_files(data: &DataSection) -> [(&'static str, Option<&str>); 4] {
    [
        ("evidence", data.evidence.as_deref()),
        ("items", data.items.as_deref()),
        ("train", data.train.as_deref()),
        ("test", data.test.as_deref()),
    ]
}

fn sources(task: &Task, document: &Document<'_>) -> Result<(), DataError> {
    let data = &task.file.data;
    let given: Vec<&str> =
        data_files(data).iter().filter(|(_, path)| path.is_some()).map(|(key, _)| *key).collect();
    let wrong = match given.as_slice() {
        [] => Some((
            "evidence",
            "no data is named. Say evidence = \"scores.csv\" (a table of scores), or items = \"items.jsonl\" (and \
             recorded candidates), or train and test."
                .to_owned(),
        )),
        [_] | ["train", "test"] => None,
        [first, second, ..] => Some((
            *second,
            format!(
                "{first} and {second} are both named. Keep one of: evidence; items; train and test."
            ),
        )),
    };
    if let Some((key, message)) = wrong {
        return Err(document.error_at(&[Key::Name("data"), Key::Name(key)], Problem::DataSources(message)));
    }
    for (number, entry) in task.file.candidate.iter().enumerate() {
        let fail = |key: &str, problem| {
            Err(document.error_at(&[Key::Name("candidate"), Key::Place(number), Key::Name(key)], problem))
        };
        let mut asked = ways_to_ask(entry);
        asked.extend(entry.recorded.is_some().then_some("recorded"));
        if let [first, second, ..] = asked.as_slice() {
            let message = format!("{first} and {second} are both given. Keep one way to ask a candidate.");
            return fail(second, Problem::DataSources(message));
        }
        if entry.adapt.as_ref().is_some_and(|adapt| adapt.from == Adapt::OPENAI) && !entry.embeds() {
            let message = "adapt from \"openai\" starts from the embeddings of an API, and none is named. Add openai = { \
                           model = \"text-embedding-3-small\" } to the candidate, or name another model in from.";
            return fail("adapt", Problem::DataSources(message.to_owned()));
        }
        if data.evidence.is_some() && entry.recorded.is_some() {
            let message = "the answers are in [data] evidence already. Remove recorded, or name items instead of \
                           evidence.";
            return fail("recorded", Problem::DataSources(message.to_owned()));
        }
        if entry.columns.is_some() && data.evidence.is_none() {
            let message = "these are columns of a table that [data] evidence names, and none is named. Say evidence = \
                           \"responses.csv\", or recorded = { path = \"...\" } for a file of this candidate's answers.";
            return fail("columns", Problem::DataSources(message.to_owned()));
        }
        if entry.columns.is_none() && task.file.candidate.iter().any(|other| other.columns.is_some()) {
            let message = "other candidates have columns of their own in the table, so that it has a row an item. Say \
                           columns = { score = \"...\" } here too.";
            return fail("name", Problem::DataSources(message.to_owned()));
        }
        if data.evidence.is_none() && asked.is_empty() {
            return fail("name", Problem::NoSource(quoted(entry.name.as_str())));
        }
    }
    Ok(())
}

/// The fields that make up an item, and whether anybody has a use for them.
fn features(task: &Task, document: &Document<'_>) -> Result<(), DataError> {
    let data = &task.file.data;
    let Some(features) = &data.features else { return Ok(()) };
    let fail = |message: String| {
        let keys = [Key::Name("data"), Key::Name("features")];
        Err(document.error_at(&keys, Problem::DataSources(message)))
    };
    if data.evidence.is_some() {
        return fail("features are fields of items, and evidence is a table of answers. Remove features, or name items, or \
                     train and test."
            .to_owned());
    }
    if !task.kind.takes_fields() {
        return fail("features are of use for tasks of kind classify, tag, regress and generate alone. Remove them, or \
                     correct the kind."
            .to_owned());
    }
    let FeatureFields::Named(names) = features else { return Ok(()) };
    let target = data.target.as_deref().unwrap_or("target");
    if names.is_empty() {
        return fail(
            "no field is named. Name those that make up an item, or say features = \"all\".".to_owned(),
        );
    }
    if names.iter().any(|name| name == target) {
        let target = quoted(target);
        return fail(format!(
            "{target} is the field with the right answer, which nobody may see. Leave it out."
        ));
    }
    let mut seen = HashSet::new();
    match names.iter().find(|name| !seen.insert(name.as_str())) {
        Some(twice) => fail(format!("{} stands twice. Keep one.", quoted(twice))),
        None => Ok(()),
    }
}

/// Whether the items that targets in a file of their own are for are read, and may lack some.
fn targets(task: &Task, document: &Document<'_>) -> Result<(), DataError> {
    let data = &task.file.data;
    let message = match data.targets {
        Some(_) if data.evidence.is_some() => {
            "targets are of items, and evidence is a table of answers, whose scores are known. Remove targets, or name items."
        }
        Some(_) if task.kind.takes_series() => {
            "what came next in a series is in its own file, or held out. Remove targets."
        }
        _ => return Ok(()),
    };
    let keys = [Key::Name("data"), Key::Name("targets")];
    Err(document.error_at(&keys, Problem::DataSources(message.to_owned())))
}

/// Whether what `[series]` says fits the kind of the task, and itself.
fn series(task: &Task, document: &Document<'_>) -> Result<(), DataError> {
    let (section, data) = (&task.file.series, &task.file.data);
    let fail = |key: Option<&'static str>, message: &str| {
        let keys: Vec<Key<'_>> = [Some("series"), key].into_iter().flatten().map(Key::Name).collect();
        Err(document.error_at(&keys, Problem::DataSources(message.to_owned())))
    };
    if section.is_default() {
        return Ok(());
    }
    if !task.kind.takes_series() {
        return fail(
            None,
            "series are the items of a task of kind forecast. Remove the section, or correct the kind.",
        );
    }
    if data.evidence.is_some() {
        return fail(
            None,
            "evidence is a table of answers, whose items are not read. Remove the section, or name items.",
        );
    }
    if !are_levels(&section.quantiles) {
        return fail(
            Some("quantiles"),
            "levels of quantiles are between 0 and 1, each once, the least first. Write [0.1, 0.5, 0.9], for example.",
        );
    }
    if !section.columns.is_empty() && data.input.is_some() {
        return fail(
            Some("columns"),
            "columns name the values of several series, and [data] input those of one. Keep one of them.",
        );
    }
    let by_times = section.time.is_some() || !section.columns.is_empty();
    if by_times && data.target.is_some() {
        return fail(
            Some(if section.time.is_some() { "time" } else { "columns" }),
            "each row is a time, so the last values of a series are held out as its target. Remove target from [data].",
        );
    }
    if (by_times || section.origins.is_some()) && section.horizon.is_none() {
        return fail(
            Some("horizon"),
            "the last values of each series are held out, and nothing says how many. Say horizon = 6, or name the field that says it.",
        );
    }
    Ok(())
}

/// Whether what `[images]` says fits the kind of the task.
fn images(task: &Task, document: &Document<'_>) -> Result<(), DataError> {
    if task.kind.takes_images() {
        if task.file.prompt.choose_examples != Some(ChooseExamples::Nearest) {
            return Ok(());
        }
        let message = "the nearest examples are told by the words of a text, and images have none. Write per-class or random.";
        let place = [Key::Name("prompt"), Key::Name("choose_examples")];
        return Err(document.error_at(&place, Problem::DataSources(message.to_owned())));
    }
    if task.file.images.is_default() {
        return Ok(());
    }
    let message =
        "images are the items of a task of kind classify-image. Remove the section, or correct the kind.";
    Err(document.error_at(&[Key::Name("images")], Problem::DataSources(message.to_owned())))
}

/// The keys that say how a candidate can be asked.
pub(crate) fn ways_to_ask(entry: &CandidateEntry) -> Vec<&'static str> {
    [
        ("openai", entry.openai.is_some() && !entry.embeds()),
        ("command", entry.command.is_some()),
        ("local", entry.local.is_some()),
        ("adapt", entry.adapt.is_some()),
        ("custom", entry.custom.is_some()),
    ]
    .into_iter()
    .filter_map(|(key, given)| given.then_some(key))
    .collect()
}

fn files(task: &Task, document: &Document<'_>) -> Result<(), DataError> {
    let exists = |keys: &[Key<'_>], path: &str, found: Result<Vec<PathBuf>, Problem>| match found {
        Ok(_) => Ok(()),
        Err(Problem::Path(PathProblem::NotFound)) => {
            Err(document.error_at(keys, PathProblem::NotFoundAt(quoted(path)).into()))
        }
        Err(problem) => Err(document.error_at(keys, problem)),
    };
    for (key, path) in data_files(&task.file.data) {
        if let Some(path) = path {
            let found = match key {
                "evidence" => source::resolve(task.dir(), path),
                _ => resolve(task, key, path),
            };
            exists(&[Key::Name("data"), Key::Name(key)], path, found)?;
        }
    }
    for (number, entry) in task.file.candidate.iter().enumerate() {
        if let Some(recorded) = &entry.recorded {
            let keys = [Key::Name("candidate"), Key::Place(number), Key::Name("recorded"), Key::Name("path")];
            exists(&keys, &recorded.path, source::resolve(task.dir(), &recorded.path))?;
        }
    }
    Ok(())
}
