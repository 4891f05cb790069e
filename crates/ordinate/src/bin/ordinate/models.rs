//! `ordinate models`: what is in the hub's cache, what comes into it, and what a model is.

use std::path::Path;

use ordinate::{CancellationToken, Error, model_card, model_table, models_at_hand, pairs, tell};
use ordinate_cli::{FetchArgs, InspectArgs, ListArgs, ModelsCommand};
use ordinate_fetch::{Hub, Settings, size};
use ordinate_hub::{Cache, ModelName};
use ordinate_models::inspect;
use serde_json::json;

use crate::output::{print, print_json};
use crate::runtime::wait;

pub(crate) fn models(command: &ModelsCommand) -> Result<(), Error> {
    match command {
        ModelsCommand::List(args) => list(args),
        ModelsCommand::Fetch(args) => fetch(args),
        ModelsCommand::Inspect(args) => show(args),
    }
}

fn list(args: &ListArgs) -> Result<(), Error> {
    let cache = Cache::from_env();
    let models = models_at_hand(&cache)?;
    if args.json {
        return print_json(&pretty(&json!({ "cache": cache.root(), "models": models })));
    }
    print(&format!("{}cache  {}\n", model_table(&models), cache.root().display()))
}

fn fetch(args: &FetchArgs) -> Result<(), Error> {
    let name = ModelName::parse(&args.model).map_err(|error| Error::Options(error.to_string()))?;
    let name = name.ok_or_else(|| {
        let model = &args.model;
        Error::Options(format!(
            "{model:?} is no name of a model of a hub; write hf:{model}, if it is org/name"
        ))
    })?;
    let hub = Hub::new(&Settings::from_env()?)?;
    let fetched = wait(hub.fetch(&name, &tell), CancellationToken::new())?;
    let (folder, commit) = (&fetched.snapshot.folder, &fetched.snapshot.commit);
    if args.json {
        let told = json!({ "model": name.to_string(), "revision": commit, "folder": folder, "bytes": fetched.bytes });
        return print_json(&pretty(&told));
    }
    let came = if fetched.bytes == 0 { "nothing, it was here".to_owned() } else { size(fetched.bytes) };
    let lines = [("model", name.to_string()), ("revision", commit.clone()), ("fetched", came)];
    print(&format!("{}folder        {}\n", pairs(&lines), folder.display()))
}

fn show(args: &InspectArgs) -> Result<(), Error> {
    if args.model == "ngram-linear" {
        let message = "ngram-linear is trained on a task's own items, so there is nothing to inspect";
        return Err(Error::Options(message.to_owned()));
    }
    let is = inspect(&args.model, Path::new("")).map_err(|error| Error::Options(error.to_string()))?;
    if args.json {
        let runs = is.problem.is_none();
        let mut value = json!(is);
        value["model"] = json!(args.model);
        value["runs"] = json!(runs);
        return print_json(&pretty(&value));
    }
    print(&model_card(&args.model, &is))
}

fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}
