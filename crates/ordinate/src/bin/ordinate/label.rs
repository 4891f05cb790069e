//! `ordinate label`: a person labels items, or grades answers, in the browser.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};
use ordinate::{CancellationToken, Label, LabelOrder, Labelling, Options};

use crate::failure::Failure;
use crate::output::{print, tell};
use crate::runtime::wait;

/// `ordinate label`.
#[derive(Debug, Args)]
pub(crate) struct LabelArgs {
    /// The run folder; or a task file, where there is no run yet
    #[arg(value_name = "RUN", value_hint = ValueHint::AnyPath)]
    place: PathBuf,
    /// The items without labels (JSON lines, CSV, Parquet, ...), with the fields of the task [default: those of the task that have
    /// no target]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    items: Option<PathBuf>,
    /// Recorded answers (id, output) of a candidate that does not run in this process (repeatable)
    #[arg(long, value_name = "NAME=FILE", value_parser = crate::label_next::answers)]
    answers: Vec<(String, PathBuf)>,
    /// The order: a random draw by the task's seed, or what settles most first [default: settling; random where answers are graded that
    /// a judge is held to, since corrected qualities rest on a random draw]
    #[arg(long)]
    order: Option<Order>,
    /// The file that each label goes to, a line each [default: what `[data] targets` names, else NAME.labels.jsonl; of grades what
    /// `[judge] human` names, else NAME.grades.jsonl]
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    out: Option<PathBuf>,
    /// Where to listen, on this machine; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8091")]
    bind: SocketAddr,
    /// Open it in the browser
    #[arg(long)]
    open: bool,
}

/// In which order items come.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Order {
    Random,
    Settling,
}

impl From<Order> for LabelOrder {
    fn from(order: Order) -> Self {
        match order {
            Order::Random => Self::Random,
            Order::Settling => Self::Settling,
        }
    }
}

pub(crate) fn label(args: LabelArgs) -> Result<(), Failure> {
    let stop = CancellationToken::new();
    wait(run(args, stop.clone()), stop)
}

async fn run(args: LabelArgs, stop: CancellationToken) -> Result<(), Failure> {
    let LabelArgs { place, items, answers, order, out, bind, open } = args;
    let labelling = Labelling { place, items, answers, out, order: order.map(LabelOrder::from) };
    let options = Options { cancel: stop.clone(), ..Options::default() };
    let label = Label::start(&labelling, bind, &options).await?;
    let address = format!("http://{}", label.address());
    let (asked, given) =
        if label.are_grades() { ("answers to grade", "grades") } else { ("items to label", "labels") };
    tell(&format!("{} {asked}", label.left()));
    label.notes().iter().for_each(|note| tell(note));
    tell(&format!("listening on {address}"));
    tell("Ctrl-C ends it; everything that was said is kept");
    if open && let Err(error) = open::that(&address) {
        tell(&format!("no browser could be opened: {error}"));
    }
    let labelled = label.run(stop).await;
    print(&format!(
        "{} {given} in {}, {} of them now\nfor the task file:\n\n{}",
        labelled.labels,
        labelled.file.display(),
        labelled.given,
        labelled.toml
    ))
}
