//! The command line, declared once: help, man page and completions come from this.

mod models;
mod serve;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

pub(crate) use models::{FetchArgs, InspectArgs, ListArgs, ModelsArgs, ModelsCommand};
pub(crate) use serve::{ServeArgs, StatusArgs};

/// General model, vertical model, or a combination? Ordinate measures it and says so with error bars.
#[derive(Debug, Parser)]
#[command(name = "ordinate", version, max_term_width = 100)]
#[command(after_help = "Without a command it says what lies in this folder, and the next step.\n\n\
                        Exit status: 0 a verdict was reached (also `undecided`), 1 the run failed, 2 the task file \
                        or the data is wrong.")]
pub(crate) struct Cli {
    /// What to do; without it, the next step is told.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write an example that runs as it is, to be changed into your own task
    #[command(after_help = "Examples:\n\
                   \x20 ordinate new\n\
                   \x20 ordinate new support --from texts\n\
                   \x20 ordinate new mine --from scores.csv")]
    New(crate::new::NewArgs),
    /// Measure, combine, judge: writes a run folder and prints the verdict
    #[command(after_help = "Examples:\n\
                   \x20 ordinate run task.toml\n\
                   \x20 ordinate run task.toml --need goal=cost --need margin=0.02 --out runs/march\n\
                   \x20 ordinate run task.toml --max-spend 5 --json > verdict.json")]
    Run(RunArgs),
    /// Validate a task file and its data without running
    #[command(after_help = "Examples:\n\
                   \x20 ordinate check task.toml\n\
                   \x20 ordinate check task.toml --show-prompt")]
    Check(CheckArgs),
    /// Write a task file from a data file
    #[command(after_help = "Examples:\n\
                   \x20 ordinate init scores.csv\n\
                   \x20 ordinate init data/ --out task.toml\n\
                   \x20 ordinate init responses.xlsx --out -")]
    Init(InitArgs),
    /// Turn other tools' logs into recorded candidates: items, a file a candidate, a task file that runs
    #[command(after_help = "Examples:\n\
                   \x20 ordinate import out/model-a out/model-b --out mine\n\
                   \x20 ordinate import logs --out mine --metric exact_match --runs latest\n\
                   \x20 ordinate import wer.jsonl --out mine --range 1,0")]
    Import(ImportArgs),
    /// Write every table and chart of a run as files: CSV or Parquet, SVG, Markdown
    #[command(after_help = "Examples:\n\
                   \x20 ordinate export task.ordinate\n\
                   \x20 ordinate export task.ordinate --to decision --format parquet\n\
                   \x20 ordinate export task.ordinate --out shared --organisation \"Us\"")]
    Export(crate::export::ExportArgs),
    /// Show the report of a run again
    #[command(after_help = "Examples:\n\
                   \x20 ordinate report task.ordinate\n\
                   \x20 ordinate report task.ordinate --open")]
    Report(ReportArgs),
    /// Show the runs of a folder in the browser: a list, two side by side, the history of a task
    #[command(after_help = "Examples:\n\
                   \x20 ordinate view\n\
                   \x20 ordinate view runs --open")]
    View(crate::view::ViewArgs),
    /// Reach the verdict of a run again, under other needs; nothing is asked or learned anew
    #[command(after_help = "Examples:\n\
                   \x20 ordinate judge task.ordinate --need max_cost_per_1k=0.25\n\
                   \x20 ordinate judge task.ordinate --need goal=latency --need min_quality=0.8 --json")]
    Judge(crate::judge::JudgeArgs),
    /// Say whether the verdict of a run held on answers that came later
    #[command(after_help = "Example:\n\
                   \x20 ordinate verify task.ordinate --evidence april.csv")]
    Verify(crate::verify::VerifyArgs),
    /// Say what a word of the verdict means
    #[command(after_help = "Example:\n\x20 ordinate explain zero router")]
    Explain(crate::explain::ExplainArgs),
    /// Pass or fail by the verdict of a run, for continuous integration: 0 as expected, 1 not, 3 undecided
    #[command(after_help = "Examples:\n\
                   \x20 ordinate gate task.ordinate --expect outcome=general --need max_cost_per_1k=5\n\
                   \x20 ordinate gate task.ordinate --against last-week.ordinate --need margin=0.01 --junit gate.xml")]
    Gate(crate::gate::GateArgs),
    /// Say what the policy of a run would do with one input, why, and what it expects
    #[command(after_help = "Examples:\n\
                   \x20 ordinate ask task.ordinate \"Where is my parcel?\" --slice delivery\n\
                   \x20 ordinate ask task.ordinate - --json < letter.txt")]
    Ask(AskArgs),
    /// Put the policy of a run, as it was measured, behind an OpenAI-compatible endpoint
    #[command(after_help = "Examples:\n\
                   \x20 ordinate serve task.ordinate\n\
                   \x20 ordinate serve task.ordinate --bind 0.0.0.0:8080 --keys keys.toml\n\
                   \x20 ordinate serve --keys keys.toml --new-key desk")]
    Serve(ServeArgs),
    /// Say how what is served stands: traffic, cost and feedback against what the verdict said
    #[command(after_help = "Example:\n\
                   \x20 ordinate status task.ordinate")]
    Status(StatusArgs),
    /// Label items in the browser, those whose labels settle most first, or grade answers that a judge is held to; each is kept at once
    #[command(after_help = "Examples:\n\
                   \x20 ordinate label task.ordinate --open\n\
                   \x20 ordinate label task.ordinate --items unlabelled.jsonl --out labels.jsonl\n\
                   \x20 ordinate label task.toml\n\
                   \x20 ordinate label judged.ordinate --open\n\n\
                   The task file takes the labels as targets of its items that have none: [data] targets = \"labels.jsonl\".\n\
                   With metric = \"judge\" answers of the run are graded, in a random order: [judge] human = \"grades.jsonl\". Started\n\
                   again it goes on where it was left.")]
    Label(crate::label::LabelArgs),
    /// Rank items without labels by what their labels would tell about the verdict or teach, and write a file to fill in
    #[command(after_help = "Examples:\n\
                   \x20 ordinate label-next task.ordinate --items unlabelled.jsonl\n\
                   \x20 ordinate label-next task.ordinate --items unlabelled.csv --count 50 --out next.csv\n\
                   \x20 ordinate label-next task.ordinate --items unlabelled.jsonl --answers gpt=gpt.jsonl\n\n\
                   Fill in the target of each item, add the file to the train items ([data] train = \"train*.jsonl\" reads several),\n\
                   and run the task again. Items that stay empty are passed over.")]
    LabelNext(LabelNextArgs),
    /// List, fetch and inspect models that run in this process
    #[command(after_help = "Examples:\n\
                   \x20 ordinate models list\n\
                   \x20 ordinate models fetch hf:sentence-transformers/all-MiniLM-L6-v2\n\
                   \x20 ordinate models inspect ./model.gguf")]
    Models(ModelsArgs),
    /// Print a JSON Schema: of the task file or of verdict.json
    #[command(after_help = "Example:\n\
                   \x20 ordinate schema task > task.schema.json")]
    Schema(SchemaArgs),
    /// Measure what hosting one model takes, for `ordinate run`, which starts this in a process of its own
    #[command(hide = true)]
    Gauge(GaugeArgs),
    /// Print shell completions
    #[command(after_help = "Example:\n\
                   \x20 ordinate completions bash > ~/.local/share/bash-completion/completions/ordinate")]
    Completions(CompletionsArgs),
    /// Print the man page of the program or of a command, or write all of them
    #[command(after_help = "Examples:\n\
                   \x20 ordinate man run | man -l -\n\
                   \x20 ordinate man --out ~/.local/share/man/man1")]
    Man(ManArgs),
}

/// `ordinate run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The task file
    #[arg(value_name = "TASK.toml", value_hint = ValueHint::FilePath)]
    pub(crate) task: PathBuf,
    /// Run folder to write [default: the task's name with .ordinate, in the current folder]; another verdict that is in it
    /// is kept beside it, as DIR.1
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) out: Option<PathBuf>,
    /// Print verdict.json on standard output and nothing else there
    #[arg(long)]
    pub(crate) json: bool,
    /// Print no progress
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Seed of folds and resamples
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Override a need, for example max_cost_per_1k=0.25 (repeatable)
    #[arg(long = "need", value_name = "KEY=VALUE")]
    pub(crate) needs: Vec<String>,
    /// Go on with the answers that an earlier run left in the run folder, and fail if there are none (they are
    /// used without this too)
    #[arg(long)]
    pub(crate) resume: bool,
    /// Ask live candidates again about items whose error was recorded
    #[arg(long)]
    pub(crate) retry_errors: bool,
    /// Read the answers that are in the run folder anew, with the extraction and the metric of now, ask nobody, and say
    /// what that changed
    #[arg(long, conflicts_with_all = ["resume", "retry_errors", "max_spend"])]
    pub(crate) rescore: bool,
    /// The most that all live answers may cost, USD; overrides `[measure] max_spend`
    #[arg(long, value_name = "USD")]
    pub(crate) max_spend: Option<f64>,
    /// Keep answers in a database or folder that several runs share, postgres://USER@HOST:PORT/DATABASE or file:///FOLDER, and not
    /// in the run folder [default: ORDINATE_STORE]. A password is better in PGPASSWORD or ~/.pgpass than in a command
    #[arg(long, value_name = "URL")]
    pub(crate) store: Option<String>,
    /// Make what runs in the process on a cluster of Ray: ray, or ray://HOST:PORT. Needs the Python package with Ray
    #[arg(long, value_name = "CLUSTER")]
    pub(crate) on: Option<String>,
    /// The most minutes that the run may take: trainings share them, and what is not done by then is kept for the next run
    #[arg(long, value_name = "MINUTES", conflicts_with_all = ["rescore", "on"])]
    pub(crate) max_minutes: Option<f64>,
}

/// `ordinate check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The task file
    #[arg(value_name = "TASK.toml", value_hint = ValueHint::FilePath)]
    pub(crate) task: PathBuf,
    /// Show the prompt that live candidates get for the first item
    #[arg(long)]
    pub(crate) show_prompt: bool,
    /// Run folder whose answers need not be paid for again [default: as for run]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) out: Option<PathBuf>,
    /// Shared store whose answers need not be paid for again, as for run [default: ORDINATE_STORE]
    #[arg(long, value_name = "URL")]
    pub(crate) store: Option<String>,
}

/// `ordinate init`.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// An evidence table, an items file, a folder with items and recorded candidates, or images: a folder with a folder a class, or a .npz file
    #[arg(value_name = "DATA", value_hint = ValueHint::AnyPath)]
    pub(crate) data: PathBuf,
    /// The task file to write; - for standard output
    #[arg(long, short, value_name = "FILE", default_value = "ordinate.toml", value_hint = ValueHint::FilePath)]
    pub(crate) out: PathBuf,
    /// Overwrite an existing file
    #[arg(long)]
    pub(crate) force: bool,
}

/// `ordinate import`.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// Logs, HELM run folders, or folders that hold either; the tool is told by content
    #[arg(value_name = "LOG", required = true, value_hint = ValueHint::AnyPath)]
    pub(crate) logs: Vec<PathBuf>,
    /// Folder to write items.jsonl, a file a candidate, and ordinate.toml to
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) out: PathBuf,
    /// Metric, scorer or named score that becomes the score [default: the tool's primary one]
    #[arg(long, value_name = "NAME")]
    pub(crate) metric: Option<String>,
    /// Filter of lm-evaluation-harness [default: of those that all logs of a task have, the first]
    #[arg(long, value_name = "NAME")]
    pub(crate) filter: Option<String>,
    /// Several runs of a model over one task: `each` a candidate of its own, or the `latest` alone
    #[arg(long, value_name = "WHICH", default_value = "each", value_parser = crate::import::runs)]
    pub(crate) runs: ordinate_import::Runs,
    /// The metric's worst and best value, where it is not in [0, 1] or less is better
    #[arg(long, value_name = "WORST,BEST", value_parser = crate::import::range, allow_hyphen_values = true)]
    pub(crate) range: Option<(f64, f64)>,
    /// Name of the task [default: the name of the folder]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
}

/// `ordinate report`.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// The run folder
    #[arg(value_name = "RUN", value_hint = ValueHint::DirPath)]
    pub(crate) run: PathBuf,
    /// Open report.html in the browser
    #[arg(long)]
    pub(crate) open: bool,
    /// Print verdict.json instead
    #[arg(long)]
    pub(crate) json: bool,
}

/// `ordinate ask`.
#[derive(Debug, Args)]
pub(crate) struct AskArgs {
    /// The run folder
    #[arg(value_name = "RUN", value_hint = ValueHint::DirPath)]
    pub(crate) run: PathBuf,
    /// The input text; - for standard input
    #[arg(value_name = "INPUT", required_unless_present_any = ["items", "item"])]
    pub(crate) input: Option<String>,
    /// The slice of the input, where the task has slices
    #[arg(long)]
    pub(crate) slice: Option<String>,
    /// The passage that the input is about, where the task has passages; - for standard input
    #[arg(long, value_name = "TEXT")]
    pub(crate) context: Option<String>,
    /// The whole item as a JSON object, with the fields of the run's task (passage, options, slice, ...); - for standard input
    #[arg(long, value_name = "JSON", conflicts_with_all = ["input", "slice", "context"])]
    pub(crate) item: Option<String>,
    /// Decide about every item of a file (JSON lines, CSV, Parquet, ...), with the fields of the run's task; JSON lines out
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["input", "slice", "context", "item"])]
    pub(crate) items: Option<PathBuf>,
    /// Another policy of the run than the recommended one
    #[arg(long, value_name = "NAME")]
    pub(crate) policy: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `ordinate label-next`.
#[derive(Debug, Args)]
pub(crate) struct LabelNextArgs {
    /// The run folder
    #[arg(value_name = "RUN", value_hint = ValueHint::DirPath)]
    pub(crate) run: PathBuf,
    /// The items without labels (JSON lines, CSV, Parquet, ...), with the fields of the run's task
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) items: PathBuf,
    /// How many items to write
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) count: usize,
    /// The file to write: CSV where it ends in .csv, else JSON lines [default: label-next.jsonl]
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) out: Option<PathBuf>,
    /// Recorded answers (id, output) of a candidate that does not run in this process (repeatable)
    #[arg(long, value_name = "NAME=FILE", value_parser = crate::label_next::answers)]
    pub(crate) answers: Vec<(String, PathBuf)>,
    /// Overwrite an existing file
    #[arg(long)]
    pub(crate) force: bool,
}

/// `ordinate schema`.
#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    /// Which format
    #[arg(value_enum)]
    pub(crate) of: Format,
}

/// A format with a schema.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Format {
    /// The task file
    Task,
    /// verdict.json
    Verdict,
}

/// `ordinate gauge`.
#[derive(Debug, Args)]
pub(crate) struct GaugeArgs {
    /// What to measure: a file that `ordinate run` wrote
    #[arg(value_name = "ORDER.json", value_hint = ValueHint::FilePath)]
    pub(crate) order: PathBuf,
}

/// `ordinate completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// Which shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

/// `ordinate man`.
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// The command, as `run` or `models-fetch` [default: the program]
    #[arg(value_name = "COMMAND")]
    pub(crate) command: Option<String>,
    /// Write the pages of all commands into this folder
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "command")]
    pub(crate) out: Option<PathBuf>,
}
