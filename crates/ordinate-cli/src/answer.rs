//! The arguments of what answers: `ordinate ask`, `ordinate serve` and `ordinate status`.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueHint};

/// `ordinate ask`.
#[derive(Debug, Args)]
pub struct AskArgs {
    /// The run folder
    #[arg(value_name = "RUN", value_hint = ValueHint::DirPath)]
    pub run: PathBuf,
    /// The input text; - for standard input
    #[arg(value_name = "INPUT", required_unless_present_any = ["items", "item"])]
    pub input: Option<String>,
    /// The slice of the input, where the task has slices
    #[arg(long)]
    pub slice: Option<String>,
    /// The passage that the input is about, where the task has passages; - for standard input
    #[arg(long, value_name = "TEXT")]
    pub context: Option<String>,
    /// The whole item as a JSON object, with the fields of the run's task (passage, options, slice, ...); - for standard input
    #[arg(long, value_name = "JSON", conflicts_with_all = ["input", "slice", "context"])]
    pub item: Option<String>,
    /// Decide about every item of a file (JSON lines, CSV, Parquet, ...), with the fields of the run's task; JSON lines out
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["input", "slice", "context", "item"])]
    pub items: Option<PathBuf>,
    /// Another policy of the run than the recommended one
    #[arg(long, value_name = "NAME")]
    pub policy: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `ordinate serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The run folders; each task is the model ordinate/NAME
    #[arg(value_name = "RUN", value_hint = ValueHint::DirPath, required_unless_present = "new_key")]
    pub runs: Vec<PathBuf>,
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub bind: SocketAddr,
    /// Another policy of the run than the recommended one
    #[arg(long, value_name = "NAME")]
    pub policy: Option<String>,
    /// Candidates that were recorded, or are elsewhere now, and how they are asked: a file with [[candidate]] entries
    #[allow(rustdoc::broken_intra_doc_links)] // what stands here is shown as it is by `--help`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub upstreams: Option<PathBuf>,
    /// What the server does beyond answering (docs/serve.md): shadow requests, and what it watches
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub settings: Option<PathBuf>,
    /// The keys of those who may ask; without one anybody who can reach the address may
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub keys: Option<PathBuf>,
    /// Make a key of this name, add its hash to the keys file, print the key, and end
    #[arg(long, value_name = "NAME", requires = "keys")]
    pub new_key: Option<String>,
    /// Listen where other machines can reach it although no keys are wanted
    #[arg(long)]
    pub open: bool,
    /// Let clients ask for one candidate by its name too
    #[arg(long)]
    pub allow_candidates: bool,
    /// Let no other candidate answer where the chosen one is out of order
    #[arg(long)]
    pub no_stand_in: bool,
    /// Folder of the record of what was answered [default: served, in the first run folder]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub record: Option<PathBuf>,
    /// Keep no record
    #[arg(long, conflicts_with = "record")]
    pub no_record: bool,
    /// Write a line of JSON for each answer to standard error
    #[arg(long)]
    pub log: bool,
    /// The most bytes of a request
    #[arg(long, value_name = "BYTES", default_value_t = 8 << 20)]
    pub max_body: usize,
    /// The most connections at one time
    #[arg(long, value_name = "N", default_value_t = 4_096)]
    pub max_connections: usize,
    /// Threads that answer; models in this process have threads of their own [default: one for every two processor cores]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// Seconds that a client has for the head of a request, and for each part of its body
    #[arg(long, value_name = "SECONDS", default_value_t = 15)]
    pub client_time: u64,
    /// Seconds for what is being answered when the server is told to end
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub drain: u64,
}

/// `ordinate status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// The run folder
    #[arg(value_name = "RUN", value_hint = ValueHint::DirPath)]
    pub run: PathBuf,
    /// Folder of the record [default: served, in the run folder]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub record: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
