//! The arguments of what brings data in, sends it out and labels it.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

/// `ordinate new`.
#[derive(Debug, Args)]
pub struct NewArgs {
    /// Folder to write; nothing may be in it [default: the name of the example, or of the data file]
    #[arg(value_name = "NAME", value_hint = ValueHint::DirPath)]
    pub name: Option<PathBuf>,
    /// What to begin with: texts, answers, api, images or series; or a data file of your own [default: asked for on a terminal]
    #[arg(long, value_name = "KIND|FILE", value_hint = ValueHint::AnyPath)]
    pub from: Option<String>,
}

/// `ordinate init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// An evidence table, an items file, a folder with items and recorded candidates, or images: a folder with a folder a class, or a .npz file
    #[arg(value_name = "DATA", value_hint = ValueHint::AnyPath)]
    pub data: PathBuf,
    /// The task file to write; - for standard output
    #[arg(long, short, value_name = "FILE", default_value = "ordinate.toml", value_hint = ValueHint::FilePath)]
    pub out: PathBuf,
    /// Overwrite an existing file
    #[arg(long)]
    pub force: bool,
}

/// `ordinate import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Logs, HELM run folders, or folders that hold either; the tool is told by content
    #[arg(value_name = "LOG", required = true, value_hint = ValueHint::AnyPath)]
    pub logs: Vec<PathBuf>,
    /// Folder to write items.jsonl, a file a candidate, and ordinate.toml to
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out: PathBuf,
    /// Metric, scorer or named score that becomes the score [default: the tool's primary one]
    #[arg(long, value_name = "NAME")]
    pub metric: Option<String>,
    /// Filter of lm-evaluation-harness [default: of those that all logs of a task have, the first]
    #[arg(long, value_name = "NAME")]
    pub filter: Option<String>,
    /// Several runs of a model over one task: `each` a candidate of its own, or the `latest` alone
    #[arg(long, value_name = "WHICH", default_value = "each", value_parser = runs)]
    pub runs: Runs,
    /// The metric's worst and best value, where it is not in [0, 1] or less is better
    #[arg(long, value_name = "WORST,BEST", value_parser = range, allow_hyphen_values = true)]
    pub range: Option<(f64, f64)>,
    /// Name of the task [default: the name of the folder]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
}

/// `ordinate export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The run folder
    #[arg(value_name = "RUN", value_hint = ValueHint::DirPath)]
    pub run: PathBuf,
    /// Folder to write tables and charts to; nothing may be in it [default: the name of the run folder, with .export]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub to: Option<PathBuf>,
    /// How tables are written
    #[arg(long, value_enum, default_value_t = TableFormat::Csv)]
    pub format: TableFormat,
    /// Write the answers instead, in the schema that tools share (Every Eval Ever), to this folder
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with_all = ["to", "format"])]
    pub out: Option<PathBuf>,
    /// Who ran the evaluation
    #[arg(long, value_name = "NAME", requires = "out")]
    pub organisation: Option<String>,
}

/// `ordinate label`.
#[derive(Debug, Args)]
pub struct LabelArgs {
    /// The run folder; or a task file, where there is no run yet
    #[arg(value_name = "RUN", value_hint = ValueHint::AnyPath)]
    pub place: PathBuf,
    /// The items without labels (JSON lines, CSV, Parquet, ...), with the fields of the task [default: those of the task that have
    /// no target]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub items: Option<PathBuf>,
    /// Recorded answers (id, output) of a candidate that does not run in this process (repeatable)
    #[arg(long, value_name = "NAME=FILE", value_parser = answers)]
    pub answers: Vec<(String, PathBuf)>,
    /// The order: a random draw by the task's seed, or what settles most first [default: settling; random where answers are graded that
    /// a judge is held to, since corrected qualities rest on a random draw]
    #[arg(long)]
    pub order: Option<Order>,
    /// The file that each label goes to, a line each [default: what `[data] targets` names, else NAME.labels.jsonl; of grades what
    /// `[judge] human` names, else NAME.grades.jsonl]
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: Option<PathBuf>,
    /// Where to listen, on this machine; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8091")]
    pub bind: SocketAddr,
    /// Open it in the browser
    #[arg(long)]
    pub open: bool,
}

/// `ordinate label-next`.
#[derive(Debug, Args)]
pub struct LabelNextArgs {
    /// The run folder
    #[arg(value_name = "RUN", value_hint = ValueHint::DirPath)]
    pub run: PathBuf,
    /// The items without labels (JSON lines, CSV, Parquet, ...), with the fields of the run's task
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub items: PathBuf,
    /// How many items to write
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub count: usize,
    /// The file to write: CSV where it ends in .csv, else JSON lines [default: label-next.jsonl]
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: Option<PathBuf>,
    /// Recorded answers (id, output) of a candidate that does not run in this process (repeatable)
    #[arg(long, value_name = "NAME=FILE", value_parser = answers)]
    pub answers: Vec<(String, PathBuf)>,
    /// Overwrite an existing file
    #[arg(long)]
    pub force: bool,
}

/// How tables are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TableFormat {
    /// Comma-separated values
    Csv,
    /// Parquet
    Parquet,
}

/// In which order items come: in a random one, or those first whose labels settle most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)] // `--order` says it, once
pub enum Order {
    Random,
    Settling,
}

/// Which of several runs of a model are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runs {
    /// Each, as a candidate of its own.
    Each,
    /// The latest alone.
    Latest,
}

/// `each` or `latest`.
fn runs(text: &str) -> Result<Runs, String> {
    match text {
        "each" => Ok(Runs::Each),
        "latest" => Ok(Runs::Latest),
        _ => Err("it takes each or latest".to_owned()),
    }
}

/// `WORST,BEST` as two numbers.
fn range(text: &str) -> Result<(f64, f64), String> {
    let parsed = text
        .split_once(',')
        .and_then(|(worst, best)| Some((worst.trim().parse().ok()?, best.trim().parse().ok()?)));
    parsed.ok_or_else(|| "give the metric's worst and best value, for example 0,100 or 1,0".to_owned())
}

/// `NAME=FILE`.
fn answers(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, file)) if !name.is_empty() && !file.is_empty() => {
            Ok((name.to_owned(), PathBuf::from(file)))
        }
        _ => Err("give a candidate and the file with its answers: NAME=FILE".to_owned()),
    }
}
