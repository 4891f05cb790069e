//! Models as text, for people.

use std::path::PathBuf;

use ordinate_fetch::size;
use ordinate_models::{Inspected, Role};

use super::NamedModel;

/// Rows of name, revision, kind, parameters and size on disk, below their headings.
#[must_use]
pub fn model_table(models: &[NamedModel]) -> String {
    let head = ["model", "revision", "kind", "parameters", "on disk"].map(str::to_owned);
    let rows = models.iter().map(|one| {
        let revision = one.is.revision.as_deref().unwrap_or("-").chars().take(8).collect();
        let kind = format!("{}{}", word(one.is.kind), if one.whole { "" } else { " (not whole)" });
        let parameters = one.is.parameters.map_or_else(|| "-".to_owned(), short);
        [one.model.clone(), revision, kind, parameters, size(one.is.disk_bytes)]
    });
    table(std::iter::once(head).chain(rows))
}

/// What is known of one model, a line each.
#[must_use]
pub fn model_card(model: &str, is: &Inspected) -> String {
    let unknown = || "unknown".to_owned();
    let number = |count: u64| match short(count) {
        all if all == count.to_string() => all,
        rounded => format!("{rounded} ({count})"),
    };
    // The built-in one adds up word pieces.
    let length = || if is.path.is_none() { "any length".to_owned() } else { unknown() };
    let runs = match (&is.problem, is.kind) {
        (Some(problem), _) => format!("no: {problem}"),
        (None, Role::Encoder) => "as an encoder (local, or adapt)".to_owned(),
        (None, Role::Classifier) => "as a published classifier (local)".to_owned(),
        (None, Role::Extractor) => {
            "as a model that finds answers in passages (local), or an encoder (adapt)".to_owned()
        }
        (None, Role::Translator) => "as a published translator (local, or adapt)".to_owned(),
        (None, Role::Forecaster) => "as a published forecaster (local)".to_owned(),
        (None, _) => "as a decoder (local)".to_owned(),
    };
    let path = |path: &PathBuf| path.display().to_string();
    pairs(&[
        ("model", model.to_owned()),
        ("kind", word(is.kind).to_owned()),
        ("architecture", is.architecture.clone().unwrap_or_else(unknown)),
        ("parameters", is.parameters.map_or_else(unknown, number)),
        ("on disk", size(is.disk_bytes)),
        ("in memory", is.memory_bytes.map_or_else(unknown, |bytes| format!("{} (weights)", size(bytes)))),
        ("context", is.context_tokens.map_or_else(length, |tokens| format!("{tokens} tokens"))),
        ("licence", is.licence.clone().unwrap_or_else(unknown)),
        ("revision", is.revision.clone().unwrap_or_else(|| "none".to_owned())),
        ("path", is.path.as_ref().map_or_else(|| "built in".to_owned(), path)),
        ("runs", runs),
    ])
}

fn word(kind: Role) -> &'static str {
    match kind {
        Role::Encoder => "encoder",
        Role::Classifier => "classifier",
        Role::Extractor => "extractor",
        Role::Translator => "translator",
        Role::Forecaster => "forecaster",
        Role::Decoder => "decoder",
        Role::Other => "other",
    }
}

/// A number of parameters, for people.
fn short(count: u64) -> String {
    let number = count as f64;
    match number {
        1e9.. => format!("{:.2} billion", number / 1e9),
        1e6.. => format!("{:.1} million", number / 1e6),
        _ => count.to_string(),
    }
}

/// Lines of a key and a value. Values are other people's text: no control characters reach the terminal.
#[must_use]
pub fn pairs(pairs: &[(&str, String)]) -> String {
    let line = |(key, value): &(&str, String)| {
        let value: String = value.chars().filter(|c| !c.is_control()).collect();
        format!("{key:<14}{value}\n")
    };
    pairs.iter().map(line).collect()
}

/// Rows with their columns below each other.
fn table(rows: impl Iterator<Item = [String; 5]>) -> String {
    let clean = |cell: String| cell.chars().filter(|c| !c.is_control()).collect::<String>();
    let rows: Vec<[String; 5]> = rows.map(|row| row.map(clean)).collect();
    let wide = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..5).map(wide).collect();
    let line = |row: &[String; 5]| {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}
