//! The command line, declared once: help, man pages and completions come from this. Nothing is carried out here.

mod answer;
mod data;
mod measure;
mod models;
mod pages;

use clap::Subcommand;

pub use answer::{AskArgs, ServeArgs, StatusArgs};
pub use clap::Parser;
pub use clap_complete::Shell;
pub use data::{
    ExportArgs, ImportArgs, InitArgs, LabelArgs, LabelNextArgs, NewArgs, Order, Runs, TableFormat,
};
pub use measure::{
    CheckArgs, ExplainArgs, GateArgs, GaugeArgs, JudgeArgs, ReportArgs, RunArgs, VerifyArgs, ViewArgs,
};
pub use models::{FetchArgs, InspectArgs, ListArgs, ModelsArgs, ModelsCommand};
pub use pages::{CompletionsArgs, ManArgs, Schema, SchemaArgs, completions, man_page, write_man_pages};

/// General model, vertical model, or a combination? Ordinate measures it and says so with error bars.
#[derive(Debug, Parser)]
#[command(name = "ordinate", version, max_term_width = 100)]
#[command(after_help = "Without a command it says what lies in this folder, and the next step.\n\n\
                        Exit status: 0 a verdict was reached (also `undecided`), 1 the run failed, 2 the task file \
                        or the data is wrong.")]
pub struct Cli {
    /// What to do; without it, the next step is told.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write an example that runs as it is, to be changed into your own task
    #[command(after_help = "Examples:\n\
                   \x20 ordinate new\n\
                   \x20 ordinate new support --from texts\n\
                   \x20 ordinate new mine --from scores.csv")]
    New(NewArgs),
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
    Export(ExportArgs),
    /// Show the report of a run again
    #[command(after_help = "Examples:\n\
                   \x20 ordinate report task.ordinate\n\
                   \x20 ordinate report task.ordinate --open")]
    Report(ReportArgs),
    /// Show the runs of a folder in the browser: a list, two side by side, the history of a task
    #[command(after_help = "Examples:\n\
                   \x20 ordinate view\n\
                   \x20 ordinate view runs --open")]
    View(ViewArgs),
    /// Reach the verdict of a run again, under other needs; nothing is asked or learned anew
    #[command(after_help = "Examples:\n\
                   \x20 ordinate judge task.ordinate --need max_cost_per_1k=0.25\n\
                   \x20 ordinate judge task.ordinate --need goal=latency --need min_quality=0.8 --json")]
    Judge(JudgeArgs),
    /// Say whether the verdict of a run held on answers that came later
    #[command(after_help = "Example:\n\
                   \x20 ordinate verify task.ordinate --evidence april.csv")]
    Verify(VerifyArgs),
    /// Say what a word of the verdict means
    #[command(after_help = "Example:\n\x20 ordinate explain zero router")]
    Explain(ExplainArgs),
    /// Pass or fail by the verdict of a run, for continuous integration: 0 as expected, 1 not, 3 undecided
    #[command(after_help = "Examples:\n\
                   \x20 ordinate gate task.ordinate --expect outcome=general --need max_cost_per_1k=5\n\
                   \x20 ordinate gate task.ordinate --against last-week.ordinate --need margin=0.01 --junit gate.xml")]
    Gate(GateArgs),
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
    Label(LabelArgs),
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
