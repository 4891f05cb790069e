//! `ordinate models`: what is in the hub's cache, what comes into it, and what a model is.

use std::fs;
use std::path::{Path, PathBuf};

use ordinate_fetch::size;
use ordinate_hub::{Cache, Cached, ModelName, missing};
use ordinate_models::encoder::Source;
use ordinate_models::{Inspected, Role, inspect, inspect_source};
use serde::Serialize;
use serde_json::json;

use crate::cli::{FetchArgs, InspectArgs, ListArgs, ModelsCommand};
use crate::failure::Failure;
use crate::output::{print, tell};

pub(crate) fn models(command: &ModelsCommand) -> Result<(), Failure> {
    match command {
        ModelsCommand::List(args) => list(args),
        ModelsCommand::Fetch(args) => fetch(args),
        ModelsCommand::Inspect(args) => show(args),
    }
}

/// A model, under the name that a task file gives it.
#[derive(Debug, Serialize)]
struct Named {
    model: String,
    /// Whether every file that it needs is here.
    whole: bool,
    #[serde(flatten)]
    is: Inspected,
}

fn list(args: &ListArgs) -> Result<(), Failure> {
    let cache = Cache::from_env();
    let cached = cache.list().map_err(|error| {
        let folder = cache.root().display();
        Failure::Run(format!(
            "{folder}: the hub's cache cannot be read: {error}; set HF_HUB_CACHE to another"
        ))
    })?;
    let builtin = looked_at("builtin")?;
    let mut models = vec![Named { model: "builtin".to_owned(), whole: true, is: builtin }];
    for one in &cached {
        add(one, &mut models)?;
    }
    if args.json {
        return print(&pretty(&json!({ "cache": cache.root(), "models": models })));
    }
    let head = ["model", "revision", "kind", "parameters", "on disk"].map(str::to_owned);
    let rows = models.iter().map(|one| {
        let revision = one.is.revision.as_deref().unwrap_or("-").chars().take(8).collect();
        let kind = format!("{}{}", word(one.is.kind), if one.whole { "" } else { " (not whole)" });
        let parameters = one.is.parameters.map_or_else(|| "-".to_owned(), short);
        [one.model.clone(), revision, kind, parameters, size(one.is.disk_bytes)]
    });
    print(&format!("{}cache  {}\n", table(std::iter::once(head).chain(rows)), cache.root().display()))
}

/// A snapshot of the cache; where it holds GGUF files, each of them.
fn add(one: &Cached, models: &mut Vec<Named>) -> Result<(), Failure> {
    let folder = &one.snapshot.folder;
    let files = if folder.join("config.json").exists() { Vec::new() } else { ggufs(folder, "") };
    if files.is_empty() {
        let source = Source { folder: folder.clone(), revision: Some(one.snapshot.commit.clone()) };
        let (whole, is) = (missing(folder, None).is_none(), inspect_source(&source));
        models.push(Named { model: one.name(), whole, is });
    }
    for file in files {
        let model = format!("{}/{file}", one.name());
        // A name that no task file can give is not told.
        if ModelName::parse(&model).is_ok() {
            models.push(Named { whole: true, is: looked_at(&model)?, model });
        }
    }
    Ok(())
}

/// The GGUF files below a folder, by their paths in it.
fn ggufs(folder: &Path, above: &str) -> Vec<String> {
    let mut entries: Vec<fs::DirEntry> = fs::read_dir(folder).into_iter().flatten().flatten().collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut found = Vec::new();
    for entry in entries {
        let name = format!("{above}{}", entry.file_name().to_string_lossy());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(ggufs(&entry.path(), &format!("{name}/")));
        } else if name.to_ascii_lowercase().ends_with(".gguf") && entry.path().is_file() {
            found.push(name);
        }
    }
    found
}

fn fetch(args: &FetchArgs) -> Result<(), Failure> {
    let name = ModelName::parse(&args.model).map_err(|error| Failure::Input(error.to_string()))?;
    let name = name.ok_or_else(|| {
        let model = &args.model;
        Failure::Input(format!(
            "{model:?} is no name of a model of a hub; write hf:{model}, if it is org/name"
        ))
    })?;
    let fetched = crate::hub::fetch(&name, &tell)?;
    let (folder, commit) = (&fetched.snapshot.folder, &fetched.snapshot.commit);
    if args.json {
        let told = json!({ "model": name.to_string(), "revision": commit, "folder": folder, "bytes": fetched.bytes });
        return print(&pretty(&told));
    }
    let came = if fetched.bytes == 0 { "nothing, it was here".to_owned() } else { size(fetched.bytes) };
    let lines = [("model", name.to_string()), ("revision", commit.clone()), ("fetched", came)];
    print(&format!("{}folder        {}\n", pairs(&lines), folder.display()))
}

fn looked_at(model: &str) -> Result<Inspected, Failure> {
    inspect(model, Path::new("")).map_err(|error| Failure::Input(error.to_string()))
}

fn show(args: &InspectArgs) -> Result<(), Failure> {
    if args.model == "ngram-linear" {
        let message = "ngram-linear is trained on a task's own items, so there is nothing to inspect";
        return Err(Failure::Input(message.to_owned()));
    }
    let is = looked_at(&args.model)?;
    if args.json {
        let runs = is.problem.is_none();
        let mut value = json!(is);
        value["model"] = json!(args.model);
        value["runs"] = json!(runs);
        return print(&pretty(&value));
    }
    let unknown = || "unknown".to_owned();
    let number = |count: u64| match short(count) {
        all if all == count.to_string() => all,
        rounded => format!("{rounded} ({count})"),
    };
    // The built-in one adds up word pieces.
    let length = || if is.path.is_none() { "any length".to_owned() } else { unknown() };
    let runs = match (&is.problem, is.kind) {
        (Some(problem), _) => format!("no: {problem}"),
        (None, Role::Encoder) => "as an encoder (local, or adapt with a probe)".to_owned(),
        (None, Role::Classifier) => "as a published classifier (local)".to_owned(),
        (None, _) => "as a decoder (local)".to_owned(),
    };
    let path = |path: &PathBuf| path.display().to_string();
    print(&pairs(&[
        ("model", args.model.clone()),
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
    ]))
}

fn word(kind: Role) -> &'static str {
    match kind {
        Role::Encoder => "encoder",
        Role::Classifier => "classifier",
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
fn pairs(pairs: &[(&str, String)]) -> String {
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

fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}
