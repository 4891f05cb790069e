//! `ordinate label-next`: which items to label next, as a file that a person fills in.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use ordinate::{Fields, LabelNext, Options, ToLabel, Unlabelled};
use serde_json::{Map, Value};

use crate::cli::LabelNextArgs;
use crate::failure::Failure;
use crate::output::print;
use crate::runtime::wait;

pub(crate) fn label_next(args: LabelNextArgs) -> Result<(), Failure> {
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from("label-next.jsonl"));
    if out.exists() && !args.force {
        return Err(Failure::Input(format!(
            "{}: it is there already, perhaps with labels; give another --out, or --force",
            out.display()
        )));
    }
    let options = Options::default();
    let unlabelled = Unlabelled { items: args.items.clone(), answers: args.answers, count: Some(args.count) };
    let ranked = wait(ordinate::label_next(&args.run, &unlabelled, &options), options.cancel.clone())?;
    write(&out, &ranked)?;
    print(&summary(&out, &ranked))
}

/// `NAME=FILE`.
pub(crate) fn answers(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, file)) if !name.is_empty() && !file.is_empty() => {
            Ok((name.to_owned(), PathBuf::from(file)))
        }
        _ => Err("give a candidate and the file with its answers: NAME=FILE".to_owned()),
    }
}

fn summary(out: &Path, ranked: &LabelNext) -> String {
    let target = &ranked.fields.target;
    let differ = ranked.items.iter().filter(|item| item.settles > 0.0).count();
    let mut text = format!(
        "{} of {} items written to {}, what is worth most first; fill in {target}\n",
        ranked.items.len(),
        ranked.of,
        out.display()
    );
    match ranked.between.as_slice() {
        [one, other] => text += &format!("{one} and {other} answer {differ} of them differently\n"),
        [one] => text += &format!("only {one} answered: they are those of which it is least sure\n"),
        _ => {}
    }
    if !ranked.without.is_empty() {
        text += &format!(
            "without {}, whose answers are not at hand (--answers NAME=FILE)\n",
            ranked.without.join(", ")
        );
    }
    text + "add them to the train items: they are no random draw, so a test part of them would not be like the items to come\n"
}

/// Writes CSV where the name ends so, else JSON lines. Items that nobody fills in are passed over by `run`.
fn write(out: &Path, ranked: &LabelNext) -> Result<(), Failure> {
    let rows: Vec<Vec<(String, Value)>> = ranked.items.iter().map(|item| row(ranked, item)).collect();
    let mut text = String::new();
    if out.extension() == Some(OsStr::new("csv")) {
        let line =
            |cells: Vec<String>| cells.iter().map(|text| cell(text)).collect::<Vec<_>>().join(",") + "\n";
        text += &line(rows.first().into_iter().flatten().map(|(name, _)| name.clone()).collect());
        let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        rows.iter().for_each(|row| text += &line(row.iter().map(|(_, value)| shown(value)).collect()));
    } else {
        for row in rows {
            text += &Value::Object(row.into_iter().collect::<Map<_, _>>()).to_string();
            text.push('\n');
        }
    }
    std::fs::write(out, text)
        .map_err(|error| Failure::Run(format!("{}: cannot be written: {error}", out.display())))
}

/// The fields of an item, in their order: those of the task, and what is known of it.
fn row(ranked: &LabelNext, item: &ToLabel) -> Vec<(String, Value)> {
    let Fields { id, input, slice, context, options, option_columns, target } = &ranked.fields;
    let mut cells = Vec::new();
    cells.extend(id.as_ref().map(|id| (id.clone(), Value::from(item.id.clone()))));
    cells.push((input.clone(), Value::from(item.input.clone())));
    if ranked.items.iter().any(|item| item.context.is_some()) {
        cells.push((context.clone(), Value::from(item.context.clone().unwrap_or_default())));
    }
    // Without its passage and its options an item could not be answered, nor added to the others.
    if !option_columns.is_empty() {
        let whole = item.options.len() == option_columns.len();
        for (at, column) in option_columns.iter().enumerate() {
            let named = item.options.iter().find(|option| option.key == *column);
            let option = named.or_else(|| item.options.get(at).filter(|_| whole));
            cells.push((column.clone(), Value::from(option.map_or("", |option| option.text.as_str()))));
        }
    } else if ranked.items.iter().any(|item| !item.options.is_empty()) {
        let all = item.options.iter().map(|option| (option.key.clone(), Value::from(option.text.clone())));
        cells.push((options.clone(), Value::Object(all.collect())));
    }
    cells.push((target.clone(), Value::from("")));
    if ranked.items.iter().any(|item| item.slice.is_some()) {
        cells.push((slice.clone(), Value::from(item.slice.clone().unwrap_or_default())));
    }
    let round = |share: f64| Value::from((1e3 * share).round() / 1e3);
    let said: Vec<String> = item.said.iter().map(|(name, output)| format!("{name}: {output}")).collect();
    let known = [
        ("worth", round(item.worth)),
        ("settles", round(item.settles)),
        ("teaches", round(item.teaches)),
        ("said", Value::from(said.join("; "))),
    ];
    for (name, value) in known {
        // A field of the task keeps its name.
        if cells.iter().all(|(known, _)| known != name) {
            cells.push((name.to_owned(), value));
        }
    }
    cells
}

/// A cell of CSV (RFC 4180).
fn cell(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
