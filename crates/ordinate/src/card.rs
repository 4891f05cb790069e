//! The card (`README.md`) of a model that was trained here, as the hub of Hugging Face reads it: what it stands on, how it was
//! trained, and what it was measured to do (`model-index`).

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use ordinate_adapt::TrainingReport;
use ordinate_core::task::Adapt;
use ordinate_core::verdict::{CandidateRow, Estimate};
use ordinate_data::Task;
use ordinate_models::decoder::Architecture;
use ordinate_models::vision::Config;
use serde_json::Value;

use crate::error::{Error, Fault};

/// Writes the card of a model in a folder of the run folder, where one was trained; `row` is its row of the verdict.
pub(crate) fn write(folder: &Path, task: &Task, row: &CandidateRow, metric: &str) -> Result<(), Error> {
    let Some(report) = TrainingReport::read(folder) else { return Ok(()) };
    let path = folder.join("README.md");
    fs::write(&path, card(folder, task, row, metric, &report))
        .map_err(|error| Error::file(&path, Fault::Run, format!("cannot be written: {error}")))
}

/// How a folder is read: the library, what it does, and lines of code.
struct Read {
    library: &'static str,
    pipeline: &'static str,
    language: &'static str,
    code: String,
}

fn read(folder: &Path, base: &str) -> Read {
    if Config::read(folder).is_ok() {
        let code = "[[candidate]]\nname = \"tuned\"\nlineage = \"transferred\"\nadapt = { from = \"FOLDER\", method = \"full\" }";
        let (library, pipeline) = ("ordinate", "image-classification");
        return Read { library, pipeline, language: "toml", code: code.to_owned() };
    }
    if writes(folder) {
        let (library, code) = writer(folder, base);
        return Read { library, pipeline: "text-generation", language: "python", code };
    }
    let (library, code) = library(folder, base);
    Read { library, pipeline: "text-classification", language: "python", code }
}

/// Whether the folder has a decoder, or an adapter of one.
fn writes(folder: &Path) -> bool {
    let json = |name: &str| -> Value {
        let bytes = fs::read(folder.join(name)).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    };
    json("adapter_config.json")["task_type"] == "CAUSAL_LM"
        || json("config.json")["model_type"].as_str().is_some_and(|name| Architecture::named(name).is_some())
}

/// Of a decoder: the library, and lines of Python.
fn writer(folder: &Path, base: &str) -> (&'static str, String) {
    let tokenizer = "tokenizer = AutoTokenizer.from_pretrained(\"FOLDER\")";
    let imported = "from transformers import AutoModelForCausalLM, AutoTokenizer";
    if folder.join("adapter_config.json").is_file() {
        let code = format!(
            "{imported}\nfrom peft import PeftModel\nbase = AutoModelForCausalLM.from_pretrained({})\n\
             model = PeftModel.from_pretrained(base, \"FOLDER\")\n{tokenizer}",
            quoted(base)
        );
        return ("peft", code);
    }
    (
        "transformers",
        format!("{imported}\nmodel = AutoModelForCausalLM.from_pretrained(\"FOLDER\")\n{tokenizer}"),
    )
}

/// Of a model of texts: the library, and lines of Python.
fn library(folder: &Path, base: &str) -> (&'static str, String) {
    if folder.join("adapter_config.json").is_file() {
        let code = format!(
            "from transformers import AutoModelForSequenceClassification, AutoTokenizer\nfrom peft import PeftModel\nimport json\n\
             labels = json.load(open(\"FOLDER/config.json\"))[\"id2label\"]\n\
             base = AutoModelForSequenceClassification.from_pretrained({}, num_labels=len(labels))\n\
             model = PeftModel.from_pretrained(base, \"FOLDER\")\ntokenizer = AutoTokenizer.from_pretrained(\"FOLDER\")",
            quoted(base)
        );
        return ("peft", code);
    }
    if folder.join("modules.json").is_file() {
        let code = "from sentence_transformers import SentenceTransformer\nencoder = SentenceTransformer(\"FOLDER\")";
        return ("sentence-transformers", code.to_owned());
    }
    let code =
        "from transformers import pipeline\nclassify = pipeline(\"text-classification\", model=\"FOLDER\")";
    ("transformers", code.to_owned())
}

/// A text as YAML and Python read it.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn card(folder: &Path, task: &Task, row: &CandidateRow, metric: &str, report: &TrainingReport) -> String {
    let Read { library, pipeline, language, code } = read(folder, &report.base);
    let (name, set) = (quoted(row.name.as_str()), quoted(&task.file.task.name));
    let Estimate { mean, low, high } = row.quality;
    let split = if task.file.data.test.is_some() { "test" } else { "all, cross-fitted" };
    let TrainingReport { method, base, items, steps, passes, seconds, threads, trained, seed, .. } = report;
    let is_new = base == Adapt::SCRATCH;
    let mut text = String::new();
    let _ = write!(
        text,
        "---\n{}library_name: {library}\npipeline_tag: {pipeline}\ntags:\n- ordinate\nmodel-index:\n\
         - name: {name}\n  results:\n  - task:\n      type: {pipeline}\n    dataset:\n      name: {set}\n      type: {set}\n\
         \x20     split: {}\n    metrics:\n    - type: {}\n      value: {mean:.4}\n---\n\n",
        if is_new { String::new() } else { format!("base_model: {}\n", quoted(base)) },
        quoted(split),
        quoted(metric),
    );
    let _ = write!(
        text,
        "# {}\n\n{} trained on {items} items of the task {} by Ordinate ({}).\n\n",
        row.name,
        if is_new { "A small convolutional network," } else { base },
        task.file.task.name,
        report.chosen.as_deref().unwrap_or(method),
    );
    let _ = writeln!(text, "| what | |\n|---|---|");
    let _ = writeln!(
        text,
        "| {metric}, {} items ({split}) | {mean:.4}, 95 % interval {low:.4} to {high:.4} |",
        row.items
    );
    if let Some(found) = report.validated {
        let _ = writeln!(
            text,
            "| score on {} train items that were held out | {:.4} |",
            found.items, found.score
        );
    }
    let _ = writeln!(
        text,
        "| training | {steps} steps, {passes:.1} passes, {seconds:.0} s on {threads} threads, seed {seed} |\n| weights trained | {trained} |\n",
    );
    let _ = write!(
        text,
        "{}```{language}\n{}\n```\n",
        if is_new { "" } else { "The licence is that of the base, as far as the base asks for it.\n\n" },
        code.replace("FOLDER", "path/to/this/folder")
    );
    text
}
