//! The arguments of what measures, decides and shows.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueHint};

/// `ordinate run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The task file
    #[arg(value_name = "TASK.toml", value_hint = ValueHint::FilePath)]
    pub task: PathBuf,
    /// Run folder to write [default: the task's name with .ordinate, in the current folder]; another verdict that is in it
    /// is kept beside it, as DIR.1
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out: Option<PathBuf>,
    /// Print verdict.json on standard output and nothing else there
    #[arg(long)]
    pub json: bool,
    /// Print no progress
    #[arg(long, short)]
    pub quiet: bool,
    /// Seed of folds and resamples
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Override a need, for example max_cost_per_1k=0.25 (repeatable)
    #[arg(long = "need", value_name = "KEY=VALUE")]
    pub needs: Vec<String>,
    /// Go on with the answers that an earlier run left in the run folder, and fail if there are none (they are
    /// used without this too)
    #[arg(long)]
    pub resume: bool,
    /// Ask live candidates again about items whose error was recorded
    #[arg(long)]
    pub retry_errors: bool,
    /// Read the answers that are in the run folder anew, with the extraction and the metric of now, ask nobody, and say
    /// what that changed
    #[arg(long, conflicts_with_all = ["resume", "retry_errors", "max_spend"])]
    pub rescore: bool,
    /// The most that all live answers may cost, USD; overrides `[measure] max_spend`
    #[arg(long, value_name = "USD")]
    pub max_spend: Option<f64>,
    /// Keep answers in a database or folder that several runs share, postgres://USER@HOST:PORT/DATABASE or file:///FOLDER, and not
    /// in the run folder [default: ORDINATE_STORE]. A password is better in PGPASSWORD or ~/.pgpass than in a command
    #[arg(long, value_name = "URL")]
    pub store: Option<String>,
    /// Make what runs in the process on a cluster of Ray: ray, or ray://HOST:PORT. Needs the Python package with Ray
    #[arg(long, value_name = "CLUSTER")]
    pub on: Option<String>,
    /// The most minutes that the run may take: trainings share them, and what is not done by then is kept for the next run
    #[arg(long, value_name = "MINUTES", conflicts_with_all = ["rescore", "on"])]
    pub max_minutes: Option<f64>,
}

/// `ordinate check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The task file
    #[arg(value_name = "TASK.toml", value_hint = ValueHint::FilePath)]
    pub task: PathBuf,
    /// Show the prompt that live candidates get for the first item
    #[arg(long)]
    pub show_prompt: bool,
    /// Run folder whose answers need not be paid for again [default: as for run]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out: Option<PathBuf>,
    /// Shared store whose answers need not be paid for again, as for run [default: ORDINATE_STORE]
    #[arg(long, value_name = "URL")]
    pub store: Option<String>,
}

/// `ordinate judge`.
#[derive(Debug, Args)]
pub struct JudgeArgs {
    /// The run folder
    #[arg(value_name = "RUN", value_hint = ValueHint::DirPath)]
    pub run: PathBuf,
    /// Other needs than those of the run, as max_cost_per_1k=0.25 (repeatable)
    #[arg(long = "need", value_name = "KEY=VALUE")]
    pub needs: Vec<String>,
    /// Print the verdict as JSON
    #[arg(long)]
    pub json: bool,
}

/// `ordinate verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The run folder
    #[arg(value_name = "RUN", value_hint = ValueHint::DirPath)]
    pub run: PathBuf,
    /// Answers that came later: an evidence table, a folder of recorded answers, or a task file that names them
    #[arg(long, value_name = "NEW", value_hint = ValueHint::AnyPath)]
    pub evidence: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `ordinate gate`.
#[derive(Debug, Args)]
pub struct GateArgs {
    /// The run folder
    #[arg(value_name = "RUN", value_hint = ValueHint::DirPath)]
    pub run: PathBuf,
    /// What the verdict is to say: outcome=general, recommended=NAME or lineage=vertical. May be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    pub expect: Vec<(String, String)>,
    /// Change a need for this verdict, such as goal=cost. May be given several times
    #[arg(long = "need", value_name = "KEY=VALUE")]
    pub needs: Vec<String>,
    /// The folder of an earlier run, than which what is recommended now may be worse by no more than the margin
    #[arg(long, value_name = "BASELINE", value_hint = ValueHint::DirPath)]
    pub against: Option<PathBuf>,
    /// Write a JUnit file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub junit: Option<PathBuf>,
    /// Add a summary in Markdown to this file, such as $GITHUB_STEP_SUMMARY
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub markdown: Option<PathBuf>,
}

/// `ordinate report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The run folder
    #[arg(value_name = "RUN", value_hint = ValueHint::DirPath)]
    pub run: PathBuf,
    /// Open report.html in the browser
    #[arg(long)]
    pub open: bool,
    /// Print verdict.json instead
    #[arg(long)]
    pub json: bool,
}

/// `ordinate view`.
#[derive(Debug, Args)]
pub struct ViewArgs {
    /// The folder that run folders lie in, or a run folder [default: the current folder]
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub folder: Option<PathBuf>,
    /// Where to listen, on this machine; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8090")]
    pub bind: SocketAddr,
    /// Open the list in the browser
    #[arg(long)]
    pub open: bool,
}

/// `ordinate explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The word; all of them where it is left out
    #[arg(value_name = "TERM", num_args = 0..)]
    pub term: Vec<String>,
}

/// `ordinate gauge`.
#[derive(Debug, Args)]
pub struct GaugeArgs {
    /// What to measure: a file that `ordinate run` wrote
    #[arg(value_name = "ORDER.json", value_hint = ValueHint::FilePath)]
    pub order: PathBuf,
}

/// `KEY=VALUE`.
fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() && !value.trim().is_empty() => {
            Ok((key.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("give what is expected as KEY=VALUE, such as outcome=general".to_owned()),
    }
}
